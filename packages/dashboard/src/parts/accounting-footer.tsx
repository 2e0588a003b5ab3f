// The line at the foot of the traffic page: whether every captured pair is accounted for, and, opened, hop by hop.
import type { Accounting } from '@echoplane/api';
import { Badge, Group, Popover, ScrollArea, Skeleton, Table, Text, UnstyledButton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { accountingQuery } from '../api.ts';
import { formatCount, formatDate } from '../format.ts';
import { describeError } from './problem-notice.tsx';

export function AccountingFooter({ live }: { live: boolean }) {
  const answer = useQuery(accountingQuery);
  return (
    <Group
      component="footer"
      h={34}
      px="md"
      gap="sm"
      wrap="nowrap"
      fz="xs"
      aria-label="Accounting"
      style={{ borderTop: '1px solid var(--mantine-color-default-border)' }}
    >
      {answer.isPending && <Skeleton height={12} width={360} />}
      {answer.data && <Sentence accounting={answer.data} />}
      {answer.error && !answer.data && (
        <Text size="xs" c="red">
          The accounting is not available. {describeError(answer.error).detail}
        </Text>
      )}
      <Badge ml="auto" size="sm" color={live ? 'green' : 'gray'} variant="dot" role="status" miw={76}>
        {live ? 'Live' : 'Paused'}
      </Badge>
    </Group>
  );
}

function Sentence({ accounting }: { accounting: Accounting }) {
  const { balanced, hops } = accounting;
  const sentence = `Since the beginning, replays included: ${accounting.sentence}`;
  return (
    <Popover position="top-start" withArrow shadow="md" width="max-content">
      <Popover.Target>
        <UnstyledButton fz="xs" style={{ minWidth: 0 }}>
          <Group gap="sm" wrap="nowrap">
            <Badge size="sm" color={balanced ? 'green' : 'orange'} style={{ flexShrink: 0 }}>
              {balanced ? 'Balanced' : 'Not balanced'}
            </Badge>
            <Text size="xs" c="dimmed" truncate title={sentence}>
              {sentence}
            </Text>
          </Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown p={0} maw="95vw" aria-label="Accounting by hop">
        <ScrollArea.Autosize mah={360} type="auto">
          <Hops hops={hops} />
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}

function Hops({ hops }: Pick<Accounting, 'hops'>) {
  const right = { ta: 'right' } as const;
  return (
    <Table fz="xs" miw={640}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Hop</Table.Th>
          <Table.Th>Service</Table.Th>
          {['Captured', 'Delivered', 'Withheld', 'Dropped', 'Pending'].map((name) => (
            <Table.Th key={name} {...right}>
              {name}
            </Table.Th>
          ))}
          <Table.Th>Reported</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {hops.map((hop) => (
          <Table.Tr key={`${hop.hop}${hop.incarnation}`}>
            <Table.Td>{hop.hop}</Table.Td>
            <Table.Td>{hop.service}</Table.Td>
            <Table.Td {...right}>{formatCount(hop.counters.captured)}</Table.Td>
            <Table.Td {...right}>{formatCount(hop.counters.delivered)}</Table.Td>
            <Table.Td {...right}>{byReason(hop.counters.withheld)}</Table.Td>
            <Table.Td {...right}>{byReason(hop.counters.dropped)}</Table.Td>
            <Table.Td {...right}>{formatCount(hop.pending)}</Table.Td>
            <Table.Td>{formatDate(hop.reportedAt)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function byReason(counts: Record<string, number>): string {
  const parts = Object.entries(counts).filter(([, n]) => n > 0);
  return parts.length === 0 ? '0' : parts.map(([reason, n]) => `${formatCount(n)} ${reason}`).join(', ');
}
