import { MockIndex } from '@echoplane/replay';
import type { Test } from '@echoplane/traffic';
import { describe, expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { idOf, recordShop } from './recording.fixture.ts';

const USERS = 8;
const recording = recordShop('a', USERS);
const analysis = analyze(recording);
const named = (tests: readonly Test[], method: string, endpoint: string) =>
  tests.filter((t) => t.request.method === method && t.endpoint === endpoint);

describe('analyze()', () => {
  test('puts every request of a user into one session, also those before the login', () => {
    expect(analysis.counts.sessions).toBe(USERS);
    const bySession = Map.groupBy(analysis.tests, (t) => t.session);
    for (const tests of bySession.values()) {
      expect(tests.map((t) => `${t.request.method} ${t.endpoint}`)).toEqual([
        'POST /register',
        'POST /login',
        'GET /products',
        'POST /cart/items',
        'GET /cart',
        'POST /orders',
        'GET /orders/{id}',
      ]);
      expect(tests.map((t) => t.order)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
  });

  test('finds the tokens: bearer, product, order, with where they come from and go to', () => {
    const kinds = Map.groupBy(analysis.tokens, (token) => token.kind);
    expect(kinds.get('jwt')!.length).toBe(USERS);
    expect(kinds.get('jwt')![0]!).toMatchObject({
      producer: { path: 'body.token' },
      evidence: expect.stringContaining('POST /login'),
    });
    expect(kinds.get('jwt')![0]!.consumers.map((c) => c.path)).toEqual(
      Array(5).fill('header.authorization#1'),
    );
    const orders = analysis.tokens.filter((token) => token.consumers.some((c) => c.path === 'path[1]'));
    expect(orders.length).toBe(USERS);
    const [ordering] = named(analysis.tests, 'POST', '/orders');
    expect(ordering!.produces).toContainEqual({ token: orders[0]!.id, path: 'body.id' });
  });

  test('does not take what the client itself made for a token', () => {
    const sent = analysis.tokens.map((token) => token.value);
    expect(sent.some((value) => value.includes('@') || value.startsWith('pw-'))).toBe(false);
  });

  test('follows order numbers from the answer that makes them to the one that shows them, and no totals', () => {
    const links = (method: string, endpoint: string) =>
      named(analysis.tests, method, endpoint)[0]!.links?.map((link) => `${link.in} ${link.path}`);
    expect(links('POST', '/orders')).toEqual(['response body.number']);
    expect(links('GET', '/orders/{id}')).toEqual(['response body.number']);
    expect(links('GET', '/cart')).toBe(undefined);
    expect(analysis.flows.map(({ name, values }) => [name, values])).toEqual([
      ['POST /orders body.number', USERS],
    ]);
    expect(analysis.tests.flatMap((t) => t.volatile)).toEqual([]);
  });

  test('makes mocks that answer another life of the service, and refuse another amount', () => {
    expect(analysis.mocks.map((mock) => mock.volatile)).toEqual(
      Array(USERS).fill(['body.at', 'body.reference']),
    );
    const index = new MockIndex(analysis.mocks);
    const ask = (life: string, amount: number) => {
      const pair = recordShop(life, 1).find((p) => p.direction === 'OUT')!;
      const body = {
        size: 1,
        encoding: 'identity',
        json: { ...(pair.request!.body.json as object), amount },
      };
      return index.match({
        scheme: 'https',
        host: 'pay:8443',
        method: 'POST',
        target: '/v1/charges',
        headers: [],
        body,
      });
    };
    expect(ask('a', 1000).kind).toBe('exact');
    expect(ask('b', 1000)).toMatchObject({
      kind: 'volatile',
      learned: expect.arrayContaining([[idOf('a', 'order0'), idOf('b', 'order0')]]),
    });
    expect(ask('b', 999)).toMatchObject({ kind: 'miss', difference: 'body.amount: 1000 → 999' });
  });

  test('leaves out pairs with gaps, errors or without an answer, and says so', () => {
    const broken = recording.map((pair, i) =>
      i === 0
        ? { ...pair, gaps: { responseTruncatedBytes: 5 } }
        : i === 1
          ? { ...pair, error: 'reset' as const, response: null }
          : pair,
    );
    expect(analyze(broken).counts.skipped).toEqual({ gaps: 1, reset: 1 });
    expect(analyze(broken).tests.length).toBe(analysis.tests.length - 2);
  });

  test('leaves out parts of streams and messages whose beginning is not there, and says so', () => {
    const [firstIn, secondIn] = recording.filter(({ direction }) => direction === 'IN');
    const [firstOut, secondOut] = recording.filter(({ direction }) => direction === 'OUT');
    const first = { part: { index: 0, last: false } };
    const changes = new Map<string, object>([
      [firstIn!.id, { protocol: 'websocket', request: null, response: null, part: { index: 0, last: true } }],
      [secondIn!.id, first],
      [firstOut!.id, first],
      [secondOut!.id, { part: { index: 1, last: true } }],
    ]);
    const { counts, summary } = analyze(recording.map((pair) => ({ ...pair, ...changes.get(pair.id) })));
    expect(counts.skipped).toEqual({ websocket: 1, 'stream-part': 2 });
    expect(summary.notes).toContain('1 RRPairs are neither test nor mock: websocket');
    expect([counts.tests, counts.mocks]).toEqual([analysis.tests.length - 2, analysis.mocks.length - 1]);
  });

  test('keeps gRPC and HTTP/2, and says of each test what it spoke', () => {
    const [first, second] = recording.filter(({ direction }) => direction === 'IN');
    const changes = new Map([
      [first!.id, { protocol: 'grpc' }],
      [second!.id, { protocol: 'http/2' }],
    ]);
    const { counts, tests } = analyze(recording.map((pair) => ({ ...pair, ...changes.get(pair.id) })));
    expect([counts.skipped, counts.tests]).toEqual([{}, analysis.tests.length]);
    expect(tests.slice(0, 3).map(({ protocol }) => protocol)).toEqual(['grpc', 'http/2', 'http/1.1']);
  });

  test('marks sessions whose credential predates the recording', () => {
    const late = recording.filter(
      (pair) => !(pair.request!.url.endsWith('/login') || pair.request!.url.endsWith('/register')),
    );
    expect(analyze(late).tests.every((t) => t.headless)).toBe(true);
    expect(analysis.tests.some((t) => t.headless)).toBe(false);
  });

  test('gives the same artifacts for the same pairs in any order', () => {
    expect(analyze([...recording].reverse())).toEqual(analysis);
  });

  test('of nothing is nothing', () => {
    expect(analyze([]).counts).toEqual({ pairs: 0, tests: 0, mocks: 0, tokens: 0, sessions: 0, skipped: {} });
  });
});

test.each([
  ['without a digit', 'DUzcAhBSHUhJhQeqmTXPkuyi', (user: number) => `4bIx${user}up0J0f7wAL5GoPGm${user}c`],
  ['of capitals with few digits', 'ZESDVNKPBYB21HSF', (user: number) => `2W6HPMP${user}E8T2H9BE`],
  ['of capitals with one digit', '6VMLVDVTKLPHTHET', (user: number) => `2W6HPMP${user}E8T2H9BE`],
  ['of small letters with few digits', 'kqmnbxwuvthz41pa', (user: number) => `2w6hpmp${user}e8t2h9be`],
])('follows a random word %s, because the others at its leaf are random', (_, odd, usual) => {
  const word = (user: number) => (user === 3 ? odd : usual(user));
  let user = -1;
  const shop = recordShop('a', USERS).map((pair) => {
    if (pair.request!.url.endsWith('/register')) user++;
    const opaque = (text: string) => text.replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, word(user));
    return JSON.parse(opaque(JSON.stringify(pair))) as typeof pair;
  });
  const { tests, tokens, counts } = analyze(shop);
  expect(counts.sessions).toBe(USERS);
  expect(tokens.filter((token) => token.value === word(3)).map((token) => token.consumers.length)).toEqual([
    5,
  ]);
  expect(named(tests, 'POST', '/login')[0]!.volatile).toContainEqual(
    expect.objectContaining({ path: 'body.token', shape: '{token}' }),
  );
});
