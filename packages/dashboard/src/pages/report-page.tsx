// One report: the verdict and its reasons first, then goals and figures, findings with their failed assertions, and
// latency, last what its pods did. A replay that still runs is watched until its report is there.
import type { Replay } from '@echoplane/api';
import { Breadcrumbs, Center, Container, Loader, Paper, Skeleton, Stack, Text } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { isUnderWay, replayQuery, reportQuery } from '../api.ts';
import { ComparePanel } from '../parts/compare-panel.tsx';
import { EndpointTable } from '../parts/endpoint-table.tsx';
import { FindingList } from '../parts/finding-list.tsx';
import { LatencyTable } from '../parts/latency-table.tsx';
import { PairDrawer } from '../parts/pair-drawer.tsx';
import { PodSection } from '../parts/pod-section.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { ReportHead } from '../parts/report-head.tsx';
import { TextLink } from '../parts/text-link.tsx';
import { PhaseBadge } from '../parts/verdict.tsx';

const route = getRouteApi('/frame/reports/$replayId');

export function ReportPage() {
  const { replayId } = route.useParams();
  const { pair } = route.useSearch();
  const navigate = route.useNavigate();
  const replay = useQuery(replayQuery(replayId));
  useDocumentTitle(`${replay.data?.name ?? 'Report'} · Echoplane`);
  return (
    <Container size="xl" py="md">
      <Breadcrumbs mb="md" component="nav" aria-label="Breadcrumbs">
        <TextLink to="/reports">Reports</TextLink>
        <Text size="sm">{replay.data?.name ?? '…'}</Text>
      </Breadcrumbs>
      {replay.isPending && <Loading />}
      {replay.error && !replay.data && (
        <ProblemNotice error={replay.error} onRetry={() => replay.refetch()} retrying={replay.isFetching} />
      )}
      {replay.data && (
        <Stack gap="xl">
          <Content replay={replay.data} />
          <PodSection replay={replay.data.id} live={isUnderWay(replay.data.phase)} />
        </Stack>
      )}
      <PairDrawer
        id={pair}
        onClose={() => navigate({ search: ({ pair: _, ...rest }) => rest, resetScroll: false })}
      />
    </Container>
  );
}

function Content({ replay }: { replay: Replay }) {
  if (isUnderWay(replay.phase)) {
    return (
      <Center mih={240}>
        <Stack align="center" gap="xs" role="status">
          <Loader size="sm" />
          <PhaseBadge phase={replay.phase} />
          <Text size="sm" c="dimmed">
            {replay.message ?? 'The report appears here as soon as it is made.'}
          </Text>
        </Stack>
      </Center>
    );
  }
  if (replay.verdict === null) {
    return (
      <Paper withBorder p="md" role="status">
        <PhaseBadge phase={replay.phase} />
        <Text size="sm" mt="xs">
          {replay.message ?? 'This replay ended without a report.'}
        </Text>
      </Paper>
    );
  }
  return <ReportContent replay={replay} />;
}

function ReportContent({ replay }: { replay: Replay }) {
  const { compare } = route.useSearch();
  const navigate = route.useNavigate();
  const answer = useQuery(reportQuery(replay.id));
  if (answer.isPending) return <Loading />;
  if (!answer.data) {
    return (
      <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
    );
  }
  const { report } = answer.data;
  return (
    <Stack gap="xl">
      <ReportHead detail={answer.data} />
      <FindingList report={report} />
      <ComparePanel
        replay={replay}
        before={compare ?? null}
        onChoose={(before) =>
          navigate({ search: before === null ? {} : { compare: before }, resetScroll: false })
        }
      />
      <LatencyTable report={report} />
      <EndpointTable report={report} />
    </Stack>
  );
}

function Loading() {
  return (
    <Stack aria-label="Loading the report" aria-busy="true">
      {[44, 140, 200].map((height) => (
        <Skeleton key={height} height={height} />
      ))}
    </Stack>
  );
}
