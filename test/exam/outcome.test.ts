import type { ReportDetail, Snapshot } from '@echoplane/api';
import { expect, test } from 'vitest';
import { lastLine, outcomeOf, targetsOf } from './outcome.ts';

const snapshot = { manifest: { counts: { skipped: { gaps: 1 } } } } as unknown as Snapshot;
const detail = (passed: number, failed: number, leaves?: object) =>
  ({
    report: {
      verdict: 'passed',
      findings: [],
      leaves,
      counts: { tests: 9, passed, failed, headless: 0, missing: 0 },
    },
  }) as unknown as ReportDetail;

test('a share is rounded down, so that a target is never met by rounding', () => {
  const leaves = { strict: 8_999, time: 1_000, kind: 1, ignored: 5 };
  expect(outcomeOf(detail(9_899, 101, leaves), snapshot)).toMatchObject({
    ...{ unchanged_pass_pct: 98.9, strict_leaves_pct: 89.9, time_leaves_pct: 10, kind_leaves_pct: 0 },
    ...{ ignored_leaves: 5, skipped: { gaps: 1 } },
  });
});

test('what was not counted meets no target, and neither does a service that could not be examined', () => {
  const line = lastLine(
    { empty: outcomeOf(detail(0, 0), snapshot), broken: null },
    { faults: null, keys: {} },
  );
  const { targets } = JSON.parse(line) as { targets: Record<string, { value: number | null; met: boolean }> };
  expect(Object.keys(targets)).toHaveLength(4);
  for (const target of Object.values(targets)) expect(target).toMatchObject({ value: null, met: false });
});

const faults = {
  ...{ faults_known: 131, faults_distinct: 60, faults_planted: 100, faults_found: 95, faults_found_pct: 95 },
  ...{ faults_not_planted: 0, false_alarms: 2, false_alarms_of: 1_000, false_alarms_per_1000: 2 },
  ...{ unchanged_alarms: 0, faults_follow_ups: 7 },
};
const services = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`s${i}`, null]));

test('faults have their targets: found, kinds where there is room for them, false alarms', () => {
  const met = (of: Partial<typeof faults>, n = 7) =>
    Object.entries(targetsOf(services(n), { ...faults, ...of }))
      .filter(([name]) => !/^s\d/.test(name))
      .map(([name, target]) => [name, target.met]);
  const all = ['faults_found_pct', 'faults_distinct', 'false_alarms_per_1000'];
  expect(met({})).toEqual(all.map((name) => [name, true]));
  const missed = { faults_found_pct: 94.9, faults_distinct: 59, false_alarms_per_1000: 2.1 };
  expect(met(missed)).toEqual(all.map((name) => [name, false]));
  expect(met({}, 1).map(([name]) => name)).not.toContain('faults_distinct');
});

test('the last line has the figures of faults and of each answer key', () => {
  const key = {
    ...{ key_leaves: 219, key_varying: 9, key_recall_pct: 100, key_precision_pct: 99 },
    ...{ key_carried: 94, key_carried_recall_pct: 98, key_carried_precision_pct: 97 },
  };
  const outcomes = { shelf: outcomeOf(detail(9, 0), snapshot) };
  const { metrics } = JSON.parse(lastLine(outcomes, { faults, keys: { shelf: key } }));
  expect(metrics).toMatchObject({ faults, shelf: { tests: 9, ...key } });
});
