// The data planes of a cluster, one a row: whether it is there, what it runs, what waits in it, and what is wrong.
import type { AgentState } from '@echoplane/api';
import { Badge, Table, Text } from '@mantine/core';
import { type Cluster, describeConfig, describeLag } from '../clusters.ts';
import { formatCount, formatDate, NONE } from '../format.ts';

const COLUMNS = ['Data plane', 'Kind', 'State', 'Version', 'Waiting', 'Alarms', 'Rules'];

interface DataPlaneTableProps {
  cluster: Cluster;
  /** Version of the rules that should run. */
  rulesVersion: string | null;
}

export function DataPlaneTable({ cluster, rulesVersion }: DataPlaneTableProps) {
  return (
    <Table.ScrollContainer minWidth={760}>
      <Table aria-label={`Data planes of ${cluster.name}`}>
        <Table.Thead>
          <Table.Tr>
            {COLUMNS.map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {cluster.agents.map((agent) => (
            <Row key={agent.id} agent={agent} rulesVersion={rulesVersion} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function Row({ agent, rulesVersion }: { agent: AgentState; rulesVersion: string | null }) {
  const config = describeConfig(agent, rulesVersion);
  return (
    <Table.Tr>
      <Table.Th scope="row" fw={500}>
        {agent.name}
      </Table.Th>
      <Table.Td>{agent.kind}</Table.Td>
      <Table.Td>
        {agent.connected ? (
          <Badge color="green" miw="max-content">
            Connected
          </Badge>
        ) : (
          <>
            <Badge color="yellow" miw="max-content">
              Away
            </Badge>
            <Text size="xs" c="dimmed" mt={2}>
              since {formatDate(agent.seenAt)}
            </Text>
          </>
        )}
      </Table.Td>
      <Table.Td>{agent.version}</Table.Td>
      <Table.Td>{describeLag(agent)}</Table.Td>
      <Table.Td>
        <Alarms agent={agent} />
      </Table.Td>
      <Table.Td maw={320}>
        {config.words}
        {config.trouble && (
          <Text size="xs" c="yellow" style={{ overflowWrap: 'anywhere' }}>
            {config.trouble}
          </Text>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function Alarms({ agent: { kind, alarms } }: { agent: AgentState }) {
  if (kind !== 'forwarder') return NONE;
  if (alarms === 0) return 'none';
  return (
    <>
      <Text size="sm" c="red" fw={600}>
        {formatCount(alarms)}
      </Text>
      <Text size="xs" c="dimmed">
        redaction let something through: tighten its rules
      </Text>
    </>
  );
}
