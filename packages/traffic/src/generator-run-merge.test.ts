import { expect, test } from 'vitest';
import { mergeRuns } from './generator-run-merge.ts';
import { GeneratorRun } from './report.ts';

const RUN: GeneratorRun = {
  ...{ startedAt: 1_000, finishedAt: 2_000, testsPlanned: 5, sent: 4, resultsDelivered: 3 },
  ...{ notSent: { cancelled: 1 }, maxEventLoopLagMs: 1.5, voidReasons: [] },
};

test('sums, the first start, the last end, the worst lag, and the places of credentials', () => {
  const a = { ...RUN, credentials: { fromVault: { 'body.password': 2 }, missing: {} } };
  const b = {
    ...{ ...RUN, startedAt: 900, finishedAt: 1_500, maxEventLoopLagMs: 7, notSent: { other: 2 } },
    credentials: { fromVault: { 'body.password': 1 }, missing: { 'header.x': 4 } },
  };
  expect(mergeRuns([a, b, { ...RUN, sent: 0 }])).toEqual({
    ...{ startedAt: 900, finishedAt: 2_000, testsPlanned: 15, sent: 8, resultsDelivered: 9 },
    ...{ notSent: { cancelled: 2, other: 2 }, maxEventLoopLagMs: 7, voidReasons: [] },
    credentials: { fromVault: { 'body.password': 3 }, missing: { 'header.x': 4 } },
  });
});

test('one run is itself, with its reasons as they stand', () => {
  const run = { ...RUN, voidReasons: ['stalled'] };
  expect(mergeRuns([run])).toBe(run);
});

test('a shard without a summary voids the run, and each reason says whose it is', () => {
  const merged = mergeRuns([{ ...RUN, voidReasons: ['stalled'] }, null, RUN]);
  expect(merged.voidReasons).toEqual([
    'generator 1 of 3: stalled',
    'generator 2 of 3 left no summary: its tests may not have been sent',
  ]);
  expect(merged).toMatchObject({ testsPlanned: 10, sent: 8 });
  expect(merged.credentials).toBeUndefined();
});

test.each([[[]], [[null]], [[null, null]]])('%j is a void run and still a run', (runs) => {
  const merged = GeneratorRun.parse(mergeRuns(runs));
  expect(merged).toMatchObject({ startedAt: 0, finishedAt: 0, sent: 0 });
  expect(merged.voidReasons.length).toBeGreaterThan(0);
});

test('reasons are bounded', () => {
  const { voidReasons } = mergeRuns(Array.from({ length: 100 }, () => null));
  expect(voidReasons).toHaveLength(51);
  expect(voidReasons.at(-1)).toBe('50 more reasons');
});

test('assertions, samples and retries are summed, histograms stand side by side, lateness is the worst', () => {
  const measured = (n: number): GeneratorRun => ({
    ...RUN,
    ...{ asserted: { passed: n, failed: 1, headless: 0 }, sampled: { kept: n, of: 2 * n } },
    ...{ late: { p50Us: n, p99Us: 10 - n, maxUs: n * 5 }, cpuShare: n / 10, retries: { reset: n } },
    histograms: [{ method: 'GET', endpoint: '/', encoded: `h${n}` }],
  });
  expect(mergeRuns([measured(2), measured(3)])).toMatchObject({
    ...{ asserted: { passed: 5, failed: 2, headless: 0 }, sampled: { kept: 5, of: 10 } },
    ...{ late: { p50Us: 3, p99Us: 8, maxUs: 15 }, cpuShare: 0.3, retries: { reset: 5 } },
    histograms: [{ encoded: 'h2' }, { encoded: 'h3' }],
  });
});

test('what chains found is added up by chain', () => {
  const counted = (chains: GeneratorRun['chains']): GeneratorRun => ({ ...RUN, chains: chains! });
  const runs = [
    counted({ a: { found: 1, missed: 2 }, b: { found: 0, missed: 1 } }),
    counted({ a: { found: 4, missed: 0 } }),
  ];
  expect(mergeRuns(runs).chains).toEqual({ a: { found: 5, missed: 2 }, b: { found: 0, missed: 1 } });
  expect(mergeRuns([RUN, RUN])).not.toHaveProperty('chains');
});

test('a shard that could not judge leaves the assertions to the report', () => {
  const judged = { ...RUN, asserted: { passed: 1, failed: 0, headless: 0 } };
  expect(mergeRuns([judged, RUN]).asserted).toBeUndefined();
});
