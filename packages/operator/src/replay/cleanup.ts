// Putting everything back, newest change first, from the inventory alone: it needs neither the control plane nor the
// snapshot, and what is gone already counts as put back. An item is only marked when the facts show it.
import { type InventoryItem, RUN_ANNOTATION } from '@echoplane/resources';
import { type FactSet, objectKey, type Setting, type Step } from './facts.ts';
import type { TrafficReplay } from './replay-object.ts';
import { closingConditions, stageBegun, stageFinished, withItems } from './status.ts';
import { templateDigest } from './target-state.ts';

const CLEANUP_STAGE = 'cleanup';
/** After it what is left is reported, and the replay ends. */
export const CLEANUP_MS = 120_000;
/** After it a deleted TrafficReplay goes, whatever is left. */
export const DELETION_MS = 60_000;
const POLL_MS = 1_000;

export function decideCleanup(
  replay: TrafficReplay,
  { objects }: Pick<FactSet, 'objects'>,
  setting: Setting,
): Step {
  const { metadata, status } = replay;
  const { nowMs } = setting;
  const stage = status.stages.find(({ name }) => name === CLEANUP_STAGE);
  if (!stage) {
    const begun = stageBegun(status, { name: CLEANUP_STAGE, phase: null, deadlineMs: CLEANUP_MS }, nowMs);
    return { do: 'status', change: begun };
  }
  const left = itemsToUndo(replay).reverse();
  const restored = left.filter((item) => isRestored(item, replay, objects));
  if (restored.length > 0) {
    const items = restored.map((item) => ({ ...item, restored: true }));
    return { do: 'status', change: { inventory: withItems(status.inventory, items) } };
  }
  const next = left.find((item) => !isGoing(item, objects));
  const isLate = metadata.deletionTimestamp
    ? nowMs >= Math.max(Date.parse(metadata.deletionTimestamp), Date.parse(stage.start)) + DELETION_MS
    : nowMs >= Date.parse(stage.deadline);
  if (left.length > 0 && !isLate)
    return next
      ? { do: 'undo', item: next, uid: objects[objectKey(next)]!.metadata.uid! }
      : { do: 'wait', ms: POLL_MS };
  return close(replay, left, objects, setting);
}

/** With `cleanup: none` only the Leases go, so that others can have the workload; a deleted TrafficReplay takes all along. */
function itemsToUndo({ metadata, spec, status }: TrafficReplay): InventoryItem[] {
  const isKept = spec.cleanup === 'none' && !metadata.deletionTimestamp;
  return status.inventory.filter((item) => !item.restored && (!isKept || item.kind === 'Lease'));
}

function isRestored(item: InventoryItem, { metadata }: TrafficReplay, objects: FactSet['objects']): boolean {
  const object = objects[objectKey(item)];
  if (!object) return true;
  if (item.kind === 'Lease') return object.spec?.holderIdentity !== metadata.uid;
  // Another object by the same name is not ours to judge.
  if (item.uid !== undefined && object.metadata.uid !== item.uid) return true;
  if (item.action === 'created') return !isOurs(object, metadata.uid);
  return object.spec?.template?.metadata?.annotations?.[RUN_ANNOTATION] !== metadata.uid;
}

export function isOurs(object: { metadata: { labels?: Record<string, string> } }, uid: string): boolean {
  return Object.values(object.metadata.labels ?? {}).includes(uid);
}

function isGoing(item: InventoryItem, objects: FactSet['objects']): boolean {
  return item.action === 'created' && objects[objectKey(item)]?.metadata.deletionTimestamp !== undefined;
}

function close(
  replay: TrafficReplay,
  left: InventoryItem[],
  objects: FactSet['objects'],
  setting: Setting,
): Step {
  const { spec, status, metadata } = replay;
  const isKept = spec.cleanup === 'none' && !metadata.deletionTimestamp && left.length === 0;
  const kept = isKept ? status.inventory.filter(({ restored }) => !restored) : [];
  const condition = {
    type: 'CleanedUp' as const,
    status: left.length + kept.length === 0 ? ('True' as const) : ('False' as const),
    ...wordsOf(left, kept, changedByOthers(status.inventory, objects)),
  };
  const outcome = status.outcome!;
  // A deleted TrafficReplay must go: what could not be undone is told in an Event and let go of.
  const given = metadata.deletionTimestamp ? left.map((item) => ({ ...item, restored: true })) : [];
  return {
    do: 'close',
    change: {
      ...stageFinished(status, CLEANUP_STAGE, setting.nowMs),
      ...{ phase: outcome.phase, message: outcome.message, inventory: withItems(status.inventory, given) },
      conditions: [condition, ...closingConditions(status)],
    },
  };
}

function wordsOf(
  left: InventoryItem[],
  kept: InventoryItem[],
  others: string[],
): { reason: string; message: string } {
  const names = (items: InventoryItem[]) => items.map(objectKey).join(', ');
  if (left.length > 0)
    return {
      reason: 'Leftovers',
      message: `Not put back in time: ${names(left)}. Look at what keeps them, then delete the TrafficReplay.`,
    };
  if (kept.length > 0)
    return {
      reason: 'Kept',
      message: `Kept because of cleanup: none: ${names(kept)}. They go with the TrafficReplay.`,
    };
  if (others.length > 0)
    return {
      reason: 'ChangedByOthers',
      message: `Everything of ours is gone. Changed by others in the meantime: ${others.join(', ')}.`,
    };
  return { reason: 'Restored', message: 'Everything is as it was before.' };
}

/** Workloads whose template is neither ours nor what it was: a rollout of somebody during the replay. */
function changedByOthers(inventory: readonly InventoryItem[], objects: FactSet['objects']): string[] {
  return inventory
    .filter((item) => {
      const object = objects[objectKey(item)];
      return item.action === 'changed' && object && templateDigest(object.spec?.template) !== item.before;
    })
    .map(objectKey);
}
