// Whether a replay may run: named checks over the facts, the first that objects ends it. Then the Lease of each workload,
// for which it waits. Pure.
import { ALLOWED_LABEL, INJECT_ANNOTATION, SECRET_NAMESPACES_ANNOTATION } from '@echoplane/resources';
import type { Ending, FactSet, Step } from './facts.ts';
import { type TrafficReplay, targetsOf, workloadKey } from './replay-object.ts';
import { withItems } from './status.ts';
import { ROLLED_KINDS, rolledResource } from './target-state.ts';

export type AcceptFacts = Pick<FactSet, 'targets' | 'namespaces' | 'leases' | 'live' | 'secretProblems'>;
type Problem = Pick<Ending, 'reason' | 'message'> | null;
type Check = (replay: TrafficReplay, facts: AcceptFacts) => Problem;

const BUSY_POLL_MS = 5_000;

/** Whether its workloads are rolled: their dependencies are answered by us. */
export const isWired = ({ spec }: TrafficReplay): boolean => spec.mode !== 'tests-only';

/** In order; a check may rely on those before it. */
export const CHECKS: Readonly<Record<string, Check>> = {
  kind: (replay) => {
    const wrong = targetsOf(replay).find((target) => !rolledResource(target));
    if (!wrong) return null;
    return {
      reason: 'KindNotSupported',
      message: `${wrong.apiVersion} ${wrong.kind} ${wrong.name} cannot be replayed: its pods do not follow its template. Name one of ${ROLLED_KINDS.join(', ')}.`,
    };
  },
  namespace: (_, { namespaces }) => {
    const wrong = Object.entries(namespaces).find(([, labels]) => labels?.[ALLOWED_LABEL] !== 'true');
    if (!wrong) return null;
    return {
      reason: 'NamespaceNotAllowed',
      message: `Replays may not run in namespace ${wrong[0]}: label it ${ALLOWED_LABEL}=true if its workloads may be rolled and loaded.`,
    };
  },
  found: (_, { targets }) => {
    const wrong = targets.find(({ found }) => !found);
    return wrong ? { reason: 'WorkloadNotFound', message: `There is no ${workloadKey(wrong)}.` } : null;
  },
  rollable: (replay, { targets }) => {
    const wrong = isWired(replay) ? targets.find(({ unrollable }) => unrollable !== null) : undefined;
    if (!wrong) return null;
    return {
      reason: 'WorkloadNotRollable',
      message: `${workloadKey(wrong)} cannot be wired: ${wrong.unrollable}.`,
    };
  },
  injected: (replay, { targets }) => {
    const wrong = isWired(replay) ? targets.find(({ declinesInjection }) => declinesInjection) : undefined;
    if (!wrong) return null;
    return {
      reason: 'NotInjected',
      message: `${workloadKey(wrong)} says ${INJECT_ANNOTATION}: "false", and a replay answers its dependencies through a sidecar: take that away.`,
    };
  },
  live: ({ spec }, { live }) => {
    const wrong = spec.allowLiveTraffic
      ? undefined
      : Object.entries(live).find(([, requests]) => requests > 0);
    if (!wrong) return null;
    return {
      reason: 'LiveTraffic',
      message: `${wrong[0]} had ${wrong[1]} requests in the last 5 minutes: choose a workload that nobody uses, or set allowLiveTraffic if it may be disturbed.`,
    };
  },
  secrets: (_, { secretProblems }) => {
    if (secretProblems.length === 0) return null;
    return {
      reason: 'SecretNotAllowed',
      message: `${secretProblems.join('; ')}. Secrets are taken from the installation's namespace, where the annotation ${SECRET_NAMESPACES_ANNOTATION} lists who may use them.`,
    };
  },
};

/** Asked when nobody holds the workload any more: until then whoever does has wired it. */
const stillWired: Check = ({ metadata }, { targets }) => {
  const wrong = targets.find(({ run }) => run !== null && run !== metadata.uid);
  if (!wrong) return null;
  return {
    reason: 'StillWired',
    message: `${workloadKey(wrong)} is still wired to the replay ${wrong.run}, which was kept or could not be undone: delete that TrafficReplay first.`,
  };
};

export function acceptStep(replay: TrafficReplay, facts: AcceptFacts): Step {
  const { metadata, status } = replay;
  for (const check of Object.values(CHECKS)) {
    const problem = check(replay, facts);
    if (problem) return { do: 'end', ending: { phase: 'Failed', ...problem } };
  }
  const busy = facts.leases.flatMap(({ workload, holder }) =>
    typeof holder === 'object' ? [`${workload} is used by the replay ${holder.replay}`] : [],
  );
  if (busy.length > 0)
    return { do: 'wait', ms: BUSY_POLL_MS, why: { reason: 'WorkloadBusy', message: `${busy.join('; ')}.` } };
  const left = stillWired(replay, facts);
  if (left) return { do: 'end', ending: { phase: 'Failed', ...left } };
  const wanted = facts.leases.find(({ holder }) => holder === 'free');
  if (!wanted)
    return { do: 'stage-done', message: `${metadata.name} may run, and has its workloads for itself.` };
  const items = facts.leases.map(({ item }) => item);
  if (items.some(({ name }) => !status.inventory.some((known) => known.name === name)))
    return { do: 'status', change: { inventory: withItems(status.inventory, items) } };
  return { do: 'lease', lease: wanted };
}
