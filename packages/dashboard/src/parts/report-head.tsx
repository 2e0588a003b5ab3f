// The head of a report: verdict and reasons, what was run, goals, and the figures behind them.
import type { ReportDetail } from '@echoplane/api';
import type { Report } from '@echoplane/traffic';
import { Badge, Grid, Group, List, Paper, Stack, Table, Text, Title } from '@mantine/core';
import { formatCount, formatDate, formatDuration, formatShare, NONE, plural } from '../format.ts';
import { describeMode } from './describe-mode.ts';
import { FormatLinks, NoteList, SummaryLines, strictShare } from './report-notes.tsx';
import { TextLink } from './text-link.tsx';
import { VerdictTitle } from './verdict.tsx';

export function ReportHead({ detail }: { detail: ReportDetail }) {
  const { report } = detail;
  return (
    <Stack gap="md">
      <VerdictTitle verdict={report.verdict} />
      {report.summary && <SummaryLines summary={report.summary} />}
      <List size="md" spacing={4} aria-label="Reasons">
        {report.reasons.map((reason) => (
          <List.Item key={reason}>{reason}</List.Item>
        ))}
      </List>
      <Facts detail={detail} />
      <NoteList notes={report.notes ?? []} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Goals goals={report.goals} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Figures report={report} />
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Facts({ detail: { replay, report, snapshotName } }: { detail: ReportDetail }) {
  const facts = [
    replay.buildTag && `Build ${replay.buildTag}`,
    `Snapshot ${snapshotName}`,
    describeMode(replay.mode),
    formatDate(report.run.startedAt),
    `took ${formatDuration(report.run.finishedAt - report.run.startedAt)}`,
    `${formatCount(Math.round(report.requestsPerSecond * 10) / 10)} requests/s`,
  ].filter(Boolean);
  return (
    <Group gap="md">
      <Text size="sm" c="dimmed">
        {facts.join(' · ')}
      </Text>
      {replay.baseline && (
        <TextLink to="/reports/$replayId" params={{ replayId: replay.baseline }}>
          Baseline replay
        </TextLink>
      )}
      <TextLink to="/traffic" search={{ replay: replay.id, range: 'all' }}>
        Traffic of this replay
      </TextLink>
      <FormatLinks replay={replay} />
    </Group>
  );
}

function Goals({ goals }: Pick<Report, 'goals'>) {
  return (
    <Paper withBorder h="100%">
      <Title order={2} size="h5" p="sm" pb={4}>
        Goals
      </Title>
      <Table aria-label="Goals">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Goal</Table.Th>
            <Table.Th>Wanted</Table.Th>
            <Table.Th>Actual</Table.Th>
            <Table.Th w={100}>Met</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {goals.map((goal) => (
            <Table.Tr key={goal.name}>
              <Table.Td>{goal.name}</Table.Td>
              <Table.Td>{goal.wanted}</Table.Td>
              <Table.Td>{goal.actual}</Table.Td>
              <Table.Td>
                <Badge color={goal.met ? 'green' : 'red'}>{goal.met ? 'Met' : 'Missed'}</Badge>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

function Figures({ report }: { report: Report }) {
  const { counts, successRate, matchRate, run, leaves } = report;
  const notSent = Object.entries(run.notSent).filter(([, n]) => n > 0);
  return (
    <Paper withBorder p="sm" h="100%" component="section" aria-label="Rates">
      <Group gap="xl" align="flex-start">
        <Figure name="Success rate" value={formatShare(successRate)}>
          {`${formatCount(counts.passed)} of ${plural(counts.passed + counts.failed, 'assertion')}`}
        </Figure>
        <Figure name="Match rate" value={formatShare(matchRate)}>
          {matchRate === null
            ? 'Dependencies were alive'
            : `${formatCount(counts.mockExact)} exact, ${formatCount(counts.mockVolatile)} but for volatile values, ${plural(counts.mockMiss, 'miss', 'misses')}`}
        </Figure>
        {leaves && (
          <Figure name="Compared by value" value={formatShare(strictShare(report))}>
            {`${formatCount(leaves.strict)} recorded values; ${formatCount(leaves.time)} as times, ${formatCount(leaves.kind)} by kind`}
          </Figure>
        )}
      </Group>
      <Text size="xs" c="dimmed" mt="sm">
        {[
          plural(counts.tests, 'test'),
          `${formatCount(counts.headless)} outside the verdict (signed in before the recording)`,
          `${formatCount(counts.missing)} without a result`,
          ...(counts.known === undefined ? [] : [`${formatCount(counts.known)} as in the baseline`]),
          ...notSent.map(([reason, n]) => `${formatCount(n)} not sent (${reason})`),
        ].join(' · ')}
      </Text>
    </Paper>
  );
}

function Figure({ name, value, children }: { name: string; value: string; children: string }) {
  return (
    <Stack gap={0} role="group" aria-label={name} maw={220}>
      <Text size="xs" c="dimmed">
        {name}
      </Text>
      <Text fz={24} fw={600} lh={1.3}>
        {value === NONE ? 'Not asked' : value}
      </Text>
      <Text size="xs" c="dimmed">
        {children}
      </Text>
    </Stack>
  );
}
