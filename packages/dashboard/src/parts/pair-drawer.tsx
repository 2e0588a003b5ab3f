// One RRPair at the side of the page it was opened from, read from its place in the store.
import { Alert, Badge, Button, Drawer, Group, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { pairQuery } from '../api.ts';
import { ClockIcon } from './icons.tsx';
import { PairView } from './pair-view.tsx';
import { ProblemNotice } from './problem-notice.tsx';

interface PairDrawerProps {
  /** Absent: closed. */
  id: string | undefined;
  onClose: () => void;
}

export function PairDrawer({ id, onClose }: PairDrawerProps) {
  return (
    <Drawer
      opened={id !== undefined}
      onClose={onClose}
      position="right"
      size="min(1120px, 94vw)"
      padding="md"
      title={
        <Group gap="xs">
          <Text fw={600}>RRPair</Text>
          <Text size="xs" c="dimmed" ff="monospace">
            {id}
          </Text>
        </Group>
      }
      overlayProps={{ backgroundOpacity: 0.25 }}
      transitionProps={{ duration: 120 }}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {id !== undefined && <PairContent id={id} />}
    </Drawer>
  );
}

function PairContent({ id }: { id: string }) {
  const answer = useQuery(pairQuery(id));
  if (answer.data?.detail) return <PairView detail={answer.data.detail} />;
  if (answer.data) {
    return (
      <Alert color="blue" title="Still in the cluster" icon={<ClockIcon />} role="status">
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            {answer.data.openBecause ||
              'The segment that holds this pair has not reached the object store yet.'}
          </Text>
          <Text size="sm">It usually arrives within a minute; this page keeps asking.</Text>
          <Button variant="default" onClick={() => answer.refetch()} loading={answer.isFetching}>
            Try again now
          </Button>
        </Stack>
      </Alert>
    );
  }
  if (answer.error) {
    return (
      <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
    );
  }
  return (
    <Stack aria-busy="true" aria-label="Loading the pair">
      <Badge variant="transparent" color="gray">
        Loading…
      </Badge>
      {[28, 160, 220].map((height) => (
        <Skeleton key={height} height={height} />
      ))}
    </Stack>
  );
}
