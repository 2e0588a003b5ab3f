// What follows the last row: rows being fetched, a search that stopped at its budget, or a failure.
import { Button, Center, Group, Loader, Skeleton, Stack, Text } from '@mantine/core';
import { formatDate } from '../format.ts';
import { ProblemNotice } from './problem-notice.tsx';
import type { TrafficAnswer } from './use-traffic-rows.ts';

interface TrafficListEndProps {
  answer: TrafficAnswer;
  /** Rows at or after this time were looked at, µs since the epoch; null when the search did not stop early. */
  searchedUntil: number | null;
}

export function TrafficListEnd({ answer, searchedUntil }: TrafficListEndProps) {
  if (answer.isPending) {
    return (
      <Stack gap={14} p="md" aria-hidden="true">
        {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => (
          <Skeleton key={key} height={16} />
        ))}
      </Stack>
    );
  }
  if (answer.error) {
    const retry = answer.isFetchNextPageError ? answer.fetchNextPage : answer.refetch;
    return (
      <Center p="md">
        <ProblemNotice error={answer.error} onRetry={() => retry()} retrying={answer.isFetching} />
      </Center>
    );
  }
  if (answer.isFetchingNextPage) {
    return (
      <Center h={40}>
        <Loader size="xs" aria-label="Loading more" />
      </Center>
    );
  }
  if (searchedUntil === null) return null;
  return (
    <Group justify="center" p="sm">
      <Text size="sm" c="dimmed">
        Searched back to {formatDate(searchedUntil)}.
      </Text>
      <Button variant="default" onClick={() => answer.fetchNextPage()}>
        Search further back
      </Button>
    </Group>
  );
}
