// What to do where nothing can be asked of a cluster: the same by kubectl, as a line to copy.
import { ActionIcon, Code, CopyButton, Group, Stack, Text, Tooltip } from '@mantine/core';
import type { Cluster } from '../clusters.ts';
import { CheckIcon, CopyIcon } from './icons.tsx';

const LINE = 'kubectl annotate deployment NAME -n NAMESPACE sidecar.echoplane.dev/inject=true --overwrite';

export function NoInspector({ cluster }: { cluster: Cluster }) {
  const isAway = cluster.agents.some(({ kind }) => kind === 'inspector');
  return (
    <Stack gap={6} p="sm">
      <Text size="sm" c="dimmed">
        {isAway ? 'The inspector of this cluster is away' : 'This cluster has no inspector'}, so nothing in it
        can be changed from here; to record a workload, annotate it, which replaces its pods:
      </Text>
      <Group gap={4} wrap="nowrap" align="flex-start">
        <Code block style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
          {LINE}
        </Code>
        <CopyButton value={LINE}>
          {({ copied, copy }) => (
            <Tooltip label={copied ? 'Copied' : 'Copy'}>
              <ActionIcon
                aria-label={copied ? 'Copied: the kubectl line' : 'Copy: the kubectl line'}
                color={copied ? 'green' : 'gray'}
                onClick={copy}
              >
                {copied ? <CheckIcon /> : <CopyIcon />}
              </ActionIcon>
            </Tooltip>
          )}
        </CopyButton>
      </Group>
    </Stack>
  );
}
