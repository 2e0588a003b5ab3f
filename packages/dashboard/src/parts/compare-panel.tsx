// A report beside an earlier one of the same snapshot: what is new, gone, and moved beyond noise. The earlier one is part of
// the address, so that a comparison can be sent to somebody.
import type { Replay } from '@echoplane/api';
import type { Finding, ReportComparison } from '@echoplane/traffic';
import { Badge, Group, Paper, Select, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { comparisonQuery, replaysQuery } from '../api.ts';
import { formatDate, formatDuration } from '../format.ts';
import { surely } from './finding-words.ts';
import { ProblemNotice } from './problem-notice.tsx';

interface ComparePanelProps {
  replay: Replay;
  /** Id of the earlier replay; null while none is chosen. */
  before: string | null;
  onChoose: (before: string | null) => void;
}

export function ComparePanel({ replay, before, onChoose }: ComparePanelProps) {
  const replays = useQuery(replaysQuery);
  const others = (replays.data?.items ?? []).filter(
    ({ id, snapshot, verdict }) => id !== replay.id && snapshot === replay.snapshot && verdict !== null,
  );
  if (others.length === 0 && before === null) return null;
  return (
    <Paper withBorder p="sm" component="section" aria-label="Comparison">
      <Group justify="space-between" align="flex-end">
        <Title order={2} size="h5">
          Compared with
        </Title>
        <Select
          aria-label="Earlier replay"
          placeholder="an earlier replay"
          clearable
          searchable
          w={360}
          data={others.map(({ id, name, createdAt }) => ({
            value: id,
            label: `${name} · ${formatDate(createdAt)}`,
          }))}
          value={before}
          onChange={onChoose}
        />
      </Group>
      {before !== null && <Comparison id={replay.id} before={before} />}
    </Paper>
  );
}

function Comparison({ id, before }: { id: string; before: string }) {
  const answer = useQuery(comparisonQuery(id, before));
  if (answer.isPending) return <Skeleton height={80} mt="sm" />;
  if (!answer.data)
    return (
      <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
    );
  const { sentences, findings, leaves, latency } = answer.data;
  const moved = latency.filter(({ isCalled }) => isCalled);
  return (
    <Stack gap="xs" mt="sm">
      {sentences.map((sentence) => (
        <Text key={sentence} size="sm">
          {sentence}
        </Text>
      ))}
      {findings.new.map((finding) => (
        <Change key={`new ${keyOf(finding)}`} words="New" color="red" text={finding.sentence} />
      ))}
      {findings.same
        .filter(({ isMore }) => isMore)
        .map(({ finding, before }) => (
          <Change
            key={`more ${keyOf(finding)}`}
            words="More often"
            color="red"
            text={`${finding.sentence} (${before} before, ${finding.count} now)`}
          />
        ))}
      {findings.gone.map((finding) => (
        <Change key={`gone ${keyOf(finding)}`} words="Gone" color="green" text={finding.sentence} />
      ))}
      {leaves.map(({ method, endpoint, path, before: was, after }) => (
        <Change
          key={`${method} ${endpoint} ${path}`}
          words="Other value"
          color="grape"
          text={`${method} ${endpoint}: ${path} was ${was ?? 'absent'}, is ${after ?? 'absent'}`}
        />
      ))}
      {moved.map((move) => (
        <Move key={`${move.service ?? ''} ${move.method} ${move.endpoint}`} move={move} />
      ))}
    </Stack>
  );
}

function Move({ move }: { move: ReportComparison['latency'][number] }) {
  const { method, endpoint, beforeUs, afterUs, confidence } = move;
  const isSlower = afterUs > beforeUs;
  const text = `${method} ${endpoint}: ${formatDuration(beforeUs)} became ${formatDuration(afterUs)} (${surely(confidence)})`;
  return <Change words={isSlower ? 'Slower' : 'Faster'} color={isSlower ? 'orange' : 'green'} text={text} />;
}

function Change({ words, color, text }: { words: string; color: string; text: string }) {
  return (
    <Group gap="sm" wrap="nowrap" align="flex-start">
      <Badge color={color} miw={104} style={{ flexShrink: 0 }}>
        {words}
      </Badge>
      <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
        {text}
      </Text>
    </Group>
  );
}

function keyOf({ id, sentence }: Finding): string {
  return id ?? sentence;
}
