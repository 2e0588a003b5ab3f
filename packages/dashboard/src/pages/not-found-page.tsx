// An address that leads nowhere.
import { Button, Center, EmptyState } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { InboxIcon } from '../parts/icons.tsx';

export function NotFoundPage() {
  return (
    <Center h="80dvh">
      <EmptyState
        icon={<InboxIcon size={32} />}
        title="There is no such page"
        description="The address may be mistyped or out of date."
      >
        <EmptyState.Actions>
          <Button component={Link} to="/traffic" variant="default">
            Go to traffic
          </Button>
        </EmptyState.Actions>
      </EmptyState>
    </Center>
  );
}
