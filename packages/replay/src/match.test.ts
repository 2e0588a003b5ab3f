import { type Mock, type OutboundRequest, storeBody } from '@echoplane/traffic';
import { sketchPair } from '@echoplane/traffic/pair.fixture';
import { describe, expect, test } from 'vitest';
import { MockIndex } from './match.ts';
import { signatureDigest, signatureOf } from './signature.ts';

const A = '2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d';
const B = '7b9f1f6e-52a0-4d5c-9a55-1f0f0e8f9d11';

function request(body: unknown, target = '/v1/charges', method = 'POST'): OutboundRequest {
  return { ...sketchPair({ requestBody: body }).request!, scheme: 'https', host: 'pay:8443', method, target };
}

function mock(n: number, req: OutboundRequest, volatile: string[] = [], sequence = 0): Mock {
  const signature = signatureOf(req);
  const pair = sketchPair({ n, responseBody: { n } });
  return {
    ...{
      id: pair.id,
      session: null,
      scheme: 'https',
      host: req.host,
      endpoint: req.target,
      signature,
      volatile,
    },
    ...{ exact: signatureDigest(signature), loose: signatureDigest(signature, volatile), sequence },
    ...{ response: pair.response!, ttfbUs: 1, durationUs: 1 },
  };
}

const charge = (reference: string, amount: unknown = 1999) => request({ amount, reference });

describe('MockIndex', () => {
  test('answers an equal request exactly', () => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match(charge(A))).toMatchObject({ kind: 'exact', learned: [] });
  });

  test('a body of more values than are looked at one by one is recognised as a whole', () => {
    const many = (last: number) => request([...Array(60_000).fill(1), last]);
    const index = new MockIndex([mock(1, many(1))]);
    expect(Object.keys(signatureOf(many(1)))).toEqual(['host', 'method', 'path[0]', 'path[1]', 'body']);
    expect(index.match(many(1))).toMatchObject({ kind: 'exact' });
    expect(index.match(many(2))).toMatchObject({ kind: 'miss' });
  });

  test('a redacted value that the service makes anew matches by its kind, and is learned', () => {
    const [recorded, live] = ['rdx_aaaaaaaaaaaaaaaaaaa1', 'rdx_bbbbbbbbbbbbbbbbbbb2'];
    const index = new MockIndex([mock(1, charge(recorded), ['body.reference'])]);
    expect(index.match(charge(live))).toMatchObject({ kind: 'volatile', learned: [[recorded, live]] });
    expect(index.match(charge(17 as never))).toMatchObject({ kind: 'miss' });
  });

  test('a redacted address that the service makes anew matches one in clear: not every live request is redacted', () => {
    const index = new MockIndex([mock(1, charge('u-abcdefghijk7@redacted.invalid'), ['body.reference'])]);
    expect(index.match(charge('ann@shop.example'))).toMatchObject({ kind: 'volatile' });
  });

  test('answers with another generated value, and tells what it learned', () => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match(charge(B))).toMatchObject({ kind: 'volatile', learned: [[A, B]] });
  });

  test.each([
    ['amount', charge(B, 2000), 'body.amount: 1999 → 2000'],
    ['a type', charge(B, '1999'), 'body.amount: 1999 → "1999"'],
    ['a missing field', request({ reference: B }), 'body.amount: 1999 → absent'],
    ['a new field', request({ amount: 1999, reference: B, x: 1 }), 'body.x: absent → 1'],
    ['a path', request({ amount: 1999, reference: B }, '/v2/charges'), 'path[0]: "v1" → "v2"'],
    ['a query', request({ amount: 1999, reference: B }, '/v1/charges?dry=1'), 'query.dry: absent → "1"'],
  ])('misses when %s differs, and names it first', (_, asked, difference) => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match(asked)).toMatchObject({
      kind: 'miss',
      nearest: { id: expect.any(String) },
      difference,
    });
  });

  test('does not take a word for a uuid', () => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match(charge('none'))).toMatchObject({
      kind: 'miss',
      difference: `body.reference: "${A}" → "none"`,
    });
  });

  test('names another method or host when nothing else differs, and nothing of a host it does not know', () => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match(request({ amount: 1999, reference: A }, '/v1/charges', 'PUT'))).toMatchObject({
      difference: 'method: POST → PUT',
    });
    expect(index.match({ ...charge(A), host: 'evil:8443' })).toMatchObject({
      difference: 'host: pay:8443 → evil:8443',
    });
    expect(index.match({ ...charge(A, 5), host: 'evil:8443' })).toEqual({
      kind: 'miss',
      nearest: null,
      difference: null,
    });
  });

  test('gives equal requests their answers in recorded order, then the last again', () => {
    const index = new MockIndex([3, 1, 2].map((n) => mock(n, charge(A), ['body.reference'], n)));
    const ids = [1, 2, 3, 4]
      .map(() => index.match(charge(B)))
      .map((result) => result.kind !== 'miss' && bodyOf(result.mock));
    expect(ids).toEqual([1, 2, 3, 3]);
  });

  test('keeps apart what two callers ask', () => {
    const index = new MockIndex([
      mock(1, charge(A), ['body.reference'], 0),
      mock(2, charge(A, 500), ['body.reference'], 0),
      mock(3, charge(A), ['body.reference'], 1),
    ]);
    const ask = (amount: number) => {
      const result = index.match(charge(B, amount));
      return result.kind === 'miss' ? null : bodyOf(result.mock);
    };
    expect([ask(1999), ask(500), ask(1999)]).toEqual([1, 2, 3]);
  });
});

describe('MockIndex with state and sessions', () => {
  const cart = request(undefined, '/cart', 'GET');
  const put = request({ item: 1 }, '/cart', 'PUT');
  const state = (isWrite: boolean, writesBefore: number) => ({
    state: { resource: 'cart', isWrite, writesBefore },
  });

  test('a read is answered by the latest recording that is not ahead of the writes of the replay', () => {
    const index = new MockIndex([
      { ...mock(1, cart, [], 0), ...state(false, 0) },
      { ...mock(2, cart, [], 1), ...state(false, 0) },
      { ...mock(3, cart, [], 2), ...state(false, 1) },
      { ...mock(5, cart, [], 3), ...state(false, 3) },
      { ...mock(9, put, [], 0), ...state(true, 0) },
    ]);
    const ask = (asked = cart) => {
      const result = index.match(asked);
      return result.kind === 'miss' ? null : bodyOf(result.mock);
    };
    expect([ask(), ask(), ask(), ask(put), ask(), ask(), ask(put), ask(), ask(put), ask()]).toEqual([
      ...[1, 2, 2],
      ...[9, 3, 3],
      ...[9, 3],
      ...[9, 5],
    ]);
  });

  test('a read that was recorded after writes only is answered by the earliest', () => {
    const index = new MockIndex([{ ...mock(3, cart), ...state(false, 2) }]);
    expect(index.match(cart)).toMatchObject({ kind: 'exact' });
  });

  test('callers with credentials of their own each get one recorded session, from its beginning', () => {
    const index = new MockIndex([
      { ...mock(1, cart, [], 0), session: 's1' },
      { ...mock(2, cart, [], 1), session: 's2' },
      { ...mock(3, cart, [], 2), session: 's1' },
      { ...mock(4, cart, [], 3), session: 's2' },
    ]);
    const ask = (session: string | null) => {
      const result = index.match(cart, session);
      return result.kind === 'miss' ? null : bodyOf(result.mock);
    };
    expect([ask('ann'), ask('bob'), ask('bob'), ask('ann'), ask('ann'), ask('cat')]).toEqual([
      1, 2, 4, 3, 3, 1,
    ]);
  });
});

describe('what is significant', () => {
  test.each([
    [
      'an id that JavaScript would round',
      '{"id":12345678901234567890}',
      '{"id":12345678901234567891}',
      'body.id',
    ],
    ['a long fraction', '{"n":0.12345678901234567}', '{"n":0.12345678901234568}', 'body.n'],
    ['a number and its text', '{"n":17}', '{"n":"17"}', 'body.n'],
    ['an empty list and an empty object', '{"n":[]}', '{"n":{}}', 'body.n'],
    ['null and absent', '{"a":1,"n":null}', '{"a":1}', 'body.n'],
  ])('%s', (_, recorded, live, key) => {
    const index = new MockIndex([mock(1, text(recorded))]);
    expect(index.match(text(recorded)).kind).toBe('exact');
    const result = index.match(text(live));
    expect(result.kind === 'miss' && result.difference?.split(':')[0]).toBe(key);
  });

  test('another spelling of the same number is the same', () => {
    const index = new MockIndex([mock(1, text('{"n":1.0,"m":1e3}'))]);
    expect(index.match(text('{"n": 1, "m": 1000}')).kind).toBe('exact');
  });

  test('the operation that a header names', () => {
    const put = (operation: string): OutboundRequest => ({
      ...request({ a: 1 }, '/'),
      headers: [['X-Amz-Target', operation]],
    });
    const index = new MockIndex([mock(1, put('Table.Put'))]);
    expect(index.match(put('Table.Delete'))).toMatchObject({
      difference: 'header.x-amz-target: "Table.Put" → "Table.Delete"',
    });
  });

  test('a parameter whose name holds a line end is not two parameters', () => {
    const index = new MockIndex([mock(1, request({}, '/q?a=1&b=2', 'GET'))]);
    expect(index.match(request({}, '/q?a%3D%221%22%0Aquery.b=2', 'GET')).kind).toBe('miss');
  });
});

test('keys that a transform leaves out or sets decide as it says', () => {
  const index = new MockIndex([mock(1, charge(A)), mock(2, charge(A, 500)), mock(3, charge(A, 500), [], 1)]);
  const changes = { set: {}, delete: ['body.reference'] };
  expect(index.find(charge(B), changes)).toMatchObject({ kind: 'volatile', n: 0 });
  expect(index.find(charge(B, 500), changes)).toMatchObject({ kind: 'volatile', group: { size: 2 } });
  expect(index.find(charge(B, 7), changes)).toMatchObject({ kind: 'miss' });
  const set = { 'body.reference': JSON.stringify(A) };
  expect(index.find(charge(B), { set, delete: [] })).toMatchObject({ kind: 'exact', n: 0 });
});

test('a miss names up to ten recordings, those of the same path first', () => {
  const index = new MockIndex([
    ...Array.from({ length: 30 }, (_, i) => mock(i, request({ amount: i, reference: A }, '/v2/charges'))),
    mock(77, request({ amount: 1, currency: 'usd', reference: 'x', x: 1 })),
  ]);
  const missed = index.find(request({ amount: 5, reference: A }));
  expect(missed.kind === 'miss' && missed.nearest.map(({ mock: { endpoint } }) => endpoint)).toEqual([
    '/v1/charges',
    ...Array(9).fill('/v2/charges'),
  ]);
});

function text(body: string): OutboundRequest {
  return { ...request(undefined), body: storeBody(Buffer.from(body), '') };
}

function bodyOf(found: Mock): unknown {
  return (found.response.body.json as { n: number }).n;
}
