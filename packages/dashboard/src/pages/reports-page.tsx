// Reports: every replay, newest first, with its verdict.
import type { Replay } from '@echoplane/api';
import { Box, Code, Container, EmptyState, Skeleton, Stack, Table, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { replaysQuery } from '../api.ts';
import { formatDate, formatDuration, formatShare, NONE } from '../format.ts';
import { describeMode } from '../parts/describe-mode.ts';
import { InboxIcon } from '../parts/icons.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { PhaseBadge, VerdictBadge } from '../parts/verdict.tsx';

export function ReportsPage() {
  useDocumentTitle('Reports · Echoplane');
  const answer = useQuery(replaysQuery);
  return (
    <Container size="xl" py="md">
      <Title order={1} size="h3" mb="sm">
        Reports
      </Title>
      {answer.error && (
        <Box mb="md">
          <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
        </Box>
      )}
      {answer.isPending && (
        <Stack gap="xs" aria-label="Loading replays" aria-busy="true">
          {['a', 'b', 'c', 'd'].map((key) => (
            <Skeleton key={key} height={28} />
          ))}
        </Stack>
      )}
      {answer.data &&
        (answer.data.items.length === 0 ? <NoReplays /> : <Replays replays={answer.data.items} />)}
    </Container>
  );
}

function Replays({ replays }: { replays: Replay[] }) {
  return (
    <Table.ScrollContainer minWidth={720}>
      <Table highlightOnHover aria-label="Replays">
        <Table.Thead>
          <Table.Tr>
            {['Name', 'Verdict', 'Success rate', 'Build', 'Mode', 'Phase', 'Started', 'Took'].map((name) => (
              <Table.Th key={name} ta={name === 'Success rate' ? 'right' : 'left'}>
                {name}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {replays.map((replay) => (
            <Table.Tr key={replay.id}>
              <Table.Td>
                <TextLink to="/reports/$replayId" params={{ replayId: replay.id }} fw={500}>
                  {replay.name}
                </TextLink>
              </Table.Td>
              <Table.Td>{replay.verdict ? <VerdictBadge verdict={replay.verdict} /> : NONE}</Table.Td>
              <Table.Td ta="right">{formatShare(replay.successRate)}</Table.Td>
              <Table.Td>{replay.buildTag ?? NONE}</Table.Td>
              <Table.Td>{describeMode(replay.mode)}</Table.Td>
              <Table.Td>
                <PhaseBadge phase={replay.phase} />
              </Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>{formatDate(replay.createdAt)}</Table.Td>
              <Table.Td style={{ whiteSpace: 'nowrap' }}>
                {formatDuration(replay.finishedAt === null ? null : replay.finishedAt - replay.createdAt)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

function NoReplays() {
  const description = (
    <Text size="sm" c="dimmed" maw={460}>
      A report appears here when a snapshot has been replayed against a build. <Code>npm run demo</Code>{' '}
      records real traffic, replays it against two builds and reports on both.
    </Text>
  );
  return (
    <EmptyState icon={<InboxIcon size={32} />} py="xl" title="No replays yet" description={description} />
  );
}
