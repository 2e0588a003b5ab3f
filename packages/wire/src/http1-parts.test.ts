/** What goes on after a response: connections that become WebSockets, and responses that do not end. */
import { describe, expect, test } from 'vitest';
import type { BodyCapture } from './body-collector.ts';
import { bytes, cut } from './http1.fixture.ts';
import {
  Http1Exchange,
  type Http1ExchangeOptions,
  type RawHttpPair,
  type WebSocketUpgrade,
} from './http1-exchange.ts';
import { Slabs } from './slabs.ts';

type Side = 'client' | 'server';

function start(options: Http1ExchangeOptions = {}) {
  const pairs: RawHttpPair[] = [];
  const upgrades: WebSocketUpgrade[] = [];
  const opaque: string[] = [];
  const exchange = new Http1Exchange(
    {
      pair: (pair) => pairs.push(pair),
      opaque: (reason) => opaque.push(reason),
      upgraded: (upgrade) => upgrades.push(upgrade),
    },
    options,
  );
  const feed = (side: Side, data: string, nowUs = 0) => {
    const chunk = bytes(data);
    exchange[side](chunk, nowUs);
    chunk.fill('!');
  };
  return { exchange, pairs, upgrades, opaque, feed };
}

const kept = (body: BodyCapture) => Buffer.concat(body.kept).toString('latin1');
/** A part in one line: index, last, request body, response body with the times of its pieces. */
const line = ({ part, requestBody, responseBody: body }: RawHttpPair) =>
  `${part ? `${part.index}${part.last ? ' last' : ''}` : 'whole'} ${kept(requestBody)}> ${kept(body)} ${JSON.stringify(body.chunks ?? [])}`;

describe('a WebSocket', () => {
  const ASK =
    'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n';
  const FRAMES = '\x81\x02\n\r\n\r\n\x00GET / HTTP/1.1\r\n\r\n';

  test('is handed over with its pair and with what came after, in any cut', () => {
    for (let at = 0; at <= ASK.length + FRAMES.length; at++) {
      const { exchange, feed, pairs, upgrades, opaque } = start();
      feed('client', 'GET /0 HTTP/1.1\r\n\r\n');
      feed('server', 'HTTP/1.1 204 No\r\n\r\n');
      for (const piece of cut(bytes(ASK + FRAMES), [at])) feed('client', piece.toString('latin1'));
      for (const piece of cut(bytes(SWITCH), [at])) feed('server', piece.toString('latin1'));
      expect(pairs.map(({ seq }) => seq)).toEqual([0, 1]);
      expect(upgrades).toEqual([
        {
          seq: 1,
          requestHead: bytes(ASK),
          responseHead: bytes(SWITCH),
          clientRest: bytes(FRAMES),
          serverRest: bytes(''),
        },
      ]);
      expect([opaque, exchange.isOver, exchange.outstanding]).toEqual([[], true, 0]);
    }
  });

  test('what the server sends with its answer is handed over too', () => {
    const { feed, upgrades } = start();
    feed('client', ASK);
    feed('server', `${SWITCH}${FRAMES}`);
    expect(upgrades[0]).toMatchObject({ clientRest: bytes(''), serverRest: bytes(FRAMES) });
  });

  test('that is refused leaves HTTP, also for what was sent before the answer', () => {
    const { feed, pairs, upgrades, exchange } = start();
    feed('client', `${ASK}GET /next HTTP/1.1\r\nHost`, 5);
    expect(exchange.outstanding).toBe(2);
    feed('server', 'HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno', 6);
    feed('client', ': a\r\n\r\n', 7);
    feed('server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 8);
    expect(pairs.map(({ responseBody, startedUs }) => [kept(responseBody), startedUs])).toEqual([
      ['no', 5],
      ['ok', 5],
    ]);
    expect(upgrades).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['another protocol', ASK, SWITCH.replace('WebSocket', 'h2c')],
    ['an upgrade nobody asked for', 'GET / HTTP/1.1\r\n\r\n', SWITCH],
  ])('%s is opaque', (_, request, response) => {
    const { feed, pairs, upgrades, opaque } = start();
    feed('client', request);
    feed('server', response);
    expect([pairs.length, upgrades.length, opaque]).toEqual([1, 0, ['upgrade']]);
  });

  test('more than a head before the answer is framed as HTTP after all, within the bound', () => {
    const { feed, opaque, exchange } = start({ maxHeadBytes: 200 });
    feed('client', ASK);
    for (let count = 0; count < 40; count++) feed('client', '\x81\x84abcdefgh');
    feed('server', SWITCH);
    expect([opaque, exchange.isOver]).toEqual([['head-too-large'], true]);
    expect(exchange.opaqueBytes).toBe(400);
  });
});

describe('a response that does not end', () => {
  const GET = 'POST /events HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi';
  const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n';
  const options = { partAfterUs: 100, bodyLimitBytes: 8 };

  test('is emitted in parts of a time, the first with the request, each with its own times', () => {
    const { feed, pairs, exchange } = start(options);
    feed('client', GET, 10);
    feed('server', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n', 20);
    feed('server', '1\r\nb\r\n', 119);
    feed('server', '1\r\nc\r\n', 120);
    feed('server', '1\r\nd\r\n', 130);
    feed('server', '1\r\ne\r\n0\r\nX-T: 1\r\n\r\n', 500);
    expect(pairs.map(line)).toEqual([
      '0 hi> ab [[1,0],[1,99]]',
      '1 > cd [[1,0],[1,10]]',
      '2 last > e [[1,0]]',
    ]);
    expect(pairs.map(({ startedUs, firstByteUs, endUs }) => [startedUs, firstByteUs, endUs])).toEqual([
      [10, 20, 120],
      [120, 120, 500],
      [500, 500, 500],
    ]);
    expect(pairs.map(({ seq, requestHead }) => [seq, requestHead.length])).toEqual([
      [0, 44],
      [0, 44],
      [0, 44],
    ]);
    expect(pairs.map(({ responseTrailers }) => responseTrailers?.toString() ?? null)).toEqual([
      null,
      null,
      'X-T: 1\r\n\r\n',
    ]);
    feed('client', GET, 600);
    feed('server', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz', 600);
    expect([line(pairs[3]!), exchange.outstanding]).toEqual(['whole hi> z []', 0]);
  });

  test('that is an event stream is emitted when a part is full too, so that nothing is cut, in any cut', () => {
    const events = 'data: 1\n\ndata: 22\n\ndata: 3\n\n';
    for (let at = 0; at <= events.length; at++) {
      const { feed, pairs, exchange } = start(options);
      feed('client', GET);
      feed('server', EVENTS);
      for (const piece of cut(bytes(events), [at])) feed('server', piece.toString('latin1'));
      exchange.serverEnd(1);
      expect(pairs.map(({ responseBody }) => kept(responseBody))).toEqual([
        'data: 1\n',
        '\ndata: 2',
        '2\n\ndata:',
        ' 3\n\n',
      ]);
      expect(pairs.map(({ part, error }) => [part, error])).toEqual(
        [0, 1, 2, 3].map((index) => [{ index, last: index === 3 }, null]),
      );
      expect(pairs.every(({ responseBody }) => responseBody.truncated === 0)).toBe(true);
    }
  });

  test.each<[string, Http1ExchangeOptions, string, number, string]>([
    [
      'a download is cut at the limit',
      options,
      'Content-Type: text/plain\r\nContent-Length: 10\r\n',
      5,
      'whole hi> 01234567 []',
    ],
    [
      'a stream that fits is whole',
      options,
      'Content-Type: text/event-stream\r\nContent-Length: 8\r\n',
      5,
      'whole hi> 01234567 []',
    ],
    ['the end alone makes no part', options, 'Content-Length: 8\r\n', 5, 'whole hi> 01234567 []'],
    [
      'never is never',
      { ...options, partAfterUs: Number.POSITIVE_INFINITY },
      'Content-Type: text/event-stream\r\nContent-Length: 10\r\n',
      1e9,
      'whole hi> 01234567 []',
    ],
  ])('%s', (_, chosen, fields, laterUs, expected) => {
    const { feed, pairs } = start(chosen);
    feed('client', GET);
    const body = fields.includes('10') ? '0123456789' : '01234567';
    feed('server', `HTTP/1.1 200 OK\r\n${fields}\r\n${body.slice(0, 4)}`, 1);
    feed('server', body.slice(4), laterUs);
    expect(pairs.map(line)).toEqual([expected]);
  });

  test('that breaks off leaves its last part with the error', () => {
    const { feed, pairs, exchange } = start(options);
    feed('client', GET);
    feed('server', `${EVENTS}a`, 1);
    for (let count = 2; count < 200; count++) feed('server', 'b', count * 100);
    exchange.abort('reset', 20_000);
    expect(pairs).toHaveLength(199);
    expect(pairs.at(-1)).toMatchObject({ part: { index: 198, last: true }, error: 'reset' });
    expect(pairs.slice(0, -1).every(({ error }) => error === null)).toBe(true);
  });

  test('is cut in the same parts where memory is short, and they say what they lack', () => {
    const { feed, pairs, exchange } = start({ ...options, slabs: new Slabs(0) });
    feed('client', 'GET / HTTP/1.1\r\n\r\n');
    feed('server', EVENTS);
    for (let count = 0; count < 20; count++) feed('server', 'x');
    exchange.serverEnd(1);
    expect(pairs.map(({ responseBody: { size, truncated } }) => [size, truncated])).toEqual([
      [8, 8],
      [8, 8],
      [4, 4],
    ]);
  });

  test('holds nothing any more when it is over, nor its request when that was emitted', () => {
    const { feed, pairs, opaque } = start({ ...options, maxHeldBytes: 400 });
    const post = 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n12345678\r\n0\r\nX-T: 1\r\n\r\n';
    for (let count = 0; count < 50; count++) {
      feed('client', post, count * 1000);
      feed('server', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na', count * 1000);
      feed('server', 'b', count * 1000 + 500);
    }
    expect([pairs.length, opaque]).toEqual([100, []]);
  });

  test('before its request has ended goes on in one pair until it has, by time and by bytes', () => {
    const { feed, pairs } = start(options);
    feed('client', 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nh', 0);
    feed('server', `${EVENTS}a`, 1);
    feed('server', 'b', 200);
    feed('server', '12345678', 200);
    expect(pairs).toEqual([]);
    feed('client', 'i', 201);
    feed('server', 'c', 202);
    expect(pairs.map(line)).toEqual(['0 hi> ab123456 [[1,0],[9,199]]']);
  });
});
