// The workloads of a cluster: found by name, recorded or no longer. After a change they are asked for again for a while,
// because pods are replaced one after the other.
import { Alert, Button, Group, Skeleton, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { queryClient } from '../api.ts';
import { type Workload, workloadsQuery } from '../cluster-queries.ts';
import { describeCoverage, matching, nameOf } from '../clusters.ts';
import { formatCount, formatTime } from '../format.ts';
import { CaptureDialog, type Change } from './capture-dialog.tsx';
import { CheckIcon } from './icons.tsx';
import { ProblemNotice } from './problem-notice.tsx';
import { WorkloadTable } from './workload-table.tsx';

const WATCH_REFRESH_MS = 5_000;
const WATCH_MS = 90_000;

/** A change whose pods are still on their way. */
interface Watched {
  change: Change;
  untilMs: number;
}

export function WorkloadPanel({ inspector }: { inspector: string }) {
  const [text, setText] = useState('');
  const [change, setChange] = useState<Change | null>(null);
  const [watched, setWatched] = useState<Watched | null>(null);
  const query = workloadsQuery(inspector);
  const answer = useQuery({
    ...query,
    refetchInterval: ({ state }) => (isSettled(watched, state.data?.workloads) ? false : WATCH_REFRESH_MS),
  });
  const done = (made: Change) => {
    setChange(null);
    setWatched({ change: made, untilMs: Date.now() + WATCH_MS });
    queryClient.invalidateQueries({ queryKey: query.queryKey }).catch(() => {});
  };
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <TextInput
          aria-label="Find workloads by name"
          placeholder="Kind, namespace or name"
          w={220}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button variant="default" loading={answer.isFetching} onClick={() => answer.refetch()}>
          List again
        </Button>
        {answer.data && (
          <Text size="xs" c="dimmed">
            {formatCount(answer.data.workloads.length)} workloads as of{' '}
            {formatTime(answer.dataUpdatedAt * 1_000).slice(0, 8)}
            {!answer.data.complete && '; there are more than can be listed'}
          </Text>
        )}
      </Group>
      {watched && <Asked change={watched.change} settled={isSettled(watched, answer.data?.workloads)} />}
      {answer.error && (
        <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
      )}
      {answer.isPending && <Skeleton height={120} aria-label="Loading workloads" aria-busy="true" />}
      {answer.data && (
        <WorkloadTable workloads={matching(answer.data.workloads, text)} onChange={setChange} />
      )}
      <CaptureDialog inspector={inspector} change={change} onClose={() => setChange(null)} onDone={done} />
    </Stack>
  );
}

function Asked({ change: { to, workload }, settled }: { change: Change; settled: boolean }) {
  return (
    <Alert role="status" color={settled ? 'green' : 'blue'} icon={<CheckIcon />} p="xs" maw={720}>
      {nameOf(workload)} is {to === 'record' ? 'annotated' : 'no longer annotated'}
      {settled ? '.' : '; its pods are being replaced.'}
    </Alert>
  );
}

/** Whether there is nothing to wait for: pods are as asked, or too much time has passed. */
function isSettled(watched: Watched | null, workloads: readonly Workload[] | undefined): boolean {
  if (watched === null || Date.now() > watched.untilMs) return true;
  const { to, workload } = watched.change;
  const now = workloads?.find((one) => nameOf(one) === nameOf(workload));
  return now !== undefined && now.injected === (to === 'record') && describeCoverage(now).trouble === null;
}
