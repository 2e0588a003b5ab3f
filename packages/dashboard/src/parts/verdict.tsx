// A verdict in words and colour, small in lists and large at the head of a report.
import type { Replay } from '@echoplane/api';
import type { Verdict } from '@echoplane/traffic';
import { Badge, Group, Loader, Text, ThemeIcon, Title } from '@mantine/core';
import { AlertIcon, CheckIcon, CrossIcon } from './icons.tsx';

const VERDICTS: Record<Verdict, { words: string; color: string; icon: typeof CheckIcon }> = {
  passed: { words: 'Passed', color: 'green', icon: CheckIcon },
  'missed-goals': { words: 'Missed goals', color: 'red', icon: CrossIcon },
  failed: { words: 'Failed', color: 'red', icon: AlertIcon },
  void: { words: 'Void', color: 'yellow', icon: AlertIcon },
};

const PHASES: Record<Replay['phase'], string> = {
  running: 'Running',
  analyzing: 'Analyzing',
  succeeded: 'Succeeded',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

export function VerdictBadge({ verdict }: { verdict: Verdict }) {
  const { words, color, icon: Icon } = VERDICTS[verdict];
  return (
    <Badge color={color} leftSection={<Icon size={11} />}>
      {words}
    </Badge>
  );
}

export function VerdictTitle({ verdict }: { verdict: Verdict }) {
  const { words, color, icon: Icon } = VERDICTS[verdict];
  return (
    <Group gap="sm">
      <ThemeIcon size={38} radius="xl" variant="light" color={color}>
        <Icon size={22} />
      </ThemeIcon>
      <Title
        order={1}
        size={32}
        lh={1.1}
        c={`var(--mantine-color-${color}-text)`}
        aria-label={`Verdict: ${words}`}
      >
        {words}
      </Title>
    </Group>
  );
}

export function PhaseBadge({ phase }: { phase: Replay['phase'] }) {
  const words = PHASES[phase];
  if (phase !== 'running' && phase !== 'analyzing') return <Text size="sm">{words}</Text>;
  return (
    <Badge color="blue" leftSection={<Loader size={10} color="currentColor" />}>
      {words}
    </Badge>
  );
}
