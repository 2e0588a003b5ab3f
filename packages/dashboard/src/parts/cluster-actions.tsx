// What an editor asks of a cluster through its inspector: workloads, checks, logs. Closed, nothing is asked.
import { Box, Button, Tabs } from '@mantine/core';
import { useState } from 'react';
import type { Cluster } from '../clusters.ts';
import { ClusterDiagnosis } from './cluster-diagnosis.tsx';
import { ComponentLog } from './component-log.tsx';
import { WorkloadPanel } from './workload-panel.tsx';

interface ClusterActionsProps {
  cluster: Cluster;
  /** Id of the connected inspector. */
  inspector: string;
  open: boolean;
}

export function ClusterActions({ cluster, inspector, open }: ClusterActionsProps) {
  const [opened, setOpened] = useState(false);
  if (!open && !opened) {
    return (
      <Box p="sm">
        <Button
          variant="default"
          aria-label={`Show workloads of ${cluster.name}`}
          onClick={() => setOpened(true)}
        >
          Show workloads
        </Button>
      </Box>
    );
  }
  return (
    <Tabs defaultValue="workloads" keepMounted={false} mt="xs">
      <Tabs.List aria-label={`Of ${cluster.name}`}>
        <Tabs.Tab value="workloads">Workloads</Tabs.Tab>
        <Tabs.Tab value="diagnosis">Diagnosis</Tabs.Tab>
        <Tabs.Tab value="logs">Logs</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="workloads" p="sm">
        <WorkloadPanel inspector={inspector} />
      </Tabs.Panel>
      <Tabs.Panel value="diagnosis" p="sm">
        <ClusterDiagnosis inspector={inspector} />
      </Tabs.Panel>
      <Tabs.Panel value="logs" p="sm">
        <ComponentLog inspector={inspector} agents={cluster.agents} />
      </Tabs.Panel>
    </Tabs>
  );
}
