import type { GeneratorRun } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { compactRun, MAX_SUMMARY_BYTES } from './compact-run.ts';

const RUN: GeneratorRun = {
  ...{ startedAt: 1_000, finishedAt: 2_000, testsPlanned: 9, sent: 9, resultsDelivered: 9, notSent: {} },
  ...{ maxEventLoopLagMs: 1.5, voidReasons: [] },
};
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
const places = (n: number) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`body.items[].field${i}`, i + 1]));

test('a run that fits is left as it is, but for its histograms', () => {
  const run = { ...RUN, credentials: { fromVault: places(20), missing: {} } };
  expect(compactRun({ ...run, histograms: [{ method: 'GET', endpoint: '/', encoded: 'x' }] })).toEqual(run);
});

test('of many places the largest are kept by name, and every sum stays', () => {
  const credentials = { fromVault: places(200), missing: places(150) };
  const cut = compactRun({ ...RUN, credentials });
  expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThan(MAX_SUMMARY_BYTES);
  expect(sum(cut.credentials!.fromVault)).toBe(sum(credentials.fromVault));
  expect(sum(cut.credentials!.missing)).toBe(sum(credentials.missing));
  expect(cut.credentials!.fromVault['body.items[].field199']).toBe(200);
  expect(cut.credentials!.fromVault['body.items[].field0']).toBeUndefined();
  expect(Object.keys(cut.credentials!.fromVault).length).toBeGreaterThan(20);
});

test('names and reasons beyond all measure still leave a summary', () => {
  const long = { [`body.${'ä'.repeat(3_000)}`]: 4, b: 1 };
  const voidReasons = Array.from({ length: 90 }, (_, i) => `${i} ${'x'.repeat(900)}`);
  const cut = compactRun({ ...RUN, voidReasons, credentials: { fromVault: long, missing: long } });
  expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThan(MAX_SUMMARY_BYTES);
  expect(cut.credentials).toEqual({ fromVault: { other: 5 }, missing: { other: 5 } });
  expect(cut.voidReasons[0]).toMatch(/^0 x/);
});
