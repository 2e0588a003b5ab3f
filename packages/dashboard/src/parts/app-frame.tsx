// The frame around every page but sign-in: header, navigation, who is signed in. Someone who is not is led to the
// sign-in page and back to where they were.
import { Anchor, AppShell, Center, Group, Loader, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { isSignedOut, meQuery } from '../api.ts';
import classes from './app-frame.module.css';
import { ColorSchemeButton } from './color-scheme-button.tsx';
import { LogoIcon } from './icons.tsx';
import { ProblemNotice } from './problem-notice.tsx';
import { UserMenu } from './user-menu.tsx';

export const HEADER_HEIGHT = 48;

export function AppFrame() {
  const me = useQuery(meQuery);
  const router = useRouter();
  const signedOut = isSignedOut(me.error);
  useEffect(() => {
    const next = router.latestLocation.href;
    if (signedOut) router.navigate({ to: '/sign-in', search: { next }, replace: true }).catch(() => {});
  }, [signedOut, router]);
  return (
    <AppShell header={{ height: HEADER_HEIGHT }} padding={0}>
      <Anchor href="#content" className={classes.skip ?? ''}>
        Skip to content
      </Anchor>
      <AppShell.Header px="md">
        <Group h="100%" gap="lg" wrap="nowrap">
          <Group gap={8} wrap="nowrap" c="var(--mantine-primary-color-filled)">
            <LogoIcon size={20} />
            <Text fw={700} c="var(--mantine-color-text)" visibleFrom="xs">
              Echoplane
            </Text>
          </Group>
          <Group component="nav" aria-label="Main" gap={4} wrap="nowrap" h="100%">
            <Link to="/traffic" className={classes.link ?? ''}>
              Traffic
            </Link>
            <Link to="/reports" className={classes.link ?? ''}>
              Reports
            </Link>
            <Link to="/clusters" className={classes.link ?? ''}>
              Clusters
            </Link>
          </Group>
          <Group gap="xs" ml="auto" wrap="nowrap">
            <ColorSchemeButton />
            {me.data && <UserMenu me={me.data} />}
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Main id="content">
        {me.data && !signedOut && <Outlet />}
        {(me.isPending || signedOut) && (
          <Center h="60dvh">
            <Loader size="sm" aria-label="Loading" />
          </Center>
        )}
        {me.error && !me.data && !signedOut && (
          <Center h="60dvh" p="md">
            <ProblemNotice error={me.error} onRetry={() => me.refetch()} retrying={me.isFetching} />
          </Center>
        )}
      </AppShell.Main>
    </AppShell>
  );
}
