// Every endpoint of the replay: passed assertions, and latency recorded, in the baseline and replayed.
import type { EndpointReport, Report } from '@echoplane/traffic';
import { Badge, Paper, Table, Text, Title } from '@mantine/core';
import { formatChange, formatCount, formatDuration } from '../format.ts';
import { PERCENTILE_NAMES } from './latency-table.tsx';

const PERCENTILES = ['p50Us', 'p95Us', 'p99Us'] as const;

export function EndpointTable({ report }: { report: Report }) {
  const slower = new Set(
    report.findings.filter((f) => f.kind === 'slower').map((f) => `${f.method} ${f.endpoint}`),
  );
  const withBaseline = report.endpoints.some((endpoint) => endpoint.baseline !== null);
  const sources = withBaseline
    ? (['recorded', 'baseline', 'replayed'] as const)
    : (['recorded', 'replayed'] as const);
  return (
    <Paper withBorder>
      <Title order={2} size="h5" p="sm" pb={4}>
        Endpoints
      </Title>
      <Table.ScrollContainer minWidth={900}>
        <Table
          aria-label="Endpoints"
          fz="xs"
          horizontalSpacing="xs"
          style={{ fontVariantNumeric: 'tabular-nums' }}
        >
          <Table.Thead>
            <Table.Tr>
              <Table.Th rowSpan={2}>Endpoint</Table.Th>
              <Table.Th rowSpan={2} ta="right">
                Passed
              </Table.Th>
              {PERCENTILES.map((key) => (
                <Table.Th key={key} colSpan={sources.length} ta="center">
                  {PERCENTILE_NAMES[key]}
                </Table.Th>
              ))}
            </Table.Tr>
            <Table.Tr>
              {PERCENTILES.flatMap((key) =>
                sources.map((source) => (
                  <Table.Th key={`${key}${source}`} ta="right" fw={400} c="dimmed" tt="capitalize">
                    {source}
                  </Table.Th>
                )),
              )}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {report.endpoints.map((endpoint) => {
              const name = `${endpoint.method} ${endpoint.endpoint}`;
              return (
                <Row key={name} name={name} endpoint={endpoint} sources={sources} slower={slower.has(name)} />
              );
            })}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

interface RowProps {
  name: string;
  endpoint: EndpointReport;
  sources: readonly ('recorded' | 'baseline' | 'replayed')[];
  slower: boolean;
}

function Row({ name, endpoint, sources, slower }: RowProps) {
  const reference = endpoint.baseline ?? endpoint.recorded;
  const change = formatChange(reference.p50Us, endpoint.replayed.p50Us);
  return (
    <Table.Tr>
      <Table.Th scope="row" ff="monospace" fw={500} style={{ whiteSpace: 'nowrap' }}>
        {name}
        {slower && (
          <Badge size="sm" color="red" ml="xs" title={change ?? ''} ff="text">
            slower {change}
          </Badge>
        )}
      </Table.Th>
      <Table.Td ta="right" style={{ whiteSpace: 'nowrap' }}>
        <Text span inherit c={endpoint.passed < endpoint.tests ? 'red' : 'green'} fw={600}>
          {formatCount(endpoint.passed)}
        </Text>
        {` / ${formatCount(endpoint.tests)}`}
      </Table.Td>
      {PERCENTILES.flatMap((key) =>
        sources.map((source) => (
          <Table.Td
            key={`${key}${source}`}
            ta="right"
            style={{ whiteSpace: 'nowrap' }}
            fw={source === 'replayed' ? 600 : 400}
            c={source !== 'replayed' ? 'dimmed' : slower ? 'red' : 'inherit'}
          >
            {formatDuration(endpoint[source]?.[key] ?? null)}
          </Table.Td>
        )),
      )}
    </Table.Tr>
  );
}
