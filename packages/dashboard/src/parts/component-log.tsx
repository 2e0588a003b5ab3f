// The last lines of one of our own containers, asked for by name: data planes are known, sidecars are in whatever pod.
import type { AgentState } from '@echoplane/api';
import { Autocomplete, Button, Code, Group, Select, Stack, Text, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { ask } from '../cluster-queries.ts';
import { ProblemNotice } from './problem-notice.tsx';

const CONTAINERS = [
  'echoplane-sidecar',
  'echoplane-init',
  'echoplane-hold',
  'forwarder',
  'inspector',
  'operator',
];
const LINES = ['100', '200', '500', '1000'];
const NAME = '[a-z0-9]([a-z0-9.\\-]*[a-z0-9])?';

interface ComponentLogProps {
  inspector: string;
  /** Their pods are offered. */
  agents: readonly AgentState[];
}

export function ComponentLog({ inspector, agents }: ComponentLogProps) {
  const [namespace, setNamespace] = useState('echoplane');
  const [pod, setPod] = useState(agents[0]?.name ?? '');
  const [container, setContainer] = useState<string>(agents[0]?.kind ?? '');
  const [lines, setLines] = useState('200');
  const asked = useMutation({
    mutationFn: () => ask(inspector, { kind: 'logs', namespace, pod, container, lines: Number(lines) }),
  });
  const choosePod = (name: string) => {
    setPod(name);
    const agent = agents.find((one) => one.name === name);
    if (agent) setContainer(agent.kind);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    asked.mutate();
  };
  const field = {
    required: true,
    withAsterisk: false,
    pattern: NAME,
    title: 'A name as Kubernetes allows it',
  };
  return (
    <Stack gap="sm">
      <Group component="form" gap="sm" align="flex-end" onSubmit={submit} aria-label="Log to read">
        <TextInput
          {...field}
          label="Namespace"
          w={150}
          value={namespace}
          onChange={(event) => setNamespace(event.currentTarget.value)}
        />
        <Autocomplete
          {...field}
          label="Pod"
          w={260}
          data={[...new Set(agents.map(({ name }) => name))]}
          value={pod}
          onChange={choosePod}
        />
        <Autocomplete
          {...field}
          label="Container"
          w={170}
          data={CONTAINERS}
          value={container}
          onChange={setContainer}
        />
        <Select
          label="Lines"
          w={90}
          data={LINES}
          allowDeselect={false}
          value={lines}
          onChange={(value) => setLines(value ?? '200')}
        />
        <Button type="submit" variant="default" loading={asked.isPending}>
          Read log
        </Button>
      </Group>
      <Text size="xs" c="dimmed">
        Only containers of Echoplane; the log is redacted before it leaves the cluster. Nothing is changed.
      </Text>
      {asked.error && <ProblemNotice error={asked.error} />}
      {asked.data && <Lines {...asked.data} />}
    </Stack>
  );
}

function Lines({ text, truncated }: { text: string; truncated: boolean }) {
  return (
    <Code
      block
      tabIndex={0}
      mah={420}
      role="region"
      aria-label="Log"
      style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}
    >
      {text === '' ? 'The log is empty.' : text}
      {truncated && '\n… cut off: it is longer than can be sent'}
    </Code>
  );
}
