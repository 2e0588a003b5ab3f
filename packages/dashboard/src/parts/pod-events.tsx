// Kubernetes Events of a replay's pods, newest first, warnings marked.
import { Badge, Button, Paper, Table, Title } from '@mantine/core';
import { useState } from 'react';
import { formatCount, formatTime } from '../format.ts';
import type { Seen } from '../observation-queries.ts';
import { eventKey } from '../pod-data.ts';

const FIRST = 20;

export function PodEvents({ events }: { events: readonly Seen<'event'>[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? events : events.slice(0, FIRST);
  return (
    <Paper withBorder>
      <Title order={3} size="h6" p="sm" pb={0}>
        Events
      </Title>
      <Table.ScrollContainer minWidth={760}>
        <Table aria-label="Events" fz="xs">
          <Table.Thead>
            <Table.Tr>
              {['Time', 'Type', 'Reason', 'Object', 'Message', 'Count'].map((name) => (
                <Table.Th key={name} ta={name === 'Count' ? 'right' : 'left'}>
                  {name}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((event) => (
              <Table.Tr key={eventKey(event)}>
                <Table.Td>{formatTime(event.ts).slice(0, 8)}</Table.Td>
                <Table.Td>
                  {event.type === 'Normal' ? (
                    event.type
                  ) : (
                    <Badge color="orange" miw="max-content">
                      {event.type}
                    </Badge>
                  )}
                </Table.Td>
                <Table.Td>{event.reason}</Table.Td>
                <Table.Td>
                  {event.object.kind} {event.namespace}/{event.object.name}
                </Table.Td>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{event.message}</Table.Td>
                <Table.Td ta="right">{formatCount(event.count)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {shown.length < events.length && (
        <Button variant="subtle" m="xs" onClick={() => setAll(true)}>
          Show all {formatCount(events.length)}
        </Button>
      )}
    </Paper>
  );
}
