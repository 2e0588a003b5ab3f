// Asks before a workload is changed: what will be written, what becomes of its pods, and how it is recorded.
import { Button, Group, Modal, Select, Stack, Switch, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, type Workload, type WorkloadRef } from '../cluster-queries.ts';
import { describeRoll, nameOf } from '../clusters.ts';
import { ProblemNotice } from './problem-notice.tsx';

export interface Change {
  to: 'record' | 'stop';
  workload: Workload;
}

const MODES: Record<string, string> = {
  transparent: 'All traffic of the pods goes through the sidecar, and the app does not notice.',
  reverse: 'Requests to the app only; without NET_ADMIN.',
  forward: 'Requests of the app only, by its proxy settings; without NET_ADMIN.',
  dual: 'Both ways without NET_ADMIN, for namespaces that forbid it.',
};
const KINDS: readonly string[] = [
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'CronJob',
  'Rollout',
] satisfies WorkloadRef['kind'][];

/** Whether an inspector would change it: other kinds and the cluster's own namespaces it leaves alone. */
export function canRecord({ kind, namespace }: Workload): boolean {
  return KINDS.includes(kind) && !namespace.startsWith('kube-');
}

interface CaptureDialogProps {
  /** Id of the agent. */
  inspector: string;
  /** Null while it is closed. */
  change: Change | null;
  onClose: () => void;
  onDone: (change: Change) => void;
}

/** Always there, so that the button that opened it gets the focus back. */
export function CaptureDialog({ inspector, change, onClose, onDone }: CaptureDialogProps) {
  const what = change?.to === 'stop' ? 'Stop recording' : 'Record';
  return (
    <Modal
      opened={change !== null}
      title={change && `${what} ${nameOf(change.workload)}`}
      onClose={onClose}
      closeButtonProps={{ 'aria-label': 'Close' }}
      transitionProps={{ duration: 0 }}
    >
      {change && (
        <Content inspector={inspector} change={change} onClose={onClose} onDone={() => onDone(change)} />
      )}
    </Modal>
  );
}

interface ContentProps {
  inspector: string;
  change: Change;
  onClose: () => void;
  onDone: () => void;
}

function Content({ inspector, change, onClose, onDone }: ContentProps) {
  const { to, workload } = change;
  const [mode, setMode] = useState(workload.settings.mode ?? 'transparent');
  const [tlsOut, setTlsOut] = useState(workload.settings['tls-out'] === 'true');
  const { namespace, name } = workload;
  const ref = { namespace, name, kind: workload.kind as WorkloadRef['kind'] };
  const settings = { mode, 'tls-out': String(tlsOut) };
  const asked = useMutation({
    mutationFn: () =>
      to === 'record'
        ? ask(inspector, { kind: 'inject', workload: ref, settings })
        : ask(inspector, { kind: 'remove', workload: ref }),
    onSuccess: onDone,
  });
  return (
    <Stack gap="md">
      <Text size="sm">
        {to === 'record'
          ? 'Annotates the workload so that its pods get the sidecar.'
          : 'Removes the annotations, so that its pods are plain again. What was recorded stays.'}{' '}
        {describeRoll(workload)}
      </Text>
      {to === 'record' && (
        <>
          <Select
            label="Mode"
            description={MODES[mode]}
            inputWrapperOrder={['label', 'input', 'description']}
            data={Object.keys(MODES)}
            allowDeselect={false}
            value={mode}
            onChange={(value) => setMode(value ?? 'transparent')}
          />
          <Switch
            label="Open outbound TLS"
            description="The sidecar answers with a CA of this namespace, which the app must trust. Otherwise HTTPS dependencies can be neither read nor mocked."
            checked={tlsOut}
            onChange={(event) => setTlsOut(event.currentTarget.checked)}
          />
        </>
      )}
      {asked.error && <ProblemNotice error={asked.error} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          color={to === 'record' ? 'indigo' : 'red'}
          loading={asked.isPending}
          onClick={() => asked.mutate()}
        >
          {labelOf(change)}
        </Button>
      </Group>
    </Stack>
  );
}

function labelOf({ to, workload: { kind, pods } }: Change): string {
  const what = to === 'record' ? 'Record' : 'Stop recording';
  return kind === 'CronJob' || pods === 0 ? what : `${what} and replace pods`;
}
