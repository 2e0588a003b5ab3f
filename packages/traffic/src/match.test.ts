import { describe, expect, test } from 'vitest';
import { MockIndex } from './match.ts';
import { sketchPair } from './pair.fixture.ts';
import { type OutboundRequest, signatureDigest, signatureOf } from './signature.ts';
import type { Mock } from './snapshot.ts';

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
    expect(index.match(charge('none'))).toMatchObject({ kind: 'miss' });
  });

  test('knows nothing of another host or method', () => {
    const index = new MockIndex([mock(1, charge(A), ['body.reference'])]);
    expect(index.match({ ...charge(A), host: 'evil:8443' })).toEqual({
      kind: 'miss',
      nearest: null,
      difference: null,
    });
    expect(index.match(request({ amount: 1999, reference: A }, '/v1/charges', 'PUT'))).toMatchObject({
      kind: 'miss',
      nearest: null,
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

function bodyOf(found: Mock): unknown {
  return (found.response.body.json as { n: number }).n;
}
