// The line above the graph: its legend, with the figures of the whole span or of the step under the pointer.
import { ColorSwatch, Group, Text } from '@mantine/core';
import { formatCount, formatDate, formatDuration } from '../format.ts';
import type { GraphColumns, GraphTotals } from '../graph-data.ts';
import { INBOUND, OUTBOUND } from '../theme.ts';

const MINUTE_US = 60_000_000;

interface GraphReadoutProps {
  columns: GraphColumns;
  hovered: number | null;
  totals: GraphTotals;
  stepUs: number;
  /** Whether filters are set, which the graph does not follow. */
  filtered: boolean;
}

export function GraphReadout({ columns, hovered, totals, stepUs, filtered }: GraphReadoutProps) {
  const time = hovered === null ? undefined : columns.times[hovered];
  const at = (column: (number | null)[]) => (time === undefined ? null : (column[hovered!] ?? null));
  const counts =
    time === undefined
      ? totals
      : {
          inbound: at(columns.inbound) ?? 0,
          inboundErrors: at(columns.inboundErrors) ?? 0,
          // Not `-`: a negated zero would print as `-0`.
          outbound: Math.abs(at(columns.outbound) ?? 0),
          outboundErrors: Math.abs(at(columns.outboundErrors) ?? 0),
        };
  return (
    <Group gap="lg" h={24} px="xs" wrap="nowrap" style={{ overflow: 'hidden', whiteSpace: 'nowrap' }} fz="xs">
      <Entry
        color={`${INBOUND}-5`}
        name="Inbound"
        count={counts.inbound}
        errors={counts.inboundErrors}
        p50={at(columns.inboundP50)}
        p95={at(columns.inboundP95)}
      />
      <Entry
        color={`${OUTBOUND}-6`}
        name="Outbound"
        count={counts.outbound}
        errors={counts.outboundErrors}
        p50={at(columns.outboundP50)}
        p95={at(columns.outboundP95)}
      />
      <Text size="xs" c="dimmed" ml="auto">
        {time === undefined ? caption(stepUs, filtered) : formatDate(time * 1e6)}
      </Text>
    </Group>
  );
}

function caption(stepUs: number, filtered: boolean): string {
  const step = stepUs === MINUTE_US ? 'minute' : formatDuration(stepUs);
  const about = filtered
    ? 'filters narrow the list, not the graph'
    : `count and latency (p95, p50) per ${step} · drag to zoom`;
  return `Failed: 5xx or no answer · ${about}`;
}

interface EntryProps {
  color: string;
  name: string;
  count: number;
  errors: number;
  p50: number | null;
  p95: number | null;
}

function Entry({ color, name, count, errors, p50, p95 }: EntryProps) {
  return (
    <Group gap={6} wrap="nowrap">
      <ColorSwatch size={10} radius={2} withShadow={false} color={`var(--mantine-color-${color})`} />
      <span>
        {name} <b>{formatCount(count)}</b>
      </span>
      <Text span inherit c={errors > 0 ? 'red' : 'dimmed'}>
        {formatCount(errors)} failed
      </Text>
      {p95 !== null && (
        <Text span inherit c="dimmed">
          p50 {formatDuration(p50)} · p95 {formatDuration(p95)}
        </Text>
      )}
    </Group>
  );
}
