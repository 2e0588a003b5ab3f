/** Conversations on one connection and the pairs they become. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { BodyCapture } from './body-collector.ts';
import { bytes, conversation, cut, cuts, frame, methodsInOrder } from './http1.fixture.ts';
import {
  Http1Exchange,
  type Http1ExchangeOpaqueReason,
  type Http1ExchangeOptions,
  type RawHttpPair,
} from './http1-exchange.ts';

const GET = 'GET / HTTP/1.1\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** One exchange under test; every buffer it is fed is overwritten at once, as a socket's would be. */
function start(options: Http1ExchangeOptions = {}) {
  const pairs: RawHttpPair[] = [];
  const opaque: [Http1ExchangeOpaqueReason, number][] = [];
  const sink = {
    pair: (pair: RawHttpPair) => pairs.push(pair),
    opaque: (reason: Http1ExchangeOpaqueReason, abandoned: number) => opaque.push([reason, abandoned]),
  };
  const exchange = new Http1Exchange(sink, options);
  let nowUs = 0;
  const reused = (data: string | Buffer, feed: (chunk: Buffer) => void) => {
    const chunk = typeof data === 'string' ? bytes(data) : Buffer.from(data);
    feed(chunk);
    chunk.fill('!');
  };
  const talk = {
    exchange,
    pairs,
    opaque,
    at(us: number) {
      nowUs = us;
      return talk;
    },
    client(data: string | Buffer) {
      reused(data, (chunk) => exchange.client(chunk, nowUs));
      return talk;
    },
    server(data: string | Buffer) {
      reused(data, (chunk) => exchange.server(chunk, nowUs));
      return talk;
    },
    clientEnd() {
      exchange.clientEnd(nowUs);
      return talk;
    },
    serverEnd() {
      exchange.serverEnd(nowUs);
      return talk;
    },
    abort(error: 'reset' | 'timeout') {
      exchange.abort(error, nowUs);
      return talk;
    },
  };
  return talk;
}

function kept(body: BodyCapture): string {
  return Buffer.concat(body.kept).toString('latin1');
}

/** A pair in one line: who asked what, what came back, and how it ended. */
function line(pair: RawHttpPair): string {
  const target = pair.requestHead.toString('latin1').split(' ')[1];
  const status = pair.responseHead?.toString('latin1').split(' ')[1] ?? 'none';
  return `${pair.seq} ${target} ${kept(pair.requestBody)}> ${status} ${kept(pair.responseBody)}${pair.error ? ` ${pair.error}` : ''}`;
}

describe('Http1Exchange', () => {
  test('pairs a request with its response, times and trailers included', () => {
    const talk = start()
      .at(100)
      .client('POST /a HTTP/1.1\r\nTransfer-Enc')
      .at(110)
      .client('oding: chunked\r\n\r\n2\r\nhi\r\n')
      .at(120)
      .client('0\r\nX-Up: 1\r\n\r\n')
      .at(200)
      .server('HTTP/1.1 20')
      .at(210)
      .server('1 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1')
      .at(230)
      .server('\r\nd\r\n1\r\ne\r\n0\r\nX-Down: 2\r\n\r\n');
    expect(talk.pairs).toEqual([
      {
        seq: 0,
        requestHead: bytes('POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n'),
        requestBody: { size: 2, kept: [bytes('hi')], truncated: 0 },
        requestTrailers: bytes('X-Up: 1\r\n\r\n'),
        responseHead: bytes('HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n'),
        responseBody: {
          size: 5,
          kept: [bytes('abcde')],
          truncated: 0,
          chunks: [
            [3, 10],
            [2, 30],
          ],
        },
        responseTrailers: bytes('X-Down: 2\r\n\r\n'),
        interimCount: 0,
        startedUs: 100,
        requestEndUs: 120,
        firstByteUs: 200,
        endUs: 230,
        error: null,
      },
    ]);
  });

  test('answers pipelined requests in order, each by its own method', () => {
    const talk = start().client('HEAD /h HTTP/1.1\r\n\r\nGET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n');
    talk.server(`HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n${OK}`).client('GET /3 HTTP/1.1\r\n\r\n');
    talk.server(`HTTP/1.1 204 No\r\n\r\n${OK}`);
    expect(talk.pairs.map(line)).toEqual(['0 /h > 200 ', '1 /1 > 200 ok', '2 /2 > 204 ', '3 /3 > 200 ok']);
  });

  test('skips interim responses and remembers how many there were', () => {
    const talk = start().client('PUT /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
    talk.server('HTTP/1.1 100 Continue\r\n\r\n').client('hi');
    talk.at(5).server('HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n').at(9).server(OK);
    expect(talk.pairs.map(line)).toEqual(['0 /p hi> 200 ok']);
    expect(talk.pairs[0]).toMatchObject({ interimCount: 2, firstByteUs: 9 });
  });

  test('waits for the request’s end when the response is early', () => {
    const talk = start().client('POST /e HTTP/1.1\r\nContent-Length: 4\r\n\r\nab').at(5).server(OK);
    expect(talk.pairs).toEqual([]);
    talk.at(8).client(`cd${GET}`).server(OK);
    expect(talk.pairs.map(line)).toEqual(['0 /e abcd> 200 ok', '1 / > 200 ok']);
    expect(talk.pairs[0]).toMatchObject({ requestEndUs: 8, firstByteUs: 5, endUs: 8 });
  });

  test('an early response that ends the connection is a pair with an error', () => {
    const talk = start().client('POST /e HTTP/1.1\r\nContent-Length: 4\r\n\r\nab').server(OK).serverEnd();
    expect(talk.pairs.map(line)).toEqual(['0 /e ab> 200 ok server-closed']);
    expect(talk.pairs[0]!.requestEndUs).toBeNull();
  });

  test('a response until close ends with the server, and with no error', () => {
    const talk = start()
      .client(GET)
      .at(3)
      .server('HTTP/1.0 200 OK\r\n\r\nab')
      .at(7)
      .server('c')
      .at(9)
      .serverEnd();
    expect(talk.pairs.map(line)).toEqual(['0 / > 200 abc']);
    expect(talk.pairs[0]).toMatchObject({
      endUs: 9,
      responseBody: {
        chunks: [
          [2, 0],
          [1, 4],
        ],
      },
    });
  });

  test('a client that only half-closes is still answered', () => {
    const talk = start().client(GET).clientEnd().server(OK).serverEnd();
    expect(talk.pairs.map(line)).toEqual(['0 / > 200 ok']);
  });

  test.each([
    [
      'the server closes unanswered',
      () =>
        start()
          .client(GET + GET)
          .server(OK)
          .serverEnd(),
      ['0 / > 200 ok', '1 / > none  server-closed'],
    ],
    [
      'the server closes within a response',
      () => start().client(GET).server(OK.slice(0, -1)).serverEnd(),
      ['0 / > 200 o server-closed'],
    ],
    [
      'the client gives up waiting',
      () => start().client(GET).clientEnd().serverEnd(),
      ['0 / > none  client-closed'],
    ],
    [
      'the client closes within its body',
      () => start().client('PUT /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nh').clientEnd().serverEnd(),
      ['0 /p h> none  client-closed'],
    ],
    [
      'such a body is answered after all',
      () => start().client('PUT /p HTTP/1.1\r\nContent-Length: 2\r\n\r\nh').clientEnd().server(OK),
      ['0 /p h> 200 ok client-closed'],
    ],
    [
      'a reset',
      () => start().client(GET).server('HTTP/1.1 200 OK\r\n\r\nab').abort('reset'),
      ['0 / > 200 ab reset'],
    ],
    ['a timeout', () => start().client(GET).abort('timeout'), ['0 / > none  timeout']],
    [
      'a connection that was idle',
      () => start().client(GET).server(OK).clientEnd().serverEnd(),
      ['0 / > 200 ok'],
    ],
    ['a head that never ended', () => start().client('GET / HT').clientEnd().serverEnd(), []],
  ])('%s', (_, play, lines) => {
    const talk = play();
    expect(talk.pairs.map(line)).toEqual(lines);
    expect(talk.opaque).toEqual([]);
    const emitted = talk.pairs.length;
    if (talk.exchange.isOver) talk.client(GET).server(OK).clientEnd().serverEnd().abort('reset');
    expect(talk.pairs).toHaveLength(emitted);
  });

  test('an upgrade and a granted tunnel are pairs; what follows is opaque', () => {
    const upgrade = start().client('GET /ws HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    upgrade.server('HTTP/1.1 101 S\r\nUpgrade: x\r\n\r\n\x81').client('\x82\x83').server('\x84').serverEnd();
    expect(upgrade.pairs.map(line)).toEqual(['0 /ws > 101 ']);
    expect(upgrade.opaque).toEqual([['upgrade', 0]]);
    expect(upgrade.exchange.opaqueBytes).toBe(4);
    const tunnel = start()
      .client('CONNECT a:1 HTTP/1.1\r\n\r\n')
      .server('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n');
    tunnel.client('CONNECT a:2 HTTP/1.1\r\n\r\n').server('HTTP/1.1 200 OK\r\n\r\n').client('\x16\x03');
    expect(tunnel.pairs.map(line)).toEqual(['0 a:1 > 407 ', '1 a:2 > 200 ']);
    expect(tunnel.opaque).toEqual([['tunnel', 0]]);
  });

  test('whole requests before a broken one are still answered; then it is opaque, once', () => {
    const talk = start().client(`${GET}POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`);
    expect(talk.opaque).toEqual([]);
    talk.server(`${OK}HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n`).serverEnd();
    expect(talk.pairs.map(line)).toEqual(['0 / > 200 ok']);
    expect(talk.opaque).toEqual([['bad-chunk', 1]]);
  });

  test('a broken request side with nothing to answer is opaque at once, and at the end at the latest', () => {
    expect(start().client('nonsense\r\n\r\n').opaque).toEqual([['malformed-head', 0]]);
    const ended = start().client(`${GET}nonsense\r\n\r\n`).serverEnd();
    expect(ended.pairs.map(line)).toEqual(['0 / > none  server-closed']);
    expect(ended.opaque).toEqual([['malformed-head', 0]]);
  });

  test('a response that cannot be framed abandons every outstanding request', () => {
    const talk = start()
      .client(GET + GET)
      .server('HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n')
      .serverEnd();
    expect(talk.pairs).toEqual([]);
    expect(talk.opaque).toEqual([['bad-content-length', 2]]);
  });

  test('a response that nobody asked for is opaque', () => {
    expect(start().server('HTTP/1.1 408 Timeout\r\n\r\n').opaque).toEqual([['unexpected-response', 0]]);
    const twice = start()
      .client('POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n')
      .server(OK + OK);
    expect(twice.opaque).toEqual([['unexpected-response', 1]]);
  });

  test('bounds the pipeline in requests and in bytes', () => {
    const many = start().client(GET.repeat(1_000));
    expect(many.opaque).toEqual([]);
    expect(many.client(GET).server(OK).opaque).toEqual([['too-many-outstanding', 1_001]]);
    expect(many.pairs).toEqual([]);
    const post = 'POST / HTTP/1.1\r\nContent-Length: 50\r\n\r\n'.padEnd(89, 'x');
    const heavy = start({ maxHeldBytes: 150 });
    for (let round = 0; round < 10; round++) heavy.client(post + post).server(OK + OK);
    expect(heavy.pairs).toHaveLength(20);
    expect(heavy.client(post + post + post).opaque).toEqual([['too-many-outstanding', 3]]);
  });

  test('keeps copies up to the limit and counts the rest', () => {
    const talk = start({ bodyLimitBytes: 5 })
      .client('POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab')
      .client('cdefghi');
    talk.server('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxyz');
    expect(talk.pairs[0]!.requestBody).toMatchObject({ size: 9, truncated: 4 });
    expect(kept(talk.pairs[0]!.requestBody)).toBe('abcde');
    expect(talk.pairs[0]!.responseBody).toEqual({ size: 3, kept: [bytes('xyz')], truncated: 0 });
  });

  test('knows how many requests are outstanding, one that has only begun included', () => {
    const talk = start();
    const counts = [talk.exchange.outstanding];
    const count = () => counts.push(talk.exchange.outstanding);
    for (const piece of ['GE', GET.slice(2), `${GET}G`]) {
      talk.client(piece);
      count();
    }
    for (const piece of [OK.slice(0, -1), `k${OK}`]) {
      talk.server(piece);
      count();
    }
    expect(counts).toEqual([0, 1, 1, 3, 3, 1]);
    expect(talk.client(GET.slice(1)).server(OK).exchange.outstanding).toBe(0);
    expect(talk.client(GET).abort('reset').exchange.outstanding).toBe(0);
  });

  test('a body that trickles in is packed, not kept byte by byte', () => {
    const talk = start().client(GET).server('HTTP/1.1 200 OK\r\n\r\n');
    for (let us = 0; us < 10_000; us++) talk.at(us).server(String(us % 10));
    talk.serverEnd();
    const { responseBody } = talk.pairs[0]!;
    expect(responseBody.kept.length).toBeLessThan(5);
    expect(kept(responseBody)).toBe('0123456789'.repeat(1_000));
    expect(responseBody.chunks).toHaveLength(1_024);
  });

  test('makes the same pairs for every cut, from buffers that are overwritten', () => {
    const property = fc.property(conversation, cuts, cuts, (said, upCuts, downCuts) => {
      const talk = start();
      for (const piece of cut(Buffer.concat(said.requests), upCuts)) talk.client(piece);
      for (const piece of cut(Buffer.concat(said.responses), downCuts)) talk.server(piece);
      talk.clientEnd().serverEnd();
      const up = frame('request', said.requests).messages;
      const down = frame('response', said.responses, {
        requestMethod: methodsInOrder(said.methods),
      }).messages;
      const finals = down.filter(({ start: head }) => !head.startsWith('HTTP/1.1 1'));
      expect(talk.opaque).toEqual([]);
      expect(talk.pairs.map((pair) => [pair.seq, pair.error])).toEqual(up.map((_, seq) => [seq, null]));
      expect(talk.pairs.map((pair) => [pair.requestHead.toString('latin1'), kept(pair.requestBody)])).toEqual(
        up.map((message) => [message.start, message.body]),
      );
      expect(
        talk.pairs.map((pair) => [pair.responseHead?.toString('latin1'), kept(pair.responseBody)]),
      ).toEqual(finals.map((message) => [message.start, message.body]));
      expect(talk.pairs.reduce((sum, pair) => sum + pair.interimCount, 0)).toBe(down.length - finals.length);
    });
    fc.assert(property, { numRuns: 200 });
  });
});
