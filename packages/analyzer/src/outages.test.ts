import type { RRPair } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const AFTER_US = 100;

const asked = (status: number): Exchange => ({ request: 'GET /products/1', status, answer: { status } });

/** A call to rates while the request before it is under way; without an answer when it ended in `error`. */
function call(error: RRPair['error'], change: Partial<RRPair> = {}): Exchange {
  return {
    ...{
      request: 'GET http://rates/v1/rates?base=EUR',
      direction: 'OUT',
      connection: 'k9',
      answer: { rate: 2 },
    },
    change: { durationUs: 1_000, error, ...(error ? { response: null } : {}), ...change },
  };
}

function analysisOf(exchanges: Exchange[]) {
  const pairs = record(exchanges).map((pair, n, all) =>
    pair.direction === 'OUT' ? { ...pair, ts: all[n - 1]!.ts + AFTER_US } : pair,
  );
  return analyze(pairs);
}
const statusesOf = (exchanges: Exchange[]) =>
  analysisOf(exchanges).tests.map(({ response }) => response.status);

test('a request that failed while a dependency was away for a moment is no test, and counted', () => {
  const { tests, counts, summary } = analysisOf([
    ...[asked(200), call(null), asked(502), call('connect-failed'), asked(200), call(null)],
  ]);
  expect(tests.map(({ response }) => response.status)).toEqual([200, 200]);
  expect(counts.skipped).toEqual({ 'connect-failed': 1, 'failed while a dependency was away': 1 });
  expect(summary.notes).toContain('1 RRPairs are neither test nor mock: failed while a dependency was away');
});

test.each(['reset', 'server-closed', 'timeout', 'client-closed', 'tls-failed'] as const)(
  'however the call broke off: %s',
  (error) => {
    expect(statusesOf([asked(500), call(error), asked(200), call(null)])).toEqual([200]);
  },
);

test('a call that never came to its request is known by its address', () => {
  expect(statusesOf([asked(200), call(null), asked(502), call('reset', { request: null })])).toEqual([200]);
});

const elsewhere = { source: { ...record([asked(200)])[0]!.source, pod: 'another' } };
test.each<[string, Exchange[]]>([
  ['of whom nobody saw an answer', [asked(502), call('connect-failed')]],
  ['of another pod', [asked(200), call(null), asked(502), call('reset', elsewhere)]],
  ['that outlasts the answer', [asked(200), call(null), asked(502), call('timeout', { durationUs: 9_000 })]],
  ['whose end was made good', [asked(200), call(null), asked(200), call('reset')]],
])('a call %s explains nothing', (_, exchanges) => {
  const statuses = exchanges.flatMap(({ direction, status }) => (direction === 'OUT' ? [] : [status]));
  expect(statusesOf(exchanges)).toEqual(statuses);
});
