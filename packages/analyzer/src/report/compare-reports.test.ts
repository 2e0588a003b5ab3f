import { ReportComparison, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { buildReport } from './build-report.ts';
import { compareReports, isWorse } from './compare-reports.ts';
import { type Answered, answerTo, inputOf, makeTest } from './report.fixture.ts';

const tests = ['/a', '/b', '/c'].flatMap((endpoint) =>
  Array.from({ length: 30 }, () => makeTest({ endpoint, target: endpoint, answer: { total: 1 } })),
);

const reportOf = (answer: (test: Test) => Answered = () => ({}), of: readonly Test[] = tests) =>
  buildReport(
    inputOf(
      of,
      of.map((one, at) => answerTo(one, { durationUs: 4_000 + (at % 7) * 100, ...answer(one) })),
    ),
  );
const at = (endpoint: string, change: Answered) => (one: Test) => (one.endpoint === endpoint ? change : {});
const compare = (...[before, after]: [ReturnType<typeof reportOf>, ReturnType<typeof reportOf>]) =>
  ReportComparison.parse(compareReports(before, after));

test('two replays that came out the same differ in nothing', () => {
  const comparison = compare(reportOf(), reportOf());
  expect(comparison.findings).toEqual({ new: [], gone: [], same: [] });
  expect(comparison.latency.filter(({ isCalled }) => isCalled)).toEqual([]);
  expect(isWorse(comparison)).toBe(false);
});

test('says which findings are new, gone and the same', () => {
  const before = reportOf((one) => ({
    ...at('/a', { status: 500 })(one),
    ...at('/b', { answer: { total: 2 } })(one),
  }));
  const after = reportOf((one) => ({
    ...at('/b', { answer: { total: 3 } })(one),
    ...at('/c', { status: 404 })(one),
  }));
  const { findings, leaves, sentences } = compare(before, after);
  expect(findings.new.map(({ endpoint }) => endpoint)).toEqual(['/c']);
  expect(findings.gone.map(({ endpoint }) => endpoint)).toEqual(['/a']);
  expect(findings.same.map(({ finding, before: was }) => [finding.endpoint, was])).toEqual([['/b', 30]]);
  expect(leaves).toEqual([
    { method: 'GET', endpoint: '/b', path: 'body.total', expected: '1', before: '2', after: '3' },
  ]);
  expect(sentences[1]).toBe('1 findings are new, 1 are gone, 1 are in both.');
});

test('is worse when a finding of both has become more than chance explains, and not when it varies', () => {
  const failing = (count: number) => {
    const chosen = new Set(tests.filter(({ endpoint }) => endpoint === '/b').slice(0, count));
    return reportOf((one) => (chosen.has(one) ? { answer: { total: 2 } } : {}));
  };
  const varied = compare(failing(2), failing(5));
  expect(varied.findings.same).toEqual([expect.not.objectContaining({ isMore: true })]);
  expect(isWorse(varied)).toBe(false);
  const worse = compare(failing(2), failing(30));
  expect(worse.findings.same).toMatchObject([{ before: 2, isMore: true }]);
  expect(isWorse(worse)).toBe(true);
  expect(worse.sentences[1]).toBe(
    '0 findings are new, 0 are gone, 1 are in both, 1 of these more often than before.',
  );
  expect(isWorse(compare(failing(30), failing(2)))).toBe(false);
});

test('calls latencies that moved beyond noise, with confidence, and no others', () => {
  const slow = reportOf((one) => (one.endpoint === '/b' ? { durationUs: 90_000 } : {}));
  const comparison = compare(reportOf(), slow);
  expect(comparison.latency[0]).toMatchObject({ endpoint: '/b', isCalled: true, afterUs: 90_000 });
  expect(comparison.latency[0]!.confidence).toBeGreaterThan(0.999);
  expect(comparison.latency.filter(({ isCalled }) => isCalled)).toHaveLength(1);
  expect(isWorse(comparison)).toBe(true);
  expect(isWorse(compare(slow, reportOf()))).toBe(false);
});

test('says nothing of a latency with too few samples', () => {
  const few = tests.slice(0, 10);
  const { latency } = compare(
    reportOf(undefined, few),
    reportOf(() => ({ durationUs: 900_000 }), few),
  );
  expect(latency).toMatchObject([{ confidence: null, isCalled: false }]);
});

test('names endpoints that only one of them has', () => {
  expect(
    compare(reportOf(undefined, tests.slice(0, 60)), reportOf(undefined, tests.slice(30))).endpoints,
  ).toEqual({
    ...{ new: ['GET /c'], gone: ['GET /a'] },
  });
});
