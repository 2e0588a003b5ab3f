/** Frames as peers write them and the messages they become, in any cut. */
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, cuts } from './http1.fixture.ts';
import { messageLine, recordWebSocket, type Side, webSocketFrame } from './websocket.fixture.ts';
import { webSocketExtensionsOf } from './websocket-exchange.ts';
import { OPCODE, type WebSocketOpaqueReason } from './websocket-framer.ts';
import { parseWebSocketExtensions } from './websocket-inflater.ts';

const KEY = [0x37, 0xfa, 0x21, 0x3d];
const DEFLATE = 'permessage-deflate';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** The lines of all messages after these pieces and the server's end. */
function lines(pieces: [Side, Buffer][], options: Parameters<typeof recordWebSocket>[0] = {}): string[] {
  const { exchange, feed, parts } = recordWebSocket(options);
  for (const [side, data] of pieces) feed(side, data);
  exchange.serverEnd(0);
  return parts.flatMap(({ messages }) => messages.map(messageLine));
}

/** What a sender with the given context writes for a message. */
function compressed(text: string | Buffer, context: string | Buffer = ''): Buffer {
  const dictionary = Buffer.from(context).subarray(-32_768);
  const bytes = deflateRawSync(Buffer.from(text), {
    finishFlush: 2,
    ...(dictionary.length > 0 && { dictionary }),
  });
  return bytes.subarray(0, -4);
}

describe('WebSocketExchange', () => {
  test.each<[string, [Side, string][], string[]]>([
    ['unmasked text', [['server', '81 05 48 65 6c 6c 6f']], ['server text 5 Hello']],
    ['masked text', [['client', '81 85 37 fa 21 3d 7f 9f 4d 51 58']], ['client text 5 Hello']],
    ['fragmented text', [['server', '01 03 48 65 6c 80 02 6c 6f']], ['server text 5 Hello']],
    [
      'ping and masked pong',
      [
        ['server', '89 05 48 65 6c 6c 6f'],
        ['client', '8a 85 37 fa 21 3d 7f 9f 4d 51 58'],
      ],
      ['server ping 5 Hello', 'client pong 5 Hello'],
    ],
  ])('reads the example of RFC 6455 section 5.7: %s', (_, pieces, expected) => {
    expect(lines(pieces.map(([side, bytes]) => [side, hex(bytes)]))).toEqual(expected);
  });

  test.each<[string, string]>([
    ['one frame', 'c1 07 f2 48 cd c9 c9 07 00'],
    ['two fragments', '41 03 f2 48 cd 80 04 c9 c9 07 00'],
    ['a block without compression', 'c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00'],
    ['a block with BFINAL', 'c1 08 f3 48 cd c9 c9 07 00 00'],
    ['two blocks', 'c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00'],
  ])('reads the example of RFC 7692 section 7.2.3: %s', (_, bytes) => {
    expect(lines([['server', hex(bytes)]], { extensions: DEFLATE })).toEqual(['server text 5 Hello']);
  });

  test('reads the RFC 7692 example of a message that refers to the one before', () => {
    const both = hex('c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00');
    expect(lines([['server', both]], { extensions: DEFLATE })).toEqual([
      'server text 5 Hello',
      'server text 5 Hello',
    ]);
  });

  test('control frames come between fragments; both directions run by themselves', () => {
    expect(
      lines([
        ['server', webSocketFrame(OPCODE.binary, 'ab', { fin: false })],
        ['client', webSocketFrame(OPCODE.text, 'c', { key: KEY, fin: false })],
        ['server', webSocketFrame(OPCODE.ping, '?')],
        ['client', webSocketFrame(OPCODE.continuation, '', { key: KEY })],
        ['server', webSocketFrame(OPCODE.continuation, 'cd')],
      ]),
    ).toEqual(['server ping 1 ?', 'client text 1 c', 'server binary 4 abcd']);
  });

  test('keeps the first bytes of a message and counts the rest, over all its fragments', () => {
    const fragments = [
      webSocketFrame(OPCODE.text, 'x'.repeat(90), { key: KEY, fin: false }),
      webSocketFrame(OPCODE.continuation, 'y'.repeat(90), { key: KEY, fin: false }),
      webSocketFrame(OPCODE.continuation, 'z'.repeat(70_000), { key: KEY }),
    ];
    const { exchange, feed, parts } = recordWebSocket({ bodyLimitBytes: 100 });
    feed('client', Buffer.concat(fragments));
    feed('client', webSocketFrame(OPCODE.text, 'next', { key: KEY }));
    exchange.serverEnd(0);
    expect(parts[0]!.messages.map(messageLine)).toEqual([
      `client text 70180 ${'x'.repeat(90)}${'y'.repeat(10)}`,
      'client text 4 next',
    ]);
    expect(parts[0]!.sentBytes).toBe(fragments.reduce((sum, one) => sum + one.length, 10));
  });

  test('any cut of the bytes gives the same parts', () => {
    const key = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 });
    const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('a'.repeat(126), 'b'.repeat(70_000)));
    const message = fc.record({
      side: fc.constantFrom<Side>('client', 'server'),
      opcode: fc.constantFrom(OPCODE.text, OPCODE.binary, OPCODE.ping),
      pieces: fc.array(text, { minLength: 1, maxLength: 3 }),
      isCompressed: fc.boolean(),
      key,
      cuts,
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
        const context = { client: '', server: '' };
        const written = messages.map((one) => {
          const masked = one.side === 'client' ? { key: one.key } : {};
          if (one.opcode === OPCODE.ping)
            return webSocketFrame(one.opcode, one.pieces[0]!.slice(0, 125), masked);
          const plain = one.pieces.join('');
          if (one.isCompressed) {
            const bytes = compressed(plain, context[one.side]);
            context[one.side] += Buffer.from(plain).toString('utf8');
            return webSocketFrame(one.opcode, bytes, { ...masked, rsv: 4 });
          }
          const frames = one.pieces.map((piece, at) => {
            const opcode = at === 0 ? one.opcode : OPCODE.continuation;
            return webSocketFrame(opcode, piece, { ...masked, fin: at === one.pieces.length - 1 });
          });
          return Buffer.concat(frames);
        });
        const options = { extensions: DEFLATE, maxPartMessages: 3, bodyLimitBytes: 1_000 };
        const whole = recordWebSocket(options);
        const cutUp = recordWebSocket(options);
        messages.forEach((one, at) => {
          whole.feed(one.side, written[at]!);
          for (const piece of cut(written[at]!, one.cuts)) cutUp.feed(one.side, piece);
        });
        whole.exchange.serverEnd(9);
        cutUp.exchange.serverEnd(9);
        expect(cutUp.parts).toEqual(whole.parts);
        expect(whole.opaque).toEqual([]);
        const expected = messages.map(({ side, opcode, pieces }) => {
          const plain = Buffer.from(opcode === OPCODE.ping ? pieces[0]!.slice(0, 125) : pieces.join(''));
          return { from: side, size: plain.length, data: plain.subarray(0, 1_000).toString('latin1') };
        });
        const got = whole.parts.flatMap((part) => part.messages);
        expect(
          got.map(({ from, size, data }) => ({ from, size, data: Buffer.from(data).toString('latin1') })),
        ).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  test.each<[WebSocketOpaqueReason, Side, Buffer]>([
    ['unmasked-client', 'client', webSocketFrame(OPCODE.text, 'a')],
    ['masked-server', 'server', webSocketFrame(OPCODE.text, 'a', { key: KEY })],
    ['reserved-bits', 'server', webSocketFrame(OPCODE.text, 'a', { rsv: 1 })],
    ['reserved-bits', 'server', webSocketFrame(OPCODE.text, 'a', { rsv: 4 })],
    ['reserved-bits', 'server', webSocketFrame(OPCODE.ping, 'a', { rsv: 4 })],
    ['bad-opcode', 'server', webSocketFrame(3, 'a')],
    ['bad-opcode', 'server', webSocketFrame(11, 'a')],
    ['bad-control', 'server', webSocketFrame(OPCODE.ping, 'a'.repeat(126))],
    ['bad-control', 'server', webSocketFrame(OPCODE.close, '', { fin: false })],
    ['bad-length', 'server', hex('82 7f ff ff ff ff ff ff ff ff')],
    ['bad-continuation', 'server', webSocketFrame(OPCODE.continuation, 'a')],
  ])('%s from the %s ends the decoding; what was recorded stays', (reason, side, bytes) => {
    const { exchange, feed, parts, opaque } = recordWebSocket();
    feed('server', webSocketFrame(OPCODE.text, 'before'));
    feed(side, bytes);
    feed('server', webSocketFrame(OPCODE.text, 'after'));
    exchange.serverEnd(1);
    expect(parts).toHaveLength(1);
    expect(parts[0]!.messages.map(messageLine)).toEqual(['server text 6 before']);
    expect(parts[0]).toMatchObject({ gapReason: reason, part: { index: 0, last: true } });
    expect([opaque, exchange.isOver]).toEqual([[reason], true]);
  });

  test('a data frame within a fragmented message ends the decoding', () => {
    const { feed, opaque } = recordWebSocket();
    feed('server', webSocketFrame(OPCODE.text, 'a', { fin: false }));
    feed('server', webSocketFrame(OPCODE.text, 'b'));
    expect(opaque).toEqual(['bad-continuation']);
  });

  test('an extension it does not know ends the decoding with the first bytes', () => {
    const { feed, opaque, parts } = recordWebSocket({ extensions: 'x-webkit-deflate-frame' });
    feed('server', webSocketFrame(OPCODE.text, 'a'));
    expect([opaque, parts.length]).toEqual([['unknown-extension'], 1]);
  });

  test('a part ends by messages, by bytes and by age, and the last one with the connection', () => {
    const { exchange, feed, parts } = recordWebSocket({ maxPartMessages: 2, partAfterUs: 100 });
    const text = (data: string) => webSocketFrame(OPCODE.text, data);
    feed('server', Buffer.concat([text('1'), text('2'), text('3')]), 10);
    feed('server', text('4').subarray(0, 2), 60);
    feed('server', text('4').subarray(2), 115);
    exchange.clientEnd(120);
    exchange.serverEnd(130);
    const told = parts.map(({ part, startedUs, endUs, messages, receivedBytes }) => ({
      ...part,
      ...{ startedUs, endUs, receivedBytes },
      messages: messages.map((one) => `${one.offsetUs} ${messageLine(one)}`),
    }));
    expect(told).toEqual([
      {
        index: 0,
        last: false,
        startedUs: 10,
        endUs: 10,
        receivedBytes: 6,
        messages: ['0 server text 1 1', '0 server text 1 2'],
      },
      { index: 1, last: false, startedUs: 10, endUs: 115, receivedBytes: 5, messages: ['0 server text 1 3'] },
      { index: 2, last: true, startedUs: 115, endUs: 130, receivedBytes: 1, messages: ['0 server text 1 4'] },
    ]);
    const large = recordWebSocket();
    for (let count = 0; count < 9; count++) large.feed('server', text('x'.repeat(60_000)));
    expect(large.parts.map(({ messages }) => messages.length)).toEqual([5]);
    const sending = recordWebSocket({ maxPartMessages: 1 });
    for (let count = 0; count < 3; count++)
      sending.feed('client', webSocketFrame(OPCODE.text, 'abc', { key: KEY }));
    expect(sending.parts.map(({ sentBytes, receivedBytes }) => [sentBytes, receivedBytes])).toEqual([
      [9, 0],
      [9, 0],
      [9, 0],
    ]);
  });

  test('tells how many bytes it holds, contexts included', () => {
    const { exchange, feed } = recordWebSocket({ extensions: DEFLATE });
    expect(exchange.heldBytes).toBe(0);
    feed('server', webSocketFrame(OPCODE.text, 'x'.repeat(500), { fin: false }));
    expect(exchange.heldBytes).toBe(500);
    feed('server', webSocketFrame(OPCODE.continuation, 'y'));
    expect(exchange.heldBytes).toBe(601);
    feed('client', webSocketFrame(OPCODE.text, compressed('z'), { rsv: 4, key: KEY }));
    expect(exchange.heldBytes).toBe(702 + 32_768);
    expect(exchange.outstanding).toBe(1);
    exchange.serverEnd(0);
    expect([exchange.heldBytes, exchange.outstanding]).toEqual([32_768, 0]);
  });

  test('says how the connection ended, and when a message was cut', () => {
    const close = webSocketFrame(OPCODE.close, Buffer.from([3, 232]));
    const masked = webSocketFrame(OPCODE.close, Buffer.from([3, 232]), { key: KEY });
    const half = webSocketFrame(OPCODE.text, 'abc').subarray(0, 3);
    const ended = (pieces: [Side, Buffer][], end: 'client' | 'server' | 'reset') => {
      const { exchange, feed, parts } = recordWebSocket();
      for (const [side, bytes] of pieces) feed(side, bytes);
      if (end === 'client') exchange.clientEnd(1);
      if (end === 'reset') exchange.abort('reset', 2);
      else exchange.serverEnd(2);
      exchange.abort('reset', 3);
      return parts.map(({ error, gapReason }) => [error, gapReason]);
    };
    expect(ended([], 'server')).toEqual([['server-closed', '']]);
    expect(ended([], 'client')).toEqual([['client-closed', '']]);
    expect(ended([['server', half]], 'reset')).toEqual([['reset', 'truncated']]);
    expect(ended([['server', close]], 'server')).toEqual([[null, '']]);
    expect(ended([['server', close]], 'reset')).toEqual([['reset', '']]);
    expect(
      ended(
        [
          ['server', close],
          ['client', masked],
        ],
        'reset',
      ),
    ).toEqual([[null, '']]);
  });
});

describe('permessage-deflate', () => {
  const first = 'the same words over and over';
  const zip = (text: string | Buffer, context: string | Buffer = '') =>
    webSocketFrame(OPCODE.text, compressed(text, context), { rsv: 4 });

  test('a direction whose context is not kept opens every message by itself', () => {
    const extensions = `${DEFLATE}; server_no_context_takeover; client_max_window_bits=9`;
    expect(
      lines(
        [
          ['server', zip(first)],
          ['server', zip(first)],
        ],
        { extensions },
      ),
    ).toHaveLength(2);
    const { exchange, feed, parts } = recordWebSocket({ extensions });
    feed('server', zip(first));
    feed('server', zip(first, first));
    exchange.serverEnd(0);
    expect(parts[0]!.gapReason).toBe('inflate-failed');
  });

  test('the context reaches back 32 KiB, over messages shorter and longer than that', () => {
    const long = Buffer.from(Array.from({ length: 9_000 }, (_, at) => `${at * 7919} `).join(''));
    const texts = [first, long, Buffer.from('short'), long.subarray(-20_000), Buffer.from(first)];
    let context = Buffer.alloc(0);
    const { exchange, feed, parts } = recordWebSocket({ extensions: DEFLATE, bodyLimitBytes: 1 << 20 });
    for (const text of texts) {
      feed('server', zip(Buffer.from(text), context));
      context = Buffer.concat([context, Buffer.from(text)]);
    }
    exchange.serverEnd(0);
    expect(parts.flatMap(({ messages }) => messages.map(({ data }) => data.toString()))).toEqual(
      texts.map(String),
    );
  });

  test('what is too large is known by its size, and so is what builds upon it', () => {
    const bomb = zip(Buffer.alloc((1 << 20) + 1));
    const told = (extensions: string) => {
      const { exchange, feed, parts } = recordWebSocket({ extensions });
      feed('server', bomb);
      feed('server', zip('next'));
      feed('client', webSocketFrame(OPCODE.text, compressed('me'), { rsv: 4, key: KEY }));
      exchange.serverEnd(0);
      const { messages, gapReason } = parts[0]!;
      return [gapReason, ...messages.slice(1).map(messageLine)];
    };
    const size = compressed('next').length;
    expect(told(DEFLATE)).toEqual(['inflate-too-large', `server text ${size}`, 'client text 2 me']);
    expect(told(`${DEFLATE}; server_no_context_takeover`)).toEqual([
      'inflate-too-large',
      'server text 4 next',
      'client text 2 me',
    ]);
  });

  test('a compressed message of more than 1 MiB is counted, not gathered', () => {
    const noise = Buffer.alloc((1 << 20) + 9, 1);
    const { exchange, feed, parts } = recordWebSocket({ extensions: DEFLATE });
    feed('client', webSocketFrame(OPCODE.binary, noise, { rsv: 4, key: KEY }));
    exchange.serverEnd(0);
    expect(parts[0]!.messages).toMatchObject([{ size: noise.length, data: Buffer.alloc(0) }]);
    expect(parts[0]!.gapReason).toBe('inflate-too-large');
  });

  test('reads what was agreed in the handshake', () => {
    const head = Buffer.from(
      'HTTP/1.1 101 S\r\nsec-websocket-extensions: permessage-deflate; Client_no_context_takeover; server_max_window_bits="10"\r\n\r\n',
    );
    expect(parseWebSocketExtensions(webSocketExtensionsOf(head))).toEqual({ client: false, server: true });
    expect(parseWebSocketExtensions(webSocketExtensionsOf(Buffer.from('HTTP/1.1 101 S\r\n\r\n')))).toBeNull();
    expect(parseWebSocketExtensions('permessage-deflate, x')).toBe('unknown');
  });
});
