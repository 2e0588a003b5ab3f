// Wiring the workloads by one annotation each, and waiting until their pods are new, ready and really wired. Pure.
import { changedItem, type FactSet, type Setting, type Step } from './facts.ts';
import { isSameItem, type TrafficReplay, workloadKey } from './replay-object.ts';
import { withItems } from './status.ts';
import type { TargetFact } from './target-state.ts';

const POLL_MS = 1_000;
const BARE_MS = 30_000;
const SEE_EVENTS = 'injection is not possible there, or the webhooks do not answer';

export function targetStep(
  replay: TrafficReplay,
  { targets }: Pick<FactSet, 'targets'>,
  { nowMs }: Pick<Setting, 'nowMs'>,
): Step {
  const { metadata, status } = replay;
  const gone = targets.find(({ found }) => !found);
  if (gone) return fail('WorkloadNotFound', `${workloadKey(gone)} was deleted.`);
  const taken = targets.find(({ run }) => run !== null && run !== metadata.uid);
  if (taken)
    return fail(
      'TargetChanged',
      `${workloadKey(taken)} was wired to the replay ${taken.run} by somebody else.`,
    );
  const plain = targets.filter(({ run }) => run === null);
  // The condition is written when all are wired: what is plain after that was made so by somebody, who means it.
  const areWired = status.conditions.some(({ type }) => type === 'TargetReady');
  if (plain[0] && areWired)
    return fail(
      'TargetChanged',
      `${workloadKey(plain[0])} lost the annotation that wires it: somebody applied it anew.`,
    );
  const stale = plain.filter((target) => beforeOf(status, target) !== target.digest);
  if (stale.length > 0)
    return { do: 'status', change: { inventory: withItems(status.inventory, stale.map(changedItem)) } };
  if (plain[0]) return { do: 'wire', target: plain[0] };
  // The workload webhook does it at once, else the coverage reconciler within seconds.
  const bare = targets.find(({ isInjected }) => !isInjected);
  if (bare && isSince(replay, nowMs, BARE_MS))
    return fail(
      'NotInjected',
      `${workloadKey(bare)} got no sidecar: ${SEE_EVENTS}; see the Events of the workload, and echoplane check.`,
    );
  const unwired = targets.map(plainPods).filter((why) => why !== null);
  if (unwired.length > 0) return wait('NotWired', unwired);
  const waiting = targets.map(whyNotReady).filter((why) => why !== null);
  if (waiting.length > 0) return wait('RollingOut', waiting);
  const pods = targets.reduce((sum, target) => sum + target.pods.length, 0);
  return { do: 'stage-done', message: `${pods} wired pods are ready.` };
}

/** In the stages after: what was wired must still be. Null when it is. */
export function targetsLost(
  { metadata, status }: TrafficReplay,
  targets: readonly TargetFact[],
): Step | null {
  const wired = targets.filter((target) => beforeOf(status, target) !== undefined);
  const lost = wired.find(({ found, run }) => !found || run !== metadata.uid);
  return lost
    ? fail(
        'TargetChanged',
        `${workloadKey(lost)} was ${lost.found ? 'changed' : 'deleted'} while it was replayed.`,
        'void',
      )
    : null;
}

function beforeOf({ inventory }: TrafficReplay['status'], target: TargetFact): string | undefined {
  return inventory.find((item) => item.action === 'changed' && isSameItem(item, target))?.before;
}

function isSince({ status }: TrafficReplay, nowMs: number, ms: number): boolean {
  const begun = status.stages.find(({ name }) => name === 'target');
  return begun !== undefined && nowMs >= Date.parse(begun.start) + ms;
}

/** New pods that the webhook missed; null when there are none. */
function plainPods(target: TargetFact): string | null {
  const plain = target.pods.filter(({ wired }) => !wired);
  if (!target.isRolledOut || plain.length === 0) return null;
  const names = plain.map((pod) => pod.name).slice(0, 5);
  return `${workloadKey(target)} has pods without wiring: ${names.join(', ')}; the pod webhook may not have answered`;
}

/** Null when every pod of the workload is new and ready. */
function whyNotReady(target: TargetFact): string | null {
  const { pods, isRolledOut } = target;
  const name = workloadKey(target);
  if (!isRolledOut) return `${name} is rolling out`;
  if (pods.length === 0 || pods.some(({ ready }) => !ready)) return `${name} has pods that are not ready`;
  return null;
}

function wait(reason: string, sentences: readonly string[]): Step {
  return { do: 'wait', ms: POLL_MS, why: { reason, message: `${sentences.join('; ')}.` } };
}

function fail(reason: string, message: string, verdict?: 'void'): Step {
  return { do: 'end', ending: { phase: 'Failed', reason, message, ...(verdict ? { verdict } : {}) } };
}
