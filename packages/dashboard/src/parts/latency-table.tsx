// Latency of the whole replay beside the recording's.
import type { Latency, Report } from '@echoplane/traffic';
import { Paper, Table, Title } from '@mantine/core';
import { formatCount, formatDuration } from '../format.ts';

const PERCENTILES = ['p50Us', 'p95Us', 'p99Us', 'p999Us'] as const;
export const PERCENTILE_NAMES = { p50Us: 'p50', p95Us: 'p95', p99Us: 'p99', p999Us: 'p99.9' };

export function LatencyTable({ report }: { report: Report }) {
  const rows: [string, Latency][] = [
    ['Recorded', report.recorded],
    ['Replayed', report.replayed],
  ];
  return (
    <Paper withBorder>
      <Title order={2} size="h5" p="sm" pb={4}>
        Latency
      </Title>
      <Table.ScrollContainer minWidth={480}>
        <Table aria-label="Latency" style={{ fontVariantNumeric: 'tabular-nums' }}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th aria-label="Of" />
              <Table.Th ta="right">Requests</Table.Th>
              {PERCENTILES.map((key) => (
                <Table.Th key={key} ta="right">
                  {PERCENTILE_NAMES[key]}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(([name, latency]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500}>
                  {name}
                </Table.Th>
                <Table.Td ta="right">{formatCount(latency.count)}</Table.Td>
                {PERCENTILES.map((key) => (
                  <Table.Td key={key} ta="right">
                    {formatDuration(latency[key])}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}
