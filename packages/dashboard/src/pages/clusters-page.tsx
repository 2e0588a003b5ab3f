// Clusters: the data planes of each, and what can be asked of those with a connected inspector.
import { Box, Code, Container, EmptyState, Paper, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { meQuery } from '../api.ts';
import { agentsQuery, rulesVersionQuery } from '../cluster-queries.ts';
import { type Cluster, clustersOf } from '../clusters.ts';
import { ClusterActions } from '../parts/cluster-actions.tsx';
import { DataPlaneTable } from '../parts/data-plane-table.tsx';
import { InboxIcon } from '../parts/icons.tsx';
import { NoInspector } from '../parts/no-inspector.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';

export function ClustersPage() {
  useDocumentTitle('Clusters · Echoplane');
  const answer = useQuery(agentsQuery);
  const clusters = clustersOf(answer.data?.items ?? []);
  // Each asking is a command: with many clusters only those that somebody opens are asked.
  const open = clusters.filter(({ inspector }) => inspector !== null).length === 1;
  return (
    <Container size="xl" py="md">
      <Title order={1} size="h3" mb="sm">
        Clusters
      </Title>
      {answer.error && (
        <Box mb="md">
          <ProblemNotice error={answer.error} onRetry={() => answer.refetch()} retrying={answer.isFetching} />
        </Box>
      )}
      {answer.isPending && (
        <Stack gap="xs" aria-label="Loading clusters" aria-busy="true">
          {['a', 'b', 'c'].map((key) => (
            <Skeleton key={key} height={64} />
          ))}
        </Stack>
      )}
      {answer.data && clusters.length === 0 && <NoClusters />}
      <Stack gap="lg">
        {clusters.map((cluster) => (
          <ClusterPart key={cluster.name} cluster={cluster} open={open} />
        ))}
      </Stack>
    </Container>
  );
}

function ClusterPart({ cluster, open }: { cluster: Cluster; open: boolean }) {
  const me = useQuery(meQuery);
  const rules = useQuery(rulesVersionQuery);
  const role = me.data?.role ?? 'viewer';
  const mayAsk = role === 'editor' || role === 'admin';
  return (
    <Paper component="section" withBorder aria-label={`Cluster ${cluster.name}`}>
      <Title order={2} size="h5" p="sm" pb={4} style={{ overflowWrap: 'anywhere' }}>
        {cluster.name}
      </Title>
      <DataPlaneTable cluster={cluster} rulesVersion={rules.data ?? null} />
      {cluster.inspector === null && <NoInspector cluster={cluster} />}
      {cluster.inspector !== null && !mayAsk && (
        <Text size="sm" c="dimmed" p="sm">
          As a {role} you see the data planes; workloads are listed, recorded and diagnosed by editors and
          admins.
        </Text>
      )}
      {cluster.inspector !== null && mayAsk && (
        <ClusterActions cluster={cluster} inspector={cluster.inspector.id} open={open} />
      )}
    </Paper>
  );
}

function NoClusters() {
  const description = (
    <Text size="sm" c="dimmed" maw={460}>
      A cluster appears here when its forwarder registers: install the chart there with <Code>cloud.url</Code>
      , <Code>apiKey</Code> and <Code>clusterName</Code>.
    </Text>
  );
  return (
    <EmptyState icon={<InboxIcon size={32} />} py="xl" title="No data plane yet" description={description} />
  );
}
