// Who is signed in, for which tenant, as what; and the way out.
import type { Me } from '@echoplane/api';
import { ActionIcon, Menu, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { signOut } from '../api.ts';
import { UserIcon } from './icons.tsx';
import { describeError } from './problem-notice.tsx';

export function UserMenu({ me }: { me: Me }) {
  const navigate = useNavigate();
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => navigate({ to: '/sign-in' }) });
  return (
    <Menu position="bottom-end" width={240} withArrow>
      <Menu.Target>
        <ActionIcon aria-label="User menu">
          <UserIcon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" c="var(--mantine-color-text)" truncate>
            {me.user?.email ?? 'API key'}
          </Text>
          <Text size="xs">
            {me.tenant.name} · {me.role}
          </Text>
        </Menu.Label>
        <Menu.Divider />
        {leave.error && (
          <Text role="alert" size="xs" c="red" px="sm" pb="xs">
            {describeError(leave.error).detail}
          </Text>
        )}
        <Menu.Item closeMenuOnClick={false} disabled={leave.isPending} onClick={() => leave.mutate()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
