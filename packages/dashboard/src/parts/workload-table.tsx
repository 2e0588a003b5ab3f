// Workloads in a table: which are recorded, whether their pods are what they should be, and the button to change it.
import { Badge, Button, Group, Table, Text } from '@mantine/core';
import { useState } from 'react';
import type { Workload } from '../cluster-queries.ts';
import { describeCoverage, nameOf } from '../clusters.ts';
import { formatCount } from '../format.ts';
import { type Change, canRecord } from './capture-dialog.tsx';

const FIRST = 100;

interface WorkloadTableProps {
  workloads: readonly Workload[];
  onChange: (change: Change) => void;
}

export function WorkloadTable({ workloads, onChange }: WorkloadTableProps) {
  const [all, setAll] = useState(false);
  const shown = all ? workloads : workloads.slice(0, FIRST);
  if (workloads.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        There is no such workload.
      </Text>
    );
  }
  return (
    <>
      <Table.ScrollContainer minWidth={720}>
        <Table aria-label="Workloads" highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Namespace</Table.Th>
              <Table.Th>Kind</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th>Recorded</Table.Th>
              <Table.Th>Pods with sidecar</Table.Th>
              <Table.Th aria-label="Change" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((workload) => (
              <Row key={nameOf(workload)} workload={workload} onChange={onChange} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {shown.length < workloads.length && (
        <Button variant="subtle" onClick={() => setAll(true)}>
          Show all {formatCount(workloads.length)}
        </Button>
      )}
    </>
  );
}

function Row({ workload, onChange }: { workload: Workload; onChange: WorkloadTableProps['onChange'] }) {
  const { words, trouble } = describeCoverage(workload);
  const to = workload.injected ? 'stop' : 'record';
  const label = to === 'record' ? 'Record' : 'Stop recording';
  const what =
    to === 'record' ? 'Replaces its pods by ones with the sidecar' : 'Replaces its pods by plain ones';
  return (
    <Table.Tr>
      <Table.Td>{workload.namespace}</Table.Td>
      <Table.Td>{workload.kind}</Table.Td>
      <Table.Th scope="row" fw={500}>
        {workload.name}
      </Table.Th>
      <Table.Td>
        {workload.injected ? (
          <Badge color="green" miw="max-content">
            {modeOf(workload)}
          </Badge>
        ) : (
          'no'
        )}
      </Table.Td>
      <Table.Td>
        <Group gap="xs">
          <span style={{ fontVariantNumeric: 'tabular-nums', whiteSpace: 'nowrap' }}>{words}</span>
          {trouble && (
            <Badge color="orange" miw="max-content">
              {trouble}
            </Badge>
          )}
        </Group>
      </Table.Td>
      <Table.Td ta="right">
        {canRecord(workload) ? (
          <Button
            variant="default"
            size="compact-xs"
            title={what}
            aria-label={`${label}: ${nameOf(workload)}`}
            onClick={() => onChange({ to, workload })}
          >
            {label}…
          </Button>
        ) : (
          <Text size="xs" c="dimmed">
            not from here
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function modeOf({ settings }: Workload): string {
  const tls = settings['tls-out'] === 'true' ? ', TLS' : '';
  return `${settings.mode ?? 'transparent'}${tls}`;
}
