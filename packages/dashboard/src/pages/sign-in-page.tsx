// Sign in with e-mail and password, then back to where one wanted to go.

import { ApiError } from '@echoplane/api';
import {
  Alert,
  Button,
  Center,
  Code,
  Group,
  Paper,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { type FormEvent, useEffect, useState } from 'react';
import { meQuery, signIn } from '../api.ts';
import { ColorSchemeButton } from '../parts/color-scheme-button.tsx';
import { LogoIcon } from '../parts/icons.tsx';
import { describeError } from '../parts/problem-notice.tsx';

const route = getRouteApi('/sign-in');

export function SignInPage() {
  useDocumentTitle('Sign in · Echoplane');
  const { next = '/traffic' } = route.useSearch();
  const { history } = useRouter();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const me = useQuery({ ...meQuery, retry: false });
  const enter = useMutation({ mutationFn: signIn, onError: () => setPassword('') });

  // Not `data`: what is known of an ended session stays there beside the error.
  const signedIn = me.isSuccess;
  useEffect(() => {
    if (signedIn) history.replace(next);
  }, [signedIn, history, next]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter.mutate({ email: email.trim(), password });
  };

  return (
    <Center component="main" mih="100dvh" p="md">
      <Group pos="absolute" top={8} right={16}>
        <ColorSchemeButton />
      </Group>
      <Paper
        component="form"
        withBorder
        p="xl"
        w={380}
        shadow="xs"
        onSubmit={submit}
        aria-labelledby="sign-in-title"
      >
        <Stack gap="md">
          <Group gap="xs" c="var(--mantine-primary-color-filled)">
            <LogoIcon size={24} />
            <Title id="sign-in-title" order={1} size="h3" c="var(--mantine-color-text)">
              Sign in to Echoplane
            </Title>
          </Group>
          <TextInput
            label="E-mail"
            type="email"
            size="sm"
            required
            withAsterisk={false}
            autoComplete="username"
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            size="sm"
            required
            withAsterisk={false}
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {enter.error && <Refusal error={enter.error} />}
          <Button type="submit" size="sm" loading={enter.isPending} fullWidth>
            Sign in
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}

function Refusal({ error }: { error: unknown }) {
  const { title, detail } = describeError(error);
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <Alert role="alert" color="red" title={title} p="sm">
      <Text size="sm">{detail}</Text>
      {problem && problem.status >= 500 && (
        <Text size="xs" c="dimmed" mt={4}>
          Request id <Code>{problem.requestId}</Code>
        </Text>
      )}
    </Alert>
  );
}
