// Traffic over time: inbound counts upwards, outbound counts downwards, what failed in red within them; below it
// a strip with the median and the 95th percentile of latency. Dragging over it chooses a span.
import { Box, Group, Skeleton, Text, VisuallyHidden } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type uPlot from 'uplot';
import { trafficGraphQuery } from '../api.ts';
import { formatCount, formatDuration } from '../format.ts';
import { type GraphColumns, type GraphTotals, graphColumns, graphTotals } from '../graph-data.ts';
import { INBOUND, OUTBOUND } from '../theme.ts';
import { hasListFilters, type TrafficSearch } from '../traffic-search.ts';
import { GraphReadout } from './graph-readout.tsx';
import { Plot, type PlotBand, type PlotSeries } from './plot.tsx';
import { ProblemNotice } from './problem-notice.tsx';

const COUNT_HEIGHT = 132;
const LATENCY_HEIGHT = 96;
const READOUT_HEIGHT = 24;

const COUNT_SERIES: PlotSeries[] = [
  { color: `${INBOUND}-5`, kind: 'bars' },
  { color: 'red-6', kind: 'bars' },
  { color: `${OUTBOUND}-6`, kind: 'bars' },
  { color: 'red-6', kind: 'bars' },
];
const LATENCY_SERIES: PlotSeries[] = [
  { color: `${INBOUND}-5`, kind: 'line' },
  { color: `${INBOUND}-5`, kind: 'faint-line' },
  { color: `${OUTBOUND}-6`, kind: 'line' },
  { color: `${OUTBOUND}-6`, kind: 'faint-line' },
];
const LATENCY_BANDS: PlotBand[] = [
  { series: [1, 2], color: `${INBOUND}-5` },
  { series: [3, 4], color: `${OUTBOUND}-6` },
];

interface TrafficGraphProps {
  search: TrafficSearch;
  /** A span was chosen, ms since the epoch. */
  onSpan: (from: number, to: number) => void;
}

export function TrafficGraph({ search, onSpan }: TrafficGraphProps) {
  const answer = useQuery(trafficGraphQuery(search));
  const [hovered, setHovered] = useState<number | null>(null);
  const columns = useMemo(() => answer.data && graphColumns(answer.data.graph), [answer.data]);
  const plotted = useMemo(() => columns && plotData(columns), [columns]);

  if (answer.error && !answer.data) {
    return (
      <Box px="md" py="xs" mih={READOUT_HEIGHT + COUNT_HEIGHT + LATENCY_HEIGHT}>
        <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
      </Box>
    );
  }
  if (!answer.data || !columns || !plotted) {
    return (
      <Skeleton
        height={READOUT_HEIGHT + COUNT_HEIGHT + LATENCY_HEIGHT}
        radius={0}
        aria-label="Loading the graph"
      />
    );
  }

  const totals = graphTotals(answer.data.graph);
  const from = answer.data.from ?? (columns.times[0] ?? answer.data.to / 1e6 - 3_600) * 1e6;
  const span: [number, number] = [from / 1e6, Math.max(answer.data.to / 1e6, from / 1e6 + 1)];
  const pointer = { onHover: setHovered, onSelect: (a: number, b: number) => onSpan(a * 1e3, b * 1e3) };
  return (
    <Box role="group" aria-label="Traffic over time" pos="relative" px="xs">
      <GraphReadout
        columns={columns}
        hovered={hovered}
        totals={totals}
        stepUs={answer.data.graph.stepUs}
        filtered={hasListFilters(search)}
      />
      <Summary totals={totals} />
      <div aria-hidden="true">
        <Plot
          series={COUNT_SERIES}
          data={plotted.counts}
          height={COUNT_HEIGHT}
          atLeastY={4}
          formatY={(n) => formatCount(Math.abs(n))}
          syncKey="traffic"
          span={span}
          showTimes={false}
          {...pointer}
        />
        <Plot
          series={LATENCY_SERIES}
          bands={LATENCY_BANDS}
          data={plotted.latency}
          height={LATENCY_HEIGHT}
          atLeastY={10_000}
          formatY={formatDuration}
          syncKey="traffic"
          span={span}
          showTimes
          {...pointer}
        />
      </div>
      {columns.times.length === 0 && <Nothing />}
    </Box>
  );
}

/** The totals for who cannot see the graph. */
function Summary({ totals }: { totals: GraphTotals }) {
  return (
    <VisuallyHidden>
      {`Inbound ${formatCount(totals.inbound)} requests, ${formatCount(totals.inboundErrors)} failed. `}
      {`Outbound ${formatCount(totals.outbound)} requests, ${formatCount(totals.outboundErrors)} failed.`}
    </VisuallyHidden>
  );
}

function Nothing() {
  return (
    <Group pos="absolute" inset={0} justify="center" style={{ pointerEvents: 'none' }}>
      <Text size="sm" c="dimmed">
        No requests in this time
      </Text>
    </Group>
  );
}

function plotData(c: GraphColumns) {
  return {
    counts: [c.times, c.inbound, c.inboundErrors, c.outbound, c.outboundErrors] as uPlot.AlignedData,
    latency: [c.times, c.inboundP95, c.inboundP50, c.outboundP95, c.outboundP50] as uPlot.AlignedData,
  };
}
