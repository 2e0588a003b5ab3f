// The status of a TrafficReplay as a pure function of the one before: conditions change their time only with their
// status, stages keep theirs, and each difference that people should see is an Event.
import type { Note } from '@echoplane/injection';
import type {
  Condition,
  ConditionType,
  InventoryItem,
  Phase,
  TrafficReplayStatus,
} from '@echoplane/resources';
import type { Ending, StatusChange, WantedCondition } from './facts.ts';
import { isSameItem } from './replay-object.ts';

/** A message of a condition or Event is for reading; the API server refuses very long ones. */
const MAX_MESSAGE_CHARS = 1_000;

const isoTime = (ms: number): string => new Date(ms).toISOString();

export function applyChange(
  status: TrafficReplayStatus,
  change: StatusChange,
  { nowMs, generation }: { nowMs: number; generation: number },
): TrafficReplayStatus {
  const { conditions = [], ...rest } = change;
  const merged = [...status.conditions];
  for (const wanted of conditions) {
    const at = merged.findIndex(({ type }) => type === wanted.type);
    const next = transition(merged[at], wanted, { nowMs, generation });
    if (at < 0) merged.push(next);
    else merged[at] = next;
  }
  return { ...status, ...rest, conditions: merged, observedGeneration: generation };
}

function transition(
  before: Condition | undefined,
  { type, status, reason, message }: WantedCondition,
  { nowMs, generation }: { nowMs: number; generation: number },
): Condition {
  const kept = before?.status === status ? before.lastTransitionTime : isoTime(nowMs);
  return {
    ...{ type, status, reason, message: message.slice(0, MAX_MESSAGE_CHARS) },
    ...{ lastTransitionTime: kept, observedGeneration: generation },
  };
}

/** What is waited for and worth telling; all other waits are the ordinary way. */
const TOLD_WAITS: Readonly<Record<string, Note['type']>> = {
  ...{ WorkloadBusy: 'Normal', SnapshotPending: 'Normal', Kept: 'Normal' },
  ...{ NotWired: 'Warning', CannotStart: 'Warning', Leftovers: 'Warning' },
};

/** What people should be told of the way from one status to the next: what was reached, what holds it up, how it ended. */
export function notesBetween(before: TrafficReplayStatus, after: TrafficReplayStatus): Note[] {
  const notes: Note[] = [];
  const { outcome } = after;
  for (const condition of after.conditions) {
    const known = before.conditions.find(({ type }) => type === condition.type);
    if (known?.status === condition.status && known.reason === condition.reason) continue;
    const type = typeOfNote(condition, after);
    // Whatever ends it is told once, as its outcome.
    if (type === null || (outcome?.phase === 'Failed' && condition.reason === outcome.reason)) continue;
    notes.push({ type, reason: condition.reason, message: condition.message });
  }
  if (outcome && !before.outcome && outcome.phase !== 'Succeeded')
    notes.push({
      ...{ type: outcome.phase === 'Failed' ? 'Warning' : 'Normal' },
      ...{ reason: outcome.reason, message: outcome.message },
    });
  return notes;
}

/** Null: it is not told. */
function typeOfNote(
  { type, status, reason }: Condition,
  { verdict }: TrafficReplayStatus,
): Note['type'] | null {
  // Of the report Passed tells, and of the end its outcome.
  if (type === 'Complete' || (type === 'ReportReady' && status === 'True')) return null;
  if (type === 'Passed' && status !== 'True') return verdict ? 'Warning' : null;
  return status === 'True' ? 'Normal' : (TOLD_WAITS[reason] ?? null);
}

/** The inventory with these items as they are now; an item that is known keeps its place, because undo goes backwards. */
export function withItems(
  inventory: readonly InventoryItem[],
  items: readonly InventoryItem[],
): InventoryItem[] {
  const merged = [...inventory];
  for (const item of items) {
    const at = merged.findIndex((one) => isSameItem(one, item));
    if (at < 0) merged.push(item);
    else merged[at] = item;
  }
  return merged;
}

/** What is written when a stage begins. */
export function stageBegun(
  status: TrafficReplayStatus,
  stage: { name: string; phase: Phase | null; deadlineMs: number },
  nowMs: number,
): StatusChange {
  const begun = { name: stage.name, start: isoTime(nowMs), deadline: isoTime(nowMs + stage.deadlineMs) };
  return { stages: [...status.stages, begun], ...(stage.phase ? { phase: stage.phase } : {}) };
}

export function stageFinished(status: TrafficReplayStatus, name: string, nowMs: number): StatusChange {
  const stages = status.stages.map((one) => (one.name === name ? { ...one, finish: isoTime(nowMs) } : one));
  return { stages };
}

/** `of`: the condition of the stage that it ended in, which says why. */
export function ended(
  { phase, reason, message, verdict }: Ending,
  of: ConditionType | null = null,
): StatusChange {
  const outcome = { phase, reason, message: message.slice(0, MAX_MESSAGE_CHARS) };
  const judged = verdict ?? (phase === 'Failed' ? ('failed' as const) : undefined);
  const conditions =
    of && phase === 'Failed'
      ? [{ type: of, status: 'False' as const, reason, message: outcome.message }]
      : [];
  return { outcome, message: outcome.message, conditions, ...(judged ? { verdict: judged } : {}) };
}

/** Complete and Passed, as `kubectl wait` wants them. */
export function closingConditions(status: TrafficReplayStatus): WantedCondition[] {
  const { phase, reason, message } = status.outcome ?? {
    ...{ phase: 'Failed', reason: 'Unknown', message: 'The replay ended without an outcome.' },
  };
  const { verdict } = status;
  const passed = verdict === 'passed' ? 'True' : verdict && verdict !== 'void' ? 'False' : 'Unknown';
  const words: Record<string, string> = {
    ...{ passed: 'Passed', 'missed-goals': 'MissedGoals', failed: reason, void: 'Void' },
  };
  return [
    { type: 'Complete', status: 'True', reason: phase, message },
    { type: 'Passed', status: passed, reason: verdict ? words[verdict]! : reason, message },
  ];
}
