// CPU and memory of containers over time, side by side, and a table that is their legend: peaks, or the figures at the
// moment under the pointer.
import { Box, ColorSwatch, Group, Paper, SimpleGrid, Table, Text, Title } from '@mantine/core';
import { useMemo, useState } from 'react';
import type uPlot from 'uplot';
import { formatBytes, formatCpu, formatTime, NONE, plural } from '../format.ts';
import { type ContainerUse, containerKey, type PodUse, valueAt } from '../pod-data.ts';
import { Plot, type PlotSeries } from './plot.tsx';

const HEIGHT = 132;
/** One line each; more could not be told apart. */
const COLORS = ['indigo-5', 'teal-6', 'orange-6', 'grape-6', 'cyan-6', 'lime-7', 'pink-6', 'yellow-7'];
const LISTED = 50;
const noSpan = () => {};

export function PodUseCharts({ use }: { use: PodUse }) {
  const [hovered, setHovered] = useState<number | null>(null);
  const drawn = useMemo(() => use.containers.slice(0, COLORS.length), [use]);
  const series = useMemo(
    () => drawn.map((_, index): PlotSeries => ({ color: COLORS[index]!, kind: 'line' })),
    [drawn],
  );
  const cpu = useMemo(() => [use.times, ...drawn.map((one) => one.cpu)] as uPlot.AlignedData, [use, drawn]);
  const memory = useMemo(
    () => [use.times, ...drawn.map((one) => one.memory)] as uPlot.AlignedData,
    [use, drawn],
  );
  const [first, last] = [use.times[0]!, use.times.at(-1)!];
  const plot = {
    ...{ series, height: HEIGHT, syncKey: 'pods', showTimes: true, onHover: setHovered, onSelect: noSpan },
    span: [first, Math.max(last, first + 1)] as [number, number],
  };
  const left = use.containers.length - drawn.length;
  return (
    <Paper withBorder>
      <SimpleGrid cols={{ base: 1, md: 2 }} p="sm" pb={0}>
        <Box>
          <Heading title="CPU" unit="cores; 250m is a quarter" />
          <div aria-hidden="true">
            <Plot {...plot} data={cpu} atLeastY={20} formatY={formatCpu} />
          </div>
        </Box>
        <Box>
          <Heading title="Memory" unit="working set" />
          <div aria-hidden="true">
            <Plot {...plot} data={memory} atLeastY={16e6} formatY={formatBytes} />
          </div>
        </Box>
      </SimpleGrid>
      <Legend containers={use.containers.slice(0, LISTED)} time={use.times[hovered ?? -1]} at={hovered} />
      {left > 0 && (
        <Text size="xs" c="dimmed" px="sm" pb="sm">
          The {drawn.length} with most memory are drawn; {plural(left, 'further container')} not.
        </Text>
      )}
    </Paper>
  );
}

function Heading({ title, unit }: { title: string; unit: string }) {
  return (
    <Group gap="xs" align="baseline" mb={4}>
      <Title order={3} size="h6">
        {title}
      </Title>
      <Text size="xs" c="dimmed">
        {unit}
      </Text>
    </Group>
  );
}

interface LegendProps {
  containers: readonly ContainerUse[];
  /** s since the epoch; absent when the pointer is elsewhere. */
  time: number | undefined;
  at: number | null;
}

function Legend({ containers, time, at }: LegendProps) {
  const when = time === undefined ? 'peak' : `at ${formatTime(time * 1e6).slice(0, 8)}`;
  const figures = {
    ta: 'right',
    style: { fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' },
  } as const;
  return (
    <Table.ScrollContainer minWidth={480}>
      <Table aria-label="CPU and memory by container" fz="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Container</Table.Th>
            <Table.Th>Pod</Table.Th>
            <Table.Th {...figures}>CPU, {when}</Table.Th>
            <Table.Th {...figures}>Memory, {when}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {containers.map((one, index) => {
            const cpu = at === null ? one.peakCpu : valueAt(one.cpu, at);
            const memory = at === null ? one.peakMemory : valueAt(one.memory, at);
            return (
              <Table.Tr key={containerKey(one)}>
                <Table.Th scope="row" fw={500}>
                  <Group gap={6} wrap="nowrap">
                    <ColorSwatch
                      size={10}
                      radius={2}
                      withShadow={false}
                      color={index < COLORS.length ? `var(--mantine-color-${COLORS[index]})` : 'transparent'}
                    />
                    {one.container}
                  </Group>
                </Table.Th>
                <Table.Td>
                  {one.namespace}/{one.pod}
                </Table.Td>
                <Table.Td {...figures}>{cpu === null ? NONE : formatCpu(cpu)}</Table.Td>
                <Table.Td {...figures}>{memory === null ? NONE : formatBytes(memory)}</Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
