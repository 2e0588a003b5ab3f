// Conditions and Events of a status as it changes.
import { type ConditionType, TrafficReplayStatus } from '@echoplane/resources';
import { describe, expect, test } from 'vitest';
import type { StatusChange } from './facts.ts';
import { applyChange, closingConditions, ended, notesBetween } from './status.ts';

const wanted = (status: 'True' | 'False', reason: string) => ({
  type: 'Accepted' as const,
  status,
  reason,
  message: reason,
});
const empty = TrafficReplayStatus.parse({});
const apply = (before: typeof empty, condition: ReturnType<typeof wanted>, nowMs: number) =>
  applyChange(before, { conditions: [condition] }, { nowMs, generation: 3 });

test('a condition changes its time with its status, and with nothing else', () => {
  const first = apply(empty, wanted('False', 'WorkloadBusy'), 1_000);
  const again = apply(first, wanted('False', 'StillBusy'), 2_000);
  const last = apply(again, wanted('True', 'Accepted'), 3_000);
  const times = [first, again, last].map(({ conditions }) => Date.parse(conditions[0]!.lastTransitionTime));
  expect(times).toEqual([1_000, 1_000, 3_000]);
  expect(last.conditions).toHaveLength(1);
  expect(last.observedGeneration).toBe(3);
});

test('each transition is one Event, and a message that changes is none', () => {
  const first = apply(empty, wanted('False', 'WorkloadBusy'), 1_000);
  expect(notesBetween(empty, first)).toMatchObject([{ type: 'Normal', reason: 'WorkloadBusy' }]);
  const message = applyChange(first, { message: 'still' }, { nowMs: 2_000, generation: 3 });
  expect(notesBetween(first, message)).toEqual([]);
  const phase = applyChange(first, { phase: 'Preparing' }, { nowMs: 2_000, generation: 3 });
  expect(notesBetween(first, phase)).toEqual([]);
});

describe('Events', () => {
  const of = (type: ConditionType, status: 'True' | 'False' | 'Unknown', reason: string) => ({
    ...{ type, status, reason, message: `${reason} it is` },
  });
  const notes = (change: StatusChange, before = empty) => {
    const after = applyChange(before, change, { nowMs: 1_000, generation: 1 });
    return notesBetween(before, after).map(({ type, reason }) => `${type} ${reason}`);
  };

  test('the ordinary way is told where it got to, not what it waits for', () => {
    for (const reason of ['Starting', 'AddressPending', 'RollingOut', 'Running'])
      expect(notes({ conditions: [of('MocksReady', 'False', reason)] })).toEqual([]);
    expect(notes({ conditions: [of('MocksReady', 'True', 'Serving')] })).toEqual(['Normal Serving']);
  });
  test('only trouble is a warning', () => {
    expect(notes({ conditions: [of('MocksReady', 'False', 'CannotStart')] })).toEqual([
      'Warning CannotStart',
    ]);
    expect(notes({ conditions: [of('TargetReady', 'False', 'NotWired')] })).toEqual(['Warning NotWired']);
    expect(notes({ conditions: [of('CleanedUp', 'False', 'Kept')] })).toEqual(['Normal Kept']);
  });
  test('a failure is told once: by its reason, not again by Passed and Complete', () => {
    const failed = ended({ phase: 'Failed', reason: 'CannotStart', message: 'no image' }, 'MocksReady');
    expect(notes(failed)).toEqual(['Warning CannotStart']);
    const after = applyChange(empty, failed, { nowMs: 1_000, generation: 1 });
    expect(after.conditions).toMatchObject([
      { type: 'MocksReady', reason: 'CannotStart', message: 'no image' },
    ]);
    expect(notes({ conditions: closingConditions(after) }, after)).toEqual([]);
  });
  test('missed goals are a warning that says which; a cancelled replay is none', () => {
    const message = 'missed goals: success rate is 96.4 %, wanted ≥ 100 %.';
    const missed = applyChange(
      empty,
      { ...ended({ phase: 'Succeeded', reason: 'Finished', message }), verdict: 'missed-goals' },
      { nowMs: 1, generation: 1 },
    );
    expect(closingConditions(missed)[1]).toMatchObject({ status: 'False', reason: 'MissedGoals', message });
    expect(notes({ conditions: closingConditions(missed) }, missed)).toEqual(['Warning MissedGoals']);
    const cancelled = ended({ phase: 'Cancelled', reason: 'Cancelled', message: 'by you' });
    expect(notes(cancelled)).toEqual(['Normal Cancelled']);
  });
});
