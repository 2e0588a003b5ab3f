// The checks of an installation, made from within its cluster: what is wrong first, each with what to do.
import type { Finding } from '@echoplane/api';
import { Alert, Badge, Button, Group, List, Paper, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { ask } from '../cluster-queries.ts';
import { plural } from '../format.ts';
import { CheckIcon } from './icons.tsx';
import { ProblemNotice } from './problem-notice.tsx';

const STATES: Record<Finding['state'], { words: string; color: string }> = {
  problem: { words: 'Problem', color: 'red' },
  warning: { words: 'Warning', color: 'orange' },
  unknown: { words: 'Not known', color: 'gray' },
  ok: { words: 'Fine', color: 'green' },
};
const ORDER = Object.keys(STATES);

export function ClusterDiagnosis({ inspector }: { inspector: string }) {
  const asked = useMutation({ mutationFn: () => ask(inspector, { kind: 'diagnose' }) });
  return (
    <Stack gap="sm">
      <Group gap="sm">
        <Button variant="default" loading={asked.isPending} onClick={() => asked.mutate()}>
          Diagnose
        </Button>
        <Text size="xs" c="dimmed">
          Looks at the installation and what it captures. Nothing is changed.
        </Text>
      </Group>
      {asked.error && <ProblemNotice error={asked.error} />}
      {asked.data && <Findings findings={asked.data.findings} />}
    </Stack>
  );
}

function Findings({ findings }: { findings: readonly Finding[] }) {
  const wrong = findings
    .filter(({ state }) => state !== 'ok')
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  const fine = findings.filter(({ state }) => state === 'ok');
  return (
    <Stack gap="sm" role="status" aria-label="Findings of the diagnosis">
      {wrong.length === 0 && (
        <Alert color="green" icon={<CheckIcon />} p="sm">
          Nothing is wrong.
        </Alert>
      )}
      {wrong.map((finding) => (
        <Item key={`${finding.check}${finding.message}`} finding={finding} />
      ))}
      {fine.length > 0 && (
        <details>
          <summary>
            <Text span size="sm">
              {plural(fine.length, 'check')} without a problem
            </Text>
          </summary>
          <List size="sm" mt="xs">
            {fine.map(({ check, message }) => (
              <List.Item key={`${check}${message}`}>{message}</List.Item>
            ))}
          </List>
        </details>
      )}
    </Stack>
  );
}

function Item({ finding: { check, state, message, remedy } }: { finding: Finding }) {
  const { words, color } = STATES[state];
  return (
    <Paper withBorder p="sm" style={{ overflowWrap: 'anywhere' }}>
      <Group gap="xs" mb={4}>
        <Badge color={color}>{words}</Badge>
        <Text size="xs" c="dimmed">
          {check}
        </Text>
      </Group>
      <Text size="sm">{message}</Text>
      {remedy !== null && (
        <Text size="sm" mt={4}>
          <b>What to do:</b> {remedy}
        </Text>
      )}
    </Paper>
  );
}
