// The lifecycle as a table: each stage with its phase, its condition, the facts it needs, its deadline, and the step it
// wants next. What a stage changes is in the inventory first; its undo is the inventory backwards (cleanup.ts).
import type { ConditionType, Phase, TrafficReplaySpec } from '@echoplane/resources';
import { acceptStep } from './accept.ts';
import type { FactName, FactSet, Setting, Step } from './facts.ts';
import { generateStep } from './generate-stage.ts';
import { mocksStep } from './mocks-stage.ts';
import { durationMs, type TrafficReplay } from './replay-object.ts';
import { reportStep } from './report-stage.ts';
import { snapshotStep } from './snapshot-stage.ts';
import { targetStep } from './target-stage.ts';

export interface Stage {
  name: string;
  phase: Phase;
  condition: { type: ConditionType; reason: string } | null;
  /** The message while it begins. */
  doing: string;
  needs: readonly FactName[];
  deadlineMs(spec: TrafficReplaySpec): number;
  /** Stays until it is cancelled. */
  isOpenEnded?: boolean;
  step(replay: TrafficReplay, facts: FactSet, setting: Setting): Step;
}

const MINUTE_MS = 60_000;
const SERVE_POLL_MS = 30_000;
const minutes = (count: number) => () => count * MINUTE_MS;
const asLongAsItTakes = (spec: TrafficReplaySpec) => durationMs(spec.timeout);

export const STAGES: readonly Stage[] = [
  {
    ...{ name: 'accept', phase: 'Pending', condition: { type: 'Accepted', reason: 'Accepted' } },
    doing: 'looking whether it may run',
    needs: ['targets', 'namespaces', 'leases', 'live', 'secretProblems'],
    // A busy workload is waited for.
    deadlineMs: asLongAsItTakes,
    step: acceptStep,
  },
  {
    ...{ name: 'snapshot', phase: 'Preparing', condition: { type: 'SnapshotReady', reason: 'Found' } },
    doing: 'asking the control plane for the snapshot',
    needs: ['snapshot', 'baseline', 'testConfig'],
    deadlineMs: minutes(10),
    step: snapshotStep,
  },
  {
    ...{ name: 'mocks', phase: 'Preparing', condition: { type: 'MocksReady', reason: 'Serving' } },
    doing: 'starting the responders',
    needs: ['snapshot', 'testConfig', 'targets', 'objects', 'sizes', 'servers', 'services'],
    deadlineMs: minutes(5),
    step: mocksStep,
  },
  {
    ...{ name: 'target', phase: 'Waiting', condition: { type: 'TargetReady', reason: 'RolledOut' } },
    doing: 'rolling the workloads',
    needs: ['targets'],
    deadlineMs: minutes(10),
    step: targetStep,
  },
  {
    ...{ name: 'generate', phase: 'Running', condition: { type: 'GeneratorFinished', reason: 'Finished' } },
    doing: 'starting the generators',
    needs: ['targets', 'testConfig', 'objects', 'generators', 'servers', 'services', 'sizes'],
    deadlineMs: asLongAsItTakes,
    step: generateStep,
  },
  {
    ...{ name: 'serve', phase: 'Running', condition: null, isOpenEnded: true },
    doing: 'the mocks answer until the replay is cancelled',
    needs: [],
    deadlineMs: asLongAsItTakes,
    step: () => ({ do: 'wait', ms: SERVE_POLL_MS }),
  },
  {
    ...{ name: 'report', phase: 'Analyzing', condition: { type: 'ReportReady', reason: 'Analyzed' } },
    doing: 'analyzing',
    needs: ['opened', 'generators'],
    deadlineMs: minutes(15),
    step: reportStep,
  },
];

/** What cleaning up has to know; nothing that could be out of reach while the API server answers. */
export const CLEANUP_FACTS: readonly FactName[] = ['objects'];

const SKIPPED: Record<TrafficReplaySpec['mode'], readonly string[]> = {
  full: ['serve'],
  // The dependencies are alive and the workload is as it was.
  'tests-only': ['mocks', 'target', 'serve'],
  'mocks-only': ['generate', 'report'],
};

/** The stage that has begun and is not done; none before the first. */
export function currentStage({ spec, status }: TrafficReplay): Stage | undefined {
  const known = status.stages.filter(({ finish }) => finish === undefined).map(({ name }) => name);
  return stagesOf(spec).find(({ name }) => known.includes(name));
}

export function stagesOf({ mode }: TrafficReplaySpec): readonly Stage[] {
  return STAGES.filter(({ name }) => !SKIPPED[mode].includes(name));
}
