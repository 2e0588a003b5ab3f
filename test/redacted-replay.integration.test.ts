// What the analyzer, the comparison and the mocks make of traffic that was redacted: the same as of raw traffic. A shop is
// recorded in one life and replayed in another, both redacted with one key, as the forwarder does.
import { expect, test } from 'vitest';
import { analyze, buildReport } from '../packages/analyzer/src/index.ts';
import {
  asResults,
  type Exchange,
  type Faults,
  recordShop,
} from '../packages/analyzer/src/recording.fixture.ts';
import { defaultRules, Redactor } from '../packages/rules/src/index.ts';
import { type Report, type RRPair, settleBody } from '../packages/traffic/src/index.ts';

const USERS = 8;
const REPLAY = '019c0000-0000-7000-8000-00000000000f';
const KEY = new Uint8Array(32).fill(7);

/** The pairs of one life as the forwarder stores them. */
function redacted(pairs: readonly RRPair[], key = KEY): RRPair[] {
  const redactor = new Redactor({ rules: defaultRules().redaction, version: 'v1', key });
  return pairs.map((raw) => {
    const pair = structuredClone(raw);
    for (const message of [pair.request!, pair.response!]) {
      const { body } = message;
      if (body.json !== undefined)
        message.body = { size: body.size, encoding: body.encoding, text: JSON.stringify(body.json) };
    }
    redactor.pair(pair);
    for (const { body } of [pair.request!, pair.response!]) settleBody(body);
    return pair;
  });
}

/** The second life made visible to the first: a login also hands out a cookie, a key and a mailbox of its own. */
const withSecrets =
  (life: string): Faults =>
  (exchange) => {
    if (!exchange.url.endsWith('/login')) return exchange;
    const user = (exchange.body as { email: string }).email;
    const random = Buffer.from(`${life}${user}${life}`).toString('base64url');
    const answer = { ...(exchange.answer as object), apiKey: `k-${random}`, mailbox: `${life}.${user}` };
    return { ...exchange, answer };
  };

function reportOf(faults: Faults = (exchange) => exchange): Report {
  const first = redacted(recordShop('a', USERS, withSecrets('a')));
  const raw = recordShop('b', USERS, (exchange) => faults(withSecrets('b')(exchange)));
  const results = asResults(first, redacted(raw), REPLAY);
  const { tests } = analyze(first);
  const counts = { testsPlanned: tests.length, sent: tests.length, resultsDelivered: tests.length };
  const run = {
    startedAt: 0,
    finishedAt: 1e6,
    ...counts,
    notSent: {},
    maxEventLoopLagMs: 0,
    voidReasons: [],
  };
  const goals = { successRate: 1, matchRate: 1, noSlowerEndpoint: true };
  return buildReport({
    ...{ replay: REPLAY, mode: 'tests-only', tests, results, mockResults: [], run, goals },
    baseline: null,
  });
}

test('a redacted recording gives the tokens, sessions and mocks of the raw one', () => {
  const [raw, same] = [recordShop('a', USERS), redacted(recordShop('a', USERS))].map((pairs) =>
    analyze(pairs),
  );
  expect(JSON.stringify(same)).not.toMatch(/@example\.com|Zx81kLm2/);
  expect(same!.counts).toEqual(raw!.counts);
  const flows = (analysis: typeof raw) =>
    analysis!.tokens.map(({ id, kind, session, producer, consumers }) => ({
      id,
      kind,
      session,
      producer,
      consumers,
    }));
  expect(flows(same)).toEqual(flows(raw));
  expect(same!.mocks.map(({ volatile, sequence }) => ({ volatile, sequence }))).toEqual(
    raw!.mocks.map(({ volatile, sequence }) => ({ volatile, sequence })),
  );
});

test('another life with other tokens, keys and mailboxes passes: what is generated may differ', () => {
  const report = reportOf();
  expect(report.findings).toEqual([]);
  expect(report.verdict).toBe('passed');
});

test.each<[string, (exchange: Exchange) => object, string]>([
  [
    'somebody else’s address',
    (exchange) => ({ ...(exchange.answer as object), email: 'eve@example.com' }),
    'body.email',
  ],
  [
    'an address where there was none',
    (exchange) => ({ ...(exchange.answer as object), owner: 'eve@example.com' }),
    'body.owner',
  ],
  ['a vanished address', ({ answer }) => ({ id: (answer as { id: string }).id }), 'body.email'],
])('%s is a fault although it is redacted', (_name, answer, path) => {
  const report = reportOf((exchange) =>
    exchange.url.endsWith('/register') ? { ...exchange, answer: answer(exchange) } : exchange,
  );
  expect(report.verdict).toBe('missed-goals');
  expect(report.findings.map((finding) => [finding.endpoint, finding.path])).toEqual([['/register', path]]);
  expect(JSON.stringify(report)).not.toContain('eve@');
});
