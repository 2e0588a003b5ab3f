import { expect, test } from 'vitest';
import { runPlan } from './load-plan.ts';

test('in recorded order a late answer is waited for longer than under load', () => {
  const stages = [{ users: 2, durationS: 1, rampS: 0 }];
  expect(runPlan({}).timeoutMs).toBe(60_000);
  expect(
    [runPlan({ load: { stages } }), runPlan({ load: { order: 'sessions' } })].map((one) => one.timeoutMs),
  ).toEqual([10_000, 10_000]);
  expect(runPlan({ timeoutMs: 300 }).timeoutMs).toBe(300);
  expect(runPlan({ timeoutMs: 300, load: { timeoutMs: 200 } }).timeoutMs).toBe(200);
});
