import { describe, expect, test } from 'vitest';
import {
  END_HEADERS,
  END_STREAM,
  type Field,
  FRAME,
  frame,
  GET,
  GRPC_CALL,
  linesOf,
  OK,
  plainPair,
  settings,
  Talk,
  uint32,
} from './http2.fixture.ts';
import { Slabs } from './slabs.ts';

const POST: Field[] = [[':method', 'POST'], ...GET.slice(1)];
const INFO: Field[] = [
  [':status', '103'],
  ['link', '</a>'],
];
const data = (id: number, text: string | Uint8Array, flags = 0) => frame(FRAME.data, flags, id, text);
const pairsOf = ({ pairs }: Talk) => pairs.map(plainPair);
const EMPTY = ['', 0];
const PLAIN = {
  ...{ seq: 0, request: linesOf(GET), requestBody: EMPTY, requestTrailers: null },
  ...{ response: linesOf(OK), responseBody: EMPTY, responseTrailers: null, error: null },
};

describe('Http2Exchange pairs', () => {
  test('a request with its response, with the times of its bytes', () => {
    const talk = new Talk();
    talk.request(1, GET);
    expect(talk.exchange.outstanding).toBe(1);
    talk
      .response(1, OK, 0)
      .server(data(1, 'hel'))
      .server(data(1, 'lo', END_STREAM));
    expect(pairsOf(talk)).toEqual([{ ...PLAIN, responseBody: ['hello', 5] }]);
    const [pair] = talk.pairs;
    expect(pair).toMatchObject({
      protocol: 'http/2',
      startedUs: 3,
      requestEndUs: 3,
      firstByteUs: 4,
      endUs: 6,
    });
    expect(pair!.responseBody.chunks).toEqual([
      [3, 1],
      [2, 2],
    ]);
    expect(pair).not.toHaveProperty('part');
    expect(talk.exchange.outstanding).toBe(0);
  });

  test('streams in the order they end, numbered in the order they began', () => {
    const talk = new Talk().request(1, GET).request(3, GET).request(5, GET);
    talk.response(5, OK).response(1, OK).response(3, OK);
    expect(talk.pairs.map(({ seq }) => seq)).toEqual([2, 0, 1]);
  });

  test('bodies and trailers of both sides, and bodies that interleave', () => {
    const talk = new Talk();
    talk.request(1, [...POST, ['content-length', '4']], 0).request(3, POST, 0);
    talk.client(data(1, 'a'), data(3, 'x'), data(1, 'bcd'), data(3, 'y', END_STREAM));
    talk.request(1, [['sum', '1']]);
    talk.response(1, OK, 0).response(3, OK, 0).server(data(3, 'three'), data(1, 'one'));
    talk.response(1, [['grpc-status', '0']]).response(3, [['done', 'yes']]);
    expect(pairsOf(talk)).toMatchObject([
      {
        requestBody: ['abcd', 4],
        requestTrailers: 'sum: 1\r\n\r\n',
        responseBody: ['one', 3],
        responseTrailers: 'grpc-status: 0\r\n\r\n',
      },
      {
        requestBody: ['xy', 2],
        requestTrailers: null,
        responseBody: ['three', 5],
        responseTrailers: 'done: yes\r\n\r\n',
      },
    ]);
  });

  test('a gRPC call, and one that ends with its first header block', () => {
    const talk = new Talk().request(1, GRPC_CALL, 0).client(data(1, '\0\0\0\0\x01m', END_STREAM));
    const failure: Field[] = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
      ['grpc-status', '5'],
    ];
    talk.response(1, failure);
    expect(talk.pairs[0]).toMatchObject({ protocol: 'grpc', responseTrailers: null });
    expect(pairsOf(talk)[0]).toMatchObject({ requestBody: ['\0\0\0\0\x01m', 6], response: linesOf(failure) });
  });

  test.each([
    ['application/grpc', 'grpc'],
    ['application/grpc;charset=utf-8', 'grpc'],
    ['application/grpc-web', 'http/2'],
    ['application/json', 'http/2'],
  ])('content-type %s is %s', (type, protocol) => {
    const talk = new Talk().request(1, [...POST, ['content-type', type]]).response(1, OK);
    expect(talk.pairs[0]!.protocol).toBe(protocol);
  });

  test('counts interim responses, and cookies stay as they were sent', () => {
    const cookies: Field[] = [...GET, ['cookie', 'a=1'], ['cookie', 'b=2']];
    const talk = new Talk().request(1, cookies).response(1, INFO, 0).response(1, INFO, 0).response(1, OK);
    expect(talk.pairs[0]!.interimCount).toBe(2);
    expect(pairsOf(talk)).toEqual([{ ...PLAIN, request: linesOf(cookies) }]);
  });

  test('a tunnel by its sizes, without its bytes', () => {
    const connect: Field[] = [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)];
    const talk = new Talk().request(1, connect, 0).response(1, OK, 0);
    talk
      .client(data(1, 'secret'))
      .server(data(1, 'answer!'))
      .client(data(1, '', END_STREAM))
      .server(data(1, '', END_STREAM));
    expect(pairsOf(talk)).toEqual([
      { ...PLAIN, request: linesOf(connect), requestBody: ['', 6], responseBody: ['', 7] },
    ]);
  });

  test('keeps the body limit and counts the rest', () => {
    const talk = new Talk({ bodyLimitBytes: 4 }).request(1, GET).response(1, OK, 0);
    talk.server(data(1, 'abcdef')).server(data(1, 'gh', END_STREAM));
    expect(pairsOf(talk)[0]!.responseBody).toEqual(['abcd', 8]);
    expect(talk.pairs[0]!.responseBody.truncated).toBe(4);
  });

  test('the same, wherever the bytes are cut', () => {
    const whole = (cutAt: number) => {
      const talk = new Talk();
      const enc = talk.toServer;
      const long: Field[] = [...POST, ['x', 'y'.repeat(50)]];
      const block = enc.block(long);
      const client = Buffer.concat([
        frame(FRAME.headers, 0, 1, block.subarray(0, 20)),
        frame(FRAME.continuation, END_HEADERS, 1, block.subarray(20)),
        data(1, 'body', END_STREAM),
        frame(FRAME.headers, END_STREAM | END_HEADERS, 3, enc.block(GET)),
      ]);
      talk.client(client.subarray(0, cutAt)).client(client.subarray(cutAt));
      talk
        .response(3, OK)
        .response(1, OK, 0)
        .server(data(1, 'z', END_STREAM));
      return { size: client.length, pairs: pairsOf(talk) };
    };
    const { size, pairs } = whole(0);
    expect(pairs).toHaveLength(2);
    for (let at = 1; at <= size; at++) expect(whole(at).pairs).toEqual(pairs);
  });
});

describe('Http2Exchange ends a stream that is cut', () => {
  test.each<[string, (talk: Talk) => void, string]>([
    ['the client resets', (talk) => talk.client(frame(FRAME.reset, 0, 1, uint32(8))), 'reset'],
    ['the server resets', (talk) => talk.server(frame(FRAME.reset, 0, 1, uint32(2))), 'reset'],
    [
      'the server goes away before it',
      (talk) => talk.server(frame(FRAME.goaway, 0, 0, Buffer.alloc(8))),
      'server-closed',
    ],
    ['the server closes', (talk) => talk.exchange.serverEnd(9), 'server-closed'],
    [
      'the client closes',
      ({ exchange }) => {
        exchange.clientEnd(8);
        exchange.serverEnd(9);
      },
      'client-closed',
    ],
    ['the connection times out', (talk) => talk.exchange.abort('timeout', 9), 'timeout'],
  ])('when %s', (_, cut, error) => {
    const talk = new Talk().request(1, GET).response(1, OK, 0).server(data(1, 'hal'));
    cut(talk);
    expect(pairsOf(talk)).toEqual([{ ...PLAIN, responseBody: ['hal', 3], error }]);
    talk.exchange.serverEnd(10);
    expect([talk.exchange.outstanding, talk.exchange.heldBytes, talk.opaque]).toEqual([0, 0, null]);
  });

  test('but a server that has answered may cut the rest of the request', () => {
    const talk = new Talk().request(1, POST, 0).client(data(1, 'ab')).response(1, OK);
    talk.server(frame(FRAME.reset, 0, 1, uint32(0))).client(data(1, 'cd', END_STREAM));
    expect(pairsOf(talk)).toMatchObject([{ requestBody: ['ab', 2], response: linesOf(OK), error: null }]);
  });

  test('a GOAWAY cuts only what it does not cover', () => {
    const goaway = (lastId: number) => frame(FRAME.goaway, 0, 0, Buffer.concat([uint32(lastId), uint32(0)]));
    const talk = new Talk()
      .request(1, GET)
      .request(3, GET)
      .server(goaway(2 ** 31 - 1), goaway(1));
    talk.response(1, OK);
    expect(pairsOf(talk)).toEqual([{ ...PLAIN, seq: 1, response: null, error: 'server-closed' }, PLAIN]);
  });

  test('what comes late for a stream that is over is passed over, its fields are not', () => {
    const talk = new Talk().request(1, GET).client(frame(FRAME.reset, 0, 1, uint32(8)));
    talk.response(1, [...OK, ['late', 'field']], 0).server(data(1, 'late', END_STREAM));
    talk.request(3, GET).response(3, [...OK, ['late', 'field']]);
    expect(pairsOf(talk)).toMatchObject([
      { error: 'reset' },
      { response: linesOf([...OK, ['late', 'field']]) },
    ]);
  });
});

describe('Http2Exchange and what it does not record', () => {
  test('decodes the head of a request that is not kept, and of its response, for the table', () => {
    const asked: string[] = [];
    const talk = new Talk({
      keep: (head) => {
        asked.push(head.toString());
        return !head.includes(':path: /probe\r\n');
      },
    });
    const probe: Field[] = [...GET.slice(0, 3), [':path', '/probe'], ['x-a', 'b']];
    talk
      .request(1, probe, 0)
      .client(data(1, 'body', END_STREAM))
      .response(1, [...OK, ['x-c', 'd']]);
    talk.request(3, [...GET, ['x-a', 'b']]).response(3, [...OK, ['x-c', 'd']]);
    expect(asked).toEqual([linesOf(probe), linesOf([...GET, ['x-a', 'b']])]);
    expect(pairsOf(talk)).toEqual([
      { ...PLAIN, request: linesOf([...GET, ['x-a', 'b']]), response: linesOf([...OK, ['x-c', 'd']]) },
    ]);
    expect(talk.exchange.outstanding).toBe(0);
  });

  test('counts pushes, decodes their fields, and ignores their streams', () => {
    const talk = new Talk().request(1, GET);
    const promise = Buffer.concat([uint32(2), talk.toClient.block([...GET, ['x-pushed', '1']])]);
    talk.server(frame(FRAME.push, END_HEADERS, 1, promise));
    talk
      .response(2, OK, 0)
      .server(data(2, 'pushed', END_STREAM))
      .response(1, [...OK, ['x-pushed', '1']]);
    expect(pairsOf(talk)).toEqual([{ ...PLAIN, response: linesOf([...OK, ['x-pushed', '1']]) }]);
    expect(talk.exchange.pushes).toBe(1);
  });

  test.each<[string, (talk: Talk) => void]>([
    [
      'a request with a line end in a value',
      (talk) => talk.request(1, [...GET, ['a', 'b\r\nc: d']]).response(1, OK),
    ],
    ['a request without a method', (talk) => talk.request(1, GET.slice(1)).response(1, OK)],
    ['a response without a status', (talk) => talk.request(1, GET).response(1, [['a', 'b']])],
    ['trailers with a pseudo-header', (talk) => talk.request(1, GET).response(1, OK, 0).response(1, OK)],
  ])('abandons %s, once, and goes on', (_, malform) => {
    const talk = new Talk();
    malform(talk);
    talk.request(3, GET).response(3, OK).exchange.serverEnd(9);
    expect([talk.abandoned, talk.pairs.length, talk.opaque]).toEqual([['malformed-head'], 1, null]);
    expect([talk.exchange.outstanding, talk.exchange.heldBytes]).toEqual([0, 0]);
  });

  test.each<[string, (talk: Talk) => void, [string, number]]>([
    [
      'a damaged header block',
      (talk) => talk.client(frame(FRAME.headers, END_HEADERS, 3, Buffer.from([0xff]))),
      ['bad-header-block', 2],
    ],
    [
      'a damaged response',
      (talk) => talk.server(frame(FRAME.headers, END_HEADERS, 1, Buffer.from([0xff]))),
      ['bad-header-block', 1],
    ],
    ['a response to nothing', (talk) => talk.response(3, OK), ['unexpected-response', 1]],
    ['a frame that is none', (talk) => talk.server(frame(FRAME.data, 0, 0, 'x')), ['bad-frame', 1]],
    [
      'a table above the bound',
      (talk) => {
        talk.client(settings([1, 1 << 20]));
        talk.server(frame(FRAME.headers, END_HEADERS, 1, talk.toClient.resize(1 << 17)));
      },
      ['header-table-too-large', 1],
    ],
  ])('becomes opaque at %s', (_, step, opaque) => {
    const talk = new Talk().request(1, GET);
    step(talk);
    talk.request(5, GET).exchange.serverEnd(9);
    expect([talk.opaque, talk.pairs, talk.exchange.isOver, talk.exchange.outstanding]).toEqual([
      opaque,
      [],
      true,
      0,
    ]);
    expect(talk.exchange.opaqueBytes).toBeGreaterThan(0);
  });

  test('follows the sizes that each end allows the other', () => {
    const talk = new Talk().server(settings([5, 1 << 20], [1, 8_192])).request(1, POST, 0);
    talk.client(data(1, Buffer.alloc(100_000), END_STREAM));
    talk.client(frame(FRAME.headers, END_STREAM | END_HEADERS, 3, talk.toServer.resize(8_192)));
    expect([talk.opaque, talk.abandoned, talk.exchange.outstanding]).toEqual([null, ['malformed-head'], 1]);
    talk.server(data(1, Buffer.alloc(100_000)));
    expect(talk.opaque).toEqual(['frame-too-large', 1]);
  });
});

describe('Http2Exchange has bounds', () => {
  test('of streams', () => {
    const talk = new Talk({ maxOutstanding: 2 }).request(1, GET).request(3, GET).request(5, GET);
    expect([talk.opaque, talk.pairs]).toEqual([['too-many-outstanding', 3], []]);
  });

  test('of bytes: bodies are cut first, and a request too many ends it', () => {
    const talk = new Talk({ maxHeldBytes: 10_000 });
    talk.request(1, POST, 0).client(data(1, Buffer.alloc(8_000)), data(1, Buffer.alloc(500), END_STREAM));
    talk.request(3, POST, 0).client(data(3, 'cut', END_STREAM));
    expect(talk.exchange.heldBytes).toBeLessThan(9_000);
    talk.request(5, [...GET, ['x', 'y'.repeat(3_000)]]).response(3, OK);
    expect(plainPair(talk.pairs[0]!).requestBody).toEqual(['', 3]);
    talk.request(7, GET);
    expect(talk.opaque).toEqual(['too-many-outstanding', 3]);
  });

  test('of recycled memory, which is given back however a stream ends', () => {
    const slabs = new Slabs(1 << 20);
    const talk = new Talk({ slabs, partAfterUs: 100 });
    const bodies: string[] = [];
    talk.pairs.push = (pair) => bodies.push(plainPair(pair).requestBody[0] as string);
    for (const id of [1, 3, 5, 7, 9])
      talk.request(id, id === 7 ? GRPC_CALL : POST, 0).client(data(id, `b${id}`));
    expect(slabs.takenBytes).toBeGreaterThan(0);
    talk
      .client(data(1, '', END_STREAM))
      .response(1, OK)
      .client(frame(FRAME.reset, 0, 3, uint32(8)));
    talk.response(5, [['a', 'b']]);
    talk.nowUs = 300;
    talk.client(data(7, 'part'));
    expect(bodies).toEqual(['b1', 'b3', 'b7']);
    talk.server(frame(FRAME.data, 0, 0, 'x'));
    expect([talk.opaque, talk.abandoned]).toEqual([['bad-frame', 2], ['malformed-head']]);
    expect([slabs.takenBytes, talk.exchange.heldBytes]).toEqual([0, 0]);
  });

  test('and keeps nothing of 200,000 requests on one connection', () => {
    const talk = new Talk({ keep: (head) => head[0] !== 0 });
    let pairs = 0;
    talk.pairs.push = () => ++pairs;
    const body = data(0, 'body', END_STREAM);
    for (let n = 0; n < 200_000; n++) {
      const id = 2 * n + 1;
      body.writeUInt32BE(id, 5);
      const isReset = n % 10 === 0;
      talk.request(id, [...GET.slice(0, 3), [':path', `/${n % 700}`]]);
      if (isReset) talk.client(frame(FRAME.reset, 0, id, uint32(8)));
      talk.response(id, OK, 0).server(body);
    }
    expect([pairs, talk.exchange.outstanding, talk.exchange.heldBytes, talk.opaque]).toEqual([
      200_000,
      0,
      0,
      null,
    ]);
  }, 60_000);
});
