/** The framer on awkward shapes: each row is a wire image and what is made of it. */
import { describe, expect, test } from 'vitest';
import { bytes, frame, methodsInOrder } from './http1.fixture.ts';
import { Http1Framer, type Http1Sink } from './http1-framer.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\n';

interface Row {
  name: string;
  wire: string;
  /** `framing body`, with `…` after a message that did not complete. */
  messages: string[];
  opaque?: string;
  methods?: string[];
}

function outcome(kind: 'request' | 'response', { wire, methods }: Row) {
  const framed = frame(kind, [bytes(wire)], { requestMethod: methodsInOrder(methods ?? []) });
  const messages = framed.messages.map(({ framing, body, trailers, isComplete }) =>
    [framing, body, trailers?.trim(), isComplete ? '' : '…'].filter(Boolean).join(' '),
  );
  return { messages, opaque: framed.opaque };
}

function post(fields: string, rest = ''): string {
  return `POST / HTTP/1.1\r\n${fields}\r\n${rest}`;
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const refused = (name: string, wire: string, opaque: string): Row => ({ name, wire, messages: [], opaque });

const requests: Row[] = [
  { name: 'no body without a length', wire: GET + GET, messages: ['none', 'none'] },
  {
    name: 'empty lines before a request are skipped',
    wire: `\r\n\r\n${GET}\r\n${GET}`,
    messages: ['none', 'none'],
  },
  { name: 'a length of zero', wire: post('Content-Length: 0\r\n') + GET, messages: ['length 0', 'none'] },
  {
    name: 'identical lengths',
    wire: post('Content-Length: 2\r\nContent-Length: 02, 2\r\n', 'hi'),
    messages: ['length 2 hi'],
  },
  {
    name: 'chunk extensions and trailers',
    wire: post(CHUNKED, '2;a="b"\r\nhi\r\n0\r\nX-T: 1\r\n\r\n') + GET,
    messages: ['chunked hi X-T: 1', 'none'],
  },
  {
    name: 'chunk sizes padded with spaces',
    wire: post(CHUNKED, '2  \r\nhi\r\n0\r\n\r\n'),
    messages: ['chunked hi'],
  },
  {
    name: 'a coding before chunked',
    wire: post('Transfer-Encoding: gzip\r\ntransfer-encoding: , Chunked\r\n', '0\r\n\r\n'),
    messages: ['chunked'],
  },
  {
    name: 'obs-fold in a field that decides nothing',
    wire: 'GET / HTTP/1.1\r\nX: a\r\n\tb\r\n\r\n',
    messages: ['none'],
  },
  {
    name: 'expect: 100-continue',
    wire: post('Expect: 100-continue\r\nContent-Length: 1\r\n', 'x'),
    messages: ['length 1 x'],
  },
  {
    name: 'CONNECT stays framed until its answer',
    wire: `CONNECT a:443 HTTP/1.1\r\n\r\n${GET}`,
    messages: ['none', 'none'],
  },
  { name: 'a cut head', wire: 'GET / HTTP/1.1\r\nHo', messages: [], opaque: 'truncated' },
  {
    name: 'a cut body',
    wire: post('Content-Length: 9\r\n', 'abc'),
    messages: ['length 9 abc …'],
    opaque: 'truncated',
  },
  { name: 'a cut chunk', wire: post(CHUNKED, '5\r\nabc'), messages: ['chunked abc …'], opaque: 'truncated' },
  refused('length and chunked', post(`Content-Length: 5\r\n${CHUNKED}`, '0\r\n\r\n'), 'conflicting-framing'),
  refused('chunked and length', post(`${CHUNKED}Content-Length: 5\r\n`, '0\r\n\r\n'), 'conflicting-framing'),
  refused('differing lengths', post('Content-Length: 5\r\nContent-Length: 6\r\n'), 'conflicting-framing'),
  refused('differing lengths in a list', post('Content-Length: 5, 6\r\n'), 'conflicting-framing'),
  refused('a signed length', post('Content-Length: +5\r\n'), 'bad-content-length'),
  refused('an empty length', post('Content-Length:\r\n'), 'bad-content-length'),
  refused('a hexadecimal length', post('Content-Length: 0x5\r\n'), 'bad-content-length'),
  refused(
    'a length beyond exact integers',
    post('Content-Length: 9007199254740993\r\n'),
    'bad-content-length',
  ),
  refused('chunked not last', post('Transfer-Encoding: chunked, gzip\r\n'), 'bad-transfer-encoding'),
  refused('chunked twice', post('Transfer-Encoding: chunked, chunked\r\n'), 'bad-transfer-encoding'),
  refused('something like chunked', post('Transfer-Encoding: xchunked\r\n'), 'bad-transfer-encoding'),
  refused(
    'chunked behind a vertical tab',
    post('Transfer-Encoding: \x0bchunked\r\n'),
    'bad-transfer-encoding',
  ),
  refused('chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${CHUNKED}\r\n0\r\n\r\n`, 'bad-transfer-encoding'),
  refused('a folded framing field', post('Transfer-Encoding:\r\n chunked\r\n'), 'obs-fold'),
  refused('a fold before any field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'malformed-head'),
  refused('a space before the colon', post('Content-Length : 5\r\n'), 'malformed-head'),
  refused('a line without a colon', post('Content-Length\r\n'), 'malformed-head'),
  refused('a NUL', post('X: a\0b\r\n'), 'malformed-head'),
  refused('a lone CR', post('X: a\rContent-Length: 5\r\n'), 'malformed-head'),
  refused('a lone LF', post('X: a\nContent-Length: 5\r\n'), 'bare-lf'),
  refused('only LFs', 'GET / HTTP/1.1\nHost: a\n\n', 'bare-lf'),
  refused('HTTP/0.9', 'GET /\r\n\r\n', 'malformed-head'),
  refused('the HTTP/2 preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'malformed-head'),
  refused('a head beyond its limit', post(`X: ${'a'.repeat(70_000)}\r\n`), 'head-too-large'),
  refused('an endless line', 'a'.repeat(70_000), 'head-too-large'),
  { name: 'no size', wire: post(CHUNKED, ';a\r\n'), messages: ['chunked …'], opaque: 'bad-chunk' },
  { name: 'a bad size', wire: post(CHUNKED, '0x2\r\nhi\r\n'), messages: ['chunked …'], opaque: 'bad-chunk' },
  {
    name: 'a negative size',
    wire: post(CHUNKED, '-2\r\nhi\r\n'),
    messages: ['chunked …'],
    opaque: 'bad-chunk',
  },
  {
    name: 'a huge size',
    wire: post(CHUNKED, 'fffffffffffffffff\r\n'),
    messages: ['chunked …'],
    opaque: 'bad-chunk',
  },
  {
    name: 'a chunk line ended by LF',
    wire: post(CHUNKED, '2\nhi\r\n'),
    messages: ['chunked …'],
    opaque: 'bad-chunk',
  },
  {
    name: 'a lone CR in a chunk line',
    wire: post(CHUNKED, '2;\ra\r\nhi\r\n'),
    messages: ['chunked …'],
    opaque: 'bad-chunk',
  },
  {
    name: 'a chunk longer than its size',
    wire: post(CHUNKED, '2\r\nhiho\r\n'),
    messages: ['chunked hi …'],
    opaque: 'bad-chunk',
  },
  {
    name: 'an endless extension',
    wire: post(CHUNKED, `2;${'a'.repeat(5_000)}`),
    messages: ['chunked …'],
    opaque: 'chunk-line-too-long',
  },
  {
    name: 'bad trailers',
    wire: post(CHUNKED, '0\r\nX : 1\r\n\r\n'),
    messages: ['chunked …'],
    opaque: 'bad-trailers',
  },
  {
    name: 'endless trailers',
    wire: post(CHUNKED, `0\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`),
    messages: ['chunked …'],
    opaque: 'trailers-too-large',
  },
];

const responses: Row[] = [
  { name: 'until close without a length', wire: `${OK}\r\nabc`, messages: ['until-close abc'] },
  {
    name: 'until close when chunked is not last',
    wire: `${OK}Transfer-Encoding: chunked, gzip\r\n\r\nabc`,
    messages: ['until-close abc'],
  },
  { name: 'no reason phrase', wire: 'HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx', messages: ['length 1 x'] },
  {
    name: 'to HEAD: no body whatever is announced',
    wire: `${OK}Content-Length: 9\r\n\r\n${OK}${CHUNKED}\r\n${OK}Content-Length: 1\r\n\r\nx`,
    messages: ['none', 'none', 'length 1 x'],
    methods: ['HEAD', 'HEAD', 'GET'],
  },
  {
    name: '204 and 304 have no body',
    wire: `HTTP/1.1 204 No\r\n\r\nHTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n${OK}Content-Length: 0\r\n\r\n`,
    messages: ['none', 'none', 'length 0'],
  },
  {
    name: '1xx asks for no method',
    wire: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\n\r\n${OK}Content-Length: 4\r\n\r\n`,
    messages: ['none', 'none', 'none'],
    methods: ['HEAD'],
  },
  {
    name: '101 makes the rest opaque',
    wire: 'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello',
    messages: ['none'],
    opaque: 'upgrade',
  },
  {
    name: 'CONNECT granted: a tunnel',
    wire: `${OK}Content-Length: 5\r\n\r\nhello`,
    messages: ['none'],
    opaque: 'tunnel',
    methods: ['CONNECT'],
  },
  {
    name: 'CONNECT refused: an ordinary response',
    wire: 'HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\n\r\n',
    messages: ['length 2 no', 'none'],
    opaque: 'tunnel',
    methods: ['CONNECT', 'CONNECT'],
  },
  refused('length and chunked', `${OK}${CHUNKED}Content-Length: 1\r\n\r\n`, 'conflicting-framing'),
  refused('chunked in HTTP/1.0', `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n0\r\n\r\n`, 'bad-transfer-encoding'),
  refused('a status out of range', 'HTTP/1.1 099 No\r\n\r\n', 'malformed-head'),
  {
    name: 'cut chunks',
    wire: `${OK}${CHUNKED}\r\n5\r\nhello\r\n`,
    messages: ['chunked hello …'],
    opaque: 'truncated',
  },
];

describe('Http1Framer', () => {
  test.each(requests)('request: $name', (row) => {
    expect(outcome('request', row)).toEqual({ messages: row.messages, opaque: row.opaque ?? null });
  });

  test.each(responses)('response: $name', (row) => {
    expect(outcome('response', row)).toEqual({ messages: row.messages, opaque: row.opaque ?? null });
  });

  test.each([
    ['1.1', '', true],
    ['1.1', 'Connection: close\r\n', false],
    ['1.1', 'Connection: x, CLOSE\r\n', false],
    ['1.1', 'Connection: closed\r\n', true],
    ['1.0', '', false],
    ['1.0', 'Connection: Keep-Alive\r\n', true],
    ['1.0', 'Connection: keep-alive\r\nConnection: close\r\n', false],
  ])('HTTP/%s with %j: keepAlive %s', (version, fields, keepAlive) => {
    const framed = frame('request', [bytes(`GET / HTTP/${version}\r\n${fields}\r\n`)]);
    expect(framed.messages[0]!.keepAlive).toBe(keepAlive);
  });

  test('reports upgrade only when Connection names it, and expect-continue', () => {
    const heads: boolean[][] = [];
    const framer = new Http1Framer('request');
    const sink = {
      ...silent(),
      head: (head: { upgrade: boolean; expectContinue: boolean }) =>
        heads.push([head.upgrade, head.expectContinue]),
    };
    framer.feed(bytes(post('Upgrade: h2c\r\nExpect: 100-Continue\r\n')), sink);
    framer.feed(bytes(post('Upgrade: h2c\r\nConnection: keep-alive, Upgrade\r\n')), sink);
    expect(heads).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  test('hands out views of the fed chunk, not copies', () => {
    const wire = bytes(post('Content-Length: 2\r\n', 'hi'));
    const views: Buffer[] = [];
    const sink = {
      ...silent(),
      head: ({ raw }: { raw: Buffer }) => views.push(raw),
      body: (data: Buffer) => views.push(data),
    };
    new Http1Framer('request').feed(wire, sink);
    expect(views.map(String)).toEqual([wire.toString().slice(0, -2), 'hi']);
    expect(views.every(({ buffer }) => buffer === wire.buffer)).toBe(true);
  });

  test('gives the bytes after an upgrade once, then only counts', () => {
    const rests: string[] = [];
    const framer = new Http1Framer('response');
    const sink = { ...silent(), opaque: (_: string, rest: Buffer) => rests.push(rest.toString()) };
    framer.feed(bytes('HTTP/1.1 101 S\r\n\r\nframe'), sink);
    framer.feed(bytes('more'), sink);
    framer.end(sink);
    expect(rests).toEqual(['frame']);
    expect(framer.opaqueBytes).toBe(9);
  });

  test('counts a refused head from its first byte, however it came in', () => {
    const framer = new Http1Framer('request', { maxHeadBytes: 10 });
    const rests: string[] = [];
    const sink = { ...silent(), opaque: (_: string, rest: Buffer) => rests.push(rest.toString()) };
    for (const piece of ['\r\nGET /', 'aaaaaaaaa', 'bbb']) framer.feed(bytes(piece), sink);
    expect(rests).toEqual(['GET /aaaaaaaaa']);
    expect(framer.opaqueBytes).toBe(17);
  });

  test('can be abandoned from within any event, and says nothing afterwards', () => {
    const wire = bytes(post(CHUNKED, '2\r\nhi\r\n0\r\nX: 1\r\n\r\n') + GET);
    for (const event of ['head', 'body', 'trailers', 'complete'] as const) {
      const events: string[] = [];
      const framer = new Http1Framer('request');
      const note = (name: string) => () => {
        events.push(name);
        if (name === event) framer.abandon();
      };
      const sink = {
        head: note('head'),
        body: note('body'),
        trailers: note('trailers'),
        complete: note('complete'),
        opaque: note('opaque'),
      };
      framer.feed(wire, sink);
      framer.end(sink);
      expect(events.at(-1)).toBe(event);
      expect(framer.opaqueBytes).toBeGreaterThanOrEqual(GET.length);
    }
  });

  test('reads a head of 64 KiB of spaces in linear time', () => {
    const framed = frame('request', [bytes(post(`Connection: a${' '.repeat(65_000)}b\r\n`))]);
    expect(framed.messages).toHaveLength(1);
  });
});

function silent(): Http1Sink {
  return { head: () => {}, body: () => {}, trailers: () => {}, complete: () => {}, opaque: () => {} };
}
