// The snapshot by id or name, and the replay in the control plane, which is opened under the UID of the TrafficReplay, so
// that asking twice opens one. Pure.
import type { FactSet, Step } from './facts.ts';
import type { TrafficReplay } from './replay-object.ts';

const POLL_MS = 3_000;

export function snapshotStep(
  { spec, status }: TrafficReplay,
  { snapshot, baseline, testConfig }: Pick<FactSet, 'snapshot' | 'baseline' | 'testConfig'>,
): Step {
  if ('problem' in testConfig) return fail('TestConfigUnknown', testConfig.problem);
  if (!snapshot) return fail('SnapshotNotFound', `The control plane has no snapshot ${spec.snapshot}.`);
  const { name, state, message, manifest } = snapshot;
  if (state === 'queued' || state === 'running')
    return {
      do: 'wait',
      ms: POLL_MS,
      why: { reason: 'SnapshotPending', message: `The snapshot ${name} is ${state}.` },
    };
  if (state !== 'succeeded')
    return fail(
      'SnapshotFailed',
      `The snapshot ${name} is ${state}${message ? `: ${message}` : ''}; make another.`,
    );
  if (spec.mode !== 'mocks-only' && manifest?.counts.tests === 0)
    return fail('NoTests', `The snapshot ${name} holds no test: record inbound requests of the workload.`);
  if (status.snapshot !== snapshot.id) return { do: 'status', change: { snapshot: snapshot.id } };
  if (status.replay === undefined) {
    if (baseline && 'problem' in baseline) return fail('BaselineNotFound', baseline.problem);
    const { config } = testConfig;
    if (config.goals?.allowKnown && !baseline)
      return fail(
        'BaselineNotFound',
        'The goal allowKnown needs spec.baseline: an earlier TrafficReplay of this namespace that has a report.',
      );
    const asked = Object.keys(config).length === 0 ? {} : { testConfig: config };
    return { do: 'open', snapshot: snapshot.id, ...(baseline ? { baseline: baseline.id } : {}), ...asked };
  }
  const counts = manifest ? `${manifest.counts.tests} tests, ${manifest.counts.mocks} mocks` : 'ready';
  return { do: 'stage-done', message: `Snapshot ${name}: ${counts}.` };
}

function fail(reason: string, message: string): Step {
  return { do: 'end', ending: { phase: 'Failed', reason, message } };
}
