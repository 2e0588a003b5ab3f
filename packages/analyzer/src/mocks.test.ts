// Mocks: what they are recognised by, and what their answers depend on.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

const out = (request: string, more: Partial<Exchange> = {}): Exchange => ({
  request,
  direction: 'OUT',
  answer: {},
  ...more,
});

test('a read knows how many writes to its collection came before, a write counts itself not', () => {
  const { mocks } = analyze(
    record([
      out('GET https://stock.example/v1/items'),
      out('POST https://stock.example/v1/items', { body: { n: 1 } }),
      out('GET https://stock.example/v1/items'),
      out('GET https://stock.example/v1/items/7/price'),
      out('PUT https://stock.example/v1/items/7', { body: { n: 2 } }),
      out('GET https://stock.example/v1/items'),
      out('GET https://rates.example/eur'),
    ]),
  );
  expect(mocks.map(({ state, sequence }) => [state?.isWrite, state?.writesBefore, sequence])).toEqual([
    [false, 0, 0],
    [true, 0, 0],
    [false, 1, 1],
    [false, 1, 0],
    [true, 1, 0],
    [false, 2, 2],
    [undefined, undefined, 0],
  ]);
  expect(mocks[0]!.state!.resource).toBe('stock.example/v1/items');
});

test('a query of a graph or a reading call writes nothing', () => {
  const { mocks } = analyze(
    record([
      out('POST https://graph.example/graphql', { body: { query: 'mutation Add { add { id } }' } }),
      out('POST https://graph.example/graphql', { body: { query: '{ all { id } }' } }),
      out('POST https://rpc.example/', { body: { jsonrpc: '2.0', method: 'getBalance' } }),
    ]),
  );
  expect(mocks.map(({ state }) => state?.isWrite)).toEqual([true, false, undefined]);
});

test('a WebSocket is its upgrade with what was said on it, times from the upgrade on', () => {
  const part = (index: number, offsetUs: number, text: string): Partial<Exchange> => ({
    connection: 'ws',
    change: {
      ...{ protocol: 'websocket', request: null, response: null, part: { index, last: index === 1 } },
      messages: [{ from: 'server', kind: 'text', offsetUs, size: text.length, text }],
    },
  });
  for (const direction of ['IN', 'OUT'] as const) {
    const { tests, mocks, counts } = analyze(
      record([
        { request: 'GET https://push.example/live', status: 101, connection: 'ws', direction },
        { request: 'GET /', ...part(0, 10, 'a'), direction },
        { request: 'GET /', ...part(1, 20, 'b'), direction },
      ]),
    );
    const [one] = direction === 'IN' ? tests : mocks;
    expect(one).toMatchObject({ protocol: 'websocket', response: { status: 101 } });
    expect(one!.messages!.map(({ text, offsetUs }) => [text, offsetUs])).toEqual([
      ['a', 50_010],
      ['b', 100_020],
    ]);
    expect(counts.skipped).toEqual({});
  }
});
