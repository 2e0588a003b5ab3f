import { type GeneratorRun, Goals, Report, type RRPair, TAG } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { analyze } from '../analyze.ts';
import { asResults, type Faults, recordShop } from '../recording.fixture.ts';
import { buildReport, type ReportInput } from './build-report.ts';
import type { TimedEndpoint } from './endpoint-tally.ts';

const USERS = 25;
const REPLAY = '019aa000-0000-7000-8000-000000000001';
const recording = recordShop('a', USERS);
const { tests } = analyze(recording);
const run: GeneratorRun = {
  ...{
    startedAt: 1,
    finishedAt: 2_000_001,
    testsPlanned: tests.length,
    sent: tests.length,
    resultsDelivered: tests.length,
  },
  ...{ notSent: {}, maxEventLoopLagMs: 1, voidReasons: [] },
};

function report(faults?: Faults, change: Partial<ReportInput> = {}) {
  const results = asResults(recording, recordShop('b', USERS, faults), REPLAY);
  const input: ReportInput = {
    replay: REPLAY,
    mode: 'tests-only',
    tests,
    results,
    mockResults: [],
    run,
    goals: Goals.parse({}),
    baseline: null,
    ...change,
  };
  return Report.parse(buildReport(input));
}

const baseline: TimedEndpoint[] = tests.map((t) => ({
  method: t.request.method,
  endpoint: t.endpoint,
  latencyUs: 4_000,
}));

/** Changes the answers of one endpoint. */
const at =
  (method: string, path: RegExp, change: (answer: Record<string, unknown>) => unknown, extraUs = 0): Faults =>
  (exchange) =>
    exchange.direction === 'IN' && exchange.method === method && path.test(exchange.url)
      ? {
          ...exchange,
          answer: change(exchange.answer as Record<string, unknown>),
          durationUs: exchange.durationUs + extraUs,
        }
      : exchange;

describe('buildReport()', () => {
  test('passes another life of the same build, although ids, tokens, numbers and dates differ', () => {
    const passed = report(undefined, { baseline });
    expect(passed).toMatchObject({ verdict: 'passed', successRate: 1, findings: [], failures: [] });
    expect(passed.reasons).toEqual([`All ${tests.length} assertions hold.`]);
    expect(passed.endpoints.map((e) => e.tests)).toEqual(Array(7).fill(USERS));
  });

  test('names a wrong total, a number that became a string and a slow endpoint, and nothing else', () => {
    const total = at('GET', /\/cart$/, (answer) => ({ ...answer, total: 1 }));
    const text = at('GET', /\/orders\//, (answer) => ({ ...answer, number: String(answer.number) }));
    const slow = at('GET', /\/products$/, (answer) => answer, 300_000);
    const found = report((exchange) => slow(text(total(exchange))), { baseline });
    expect(found.verdict).toBe('missed-goals');
    expect(
      found.findings.map((f) => [f.kind, `${f.method} ${f.endpoint}`, f.path, f.problem, f.count]).sort(),
    ).toEqual(
      [
        ['assertion', 'GET /cart', 'body.total', 'value', USERS],
        ['assertion', 'GET /orders/{id}', 'body.number', 'type', USERS],
        ['slower', 'GET /products', null, 'slower', USERS],
      ].sort(),
    );
    expect(found.reasons.length).toBe(3);
  });

  test('finds the order of another user, although any uuid would look right', () => {
    const stolen = at('GET', /\/orders\//, (answer) => ({
      ...answer,
      id: '99999999-aaaa-4bbb-8ccc-dddddddddddd',
    }));
    expect(report(stolen).findings.map((f) => `${f.endpoint} ${f.path}`)).toEqual(['/orders/{id} body.id']);
  });

  test('finds a slow endpoint without a baseline, and names no other', () => {
    const slow = at('GET', /\/cart$/, (answer) => answer, 250_000);
    expect(report(slow).findings.map(({ kind, endpoint }) => [kind, endpoint])).toEqual([
      ['slower', '/cart'],
    ]);
  });

  test('is void when results are missing or the generator distrusts itself', () => {
    const results = asResults(recording, recordShop('b', USERS), REPLAY).slice(1);
    expect(report(undefined, { results })).toMatchObject({ verdict: 'void', counts: { missing: 1 } });
    expect(report(undefined, { run: { ...run, voidReasons: ['the event loop lagged'] } })).toMatchObject({
      verdict: 'void',
      reasons: ['the event loop lagged'],
    });
  });

  test('fails when nothing could be asserted, rather than passing on nothing', () => {
    expect(report(undefined, { tests: [], results: [] }).verdict).toBe('failed');
  });

  test('a mock miss misses the goal and says what differed', () => {
    const [charge] = recordShop('b', 1).filter((pair) => pair.direction === 'OUT') as [RRPair];
    const miss = { ...charge, tags: { [TAG.match]: 'miss', [TAG.difference]: 'body.amount: 1000 → 999' } };
    const missed = report(undefined, {
      mode: 'full',
      mockResults: [miss, { ...charge, tags: { [TAG.match]: 'exact' } }],
    });
    expect(missed).toMatchObject({ verdict: 'missed-goals', matchRate: 0.5 });
    expect(missed.findings[0]!.sentence).toBe(
      'POST pay:8443/v1/charges found no mock: the nearest recording differs at body.amount: 1000 → 999',
    );
  });

  test('shows headless sessions but keeps them out of the verdict', () => {
    const headless = tests.map((t) => ({ ...t, headless: t.session === 's1' }));
    const broken = at('GET', /\/cart$/, (answer) => ({ ...answer, total: 1 }));
    const first = recordShop('a', 1).length;
    const results = asResults(
      recording,
      recordShop('b', USERS, broken).map((pair, i) => (i < first ? pair : recordShop('b', USERS)[i]!)),
      REPLAY,
    );
    expect(report(undefined, { tests: headless, results })).toMatchObject({
      verdict: 'passed',
      counts: { headless: 7 },
    });
  });

  describe('credentials of a redacted recording that the vault did not give', () => {
    const credentials = { fromVault: { 'body.email': 3 }, missing: { 'body.password': 3 } };
    const refusing: Faults = (exchange) =>
      exchange.url.endsWith('/login') ? { ...exchange, status: 401, answer: { error: 'no' } } : exchange;

    test('are the first reason when requests were refused', () => {
      const { findings, reasons } = report(refusing, { run: { ...run, credentials } });
      expect(findings[0]).toMatchObject({
        kind: 'run',
        path: 'body.password',
        problem: 'missing-credential',
        count: 3,
      });
      expect(reasons[0]).toMatch(
        /^body\.password was redacted and the vault has no value for it: .* 25 were refused/,
      );
    });

    test('are no fault while nothing is refused', () => {
      expect(report(undefined, { run: { ...run, credentials } })).toMatchObject({
        verdict: 'passed',
        findings: [],
      });
    });

    test('are not blamed when the vault gave everything', () => {
      const all = { fromVault: { 'body.password': 3 }, missing: {} };
      const { findings } = report(refusing, { run: { ...run, credentials: all } });
      expect(findings.map(({ kind }) => kind)).not.toContain('run');
    });
  });
});
