// What the pods under test did during a replay: CPU and memory, troubles, Events, logs, and what could not be seen. Nothing
// where nothing was observed, as of every replay outside a cluster.
import { Alert, List, Paper, Stack, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { type Observations, observationsQuery, type Seen } from '../observation-queries.ts';
import { lastOfEach, podTroubles, podUse } from '../pod-data.ts';
import { AlertIcon } from './icons.tsx';
import { PodEvents } from './pod-events.tsx';
import { PodLogs } from './pod-logs.tsx';
import { PodUseCharts } from './pod-use-charts.tsx';
import { ProblemNotice } from './problem-notice.tsx';

interface PodSectionProps {
  /** Id of the replay. */
  replay: string;
  /** It still runs. */
  live: boolean;
}

export function PodSection({ replay, live }: PodSectionProps) {
  const answer = useQuery(observationsQuery(replay, live));
  if (!answer.data) {
    if (!answer.error) return null;
    return (
      <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
    );
  }
  const isEmpty = Object.values(answer.data).every((seen) => seen.length === 0);
  return isEmpty ? null : <Pods seen={answer.data} />;
}

function Pods({ seen }: { seen: Observations }) {
  const use = useMemo(() => podUse(seen.metrics), [seen.metrics]);
  const events = useMemo(() => lastOfEach(seen.events), [seen.events]);
  const troubles = podTroubles(events);
  return (
    <Stack component="section" aria-label="Pods" gap="sm">
      <Title order={2} size="h5">
        Pods
      </Title>
      {troubles.length > 0 && (
        <Alert color="red" icon={<AlertIcon />} p="sm" title="In trouble">
          <List size="sm" style={{ overflowWrap: 'anywhere' }}>
            {troubles.map((sentence) => (
              <List.Item key={sentence}>{sentence}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      {seen.notes.length > 0 && <Notes notes={seen.notes} />}
      {use.containers.length > 0 && <PodUseCharts use={use} />}
      {events.length > 0 && <PodEvents events={events} />}
      {seen.logs.length > 0 && (
        <Paper withBorder p="sm">
          <PodLogs logs={seen.logs} />
        </Paper>
      )}
    </Stack>
  );
}

function Notes({ notes }: { notes: readonly Seen<'note'>[] }) {
  const sentences = new Set(
    notes.map(({ namespace, pod, container, message }) => {
      const where = [namespace, pod, container].filter((part) => part !== undefined).join('/');
      return where === '' ? message : `${where}: ${message}`;
    }),
  );
  return (
    <Alert color="gray" icon={<AlertIcon />} p="sm" title="Not seen">
      <List size="sm" style={{ overflowWrap: 'anywhere' }}>
        {[...sentences].map((sentence) => (
          <List.Item key={sentence}>{sentence}</List.Item>
        ))}
      </List>
    </Alert>
  );
}
