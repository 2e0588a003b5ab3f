// Odd conversations: who speaks when, who ends how, and what is not HTTP/1 at all. Like odd-http.ts.
import { createHash } from 'node:crypto';
import { bytewise, c, cEnds, cResets, s, sEnds, sResets } from './conversation.ts';
import { answer, CHUNKED, EMPTY, GET, head, type OddCase, OK, odd, PAIR, POSTED, post } from './odd-http.ts';

const BIG = Buffer.from(
  Array.from({ length: 32_768 }, (_, at) => createHash('md5').update(String(at)).digest('hex')).join(''),
  'hex',
);
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const UPGRADE = head(
  'GET /ws HTTP/1.1',
  'Host: h',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
);
const SWITCHED = head(
  'HTTP/1.1 101 Switching Protocols',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
);
const HELLO = hex(`16 0301 0037 01 000033 0303${'00'.repeat(32)}00 0002 1301 01 00 0008 0000 0004 0002 0000`);
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = hex('000000 04 00 00000000');
const SETTINGS_ACK = hex('000000 04 01 00000000');
const H2_GET = hex('000003 01 05 00000001 828684');
const H2_OK = hex('000001 01 05 00000001 88');

const order: OddCase[] = [
  odd('keep-alive', [c(GET), s(OK), c(GET), s(OK), c(GET), s(OK)], PAIR, PAIR, PAIR),
  odd('pipelining, answered one by one', [c(GET + GET + GET), s(OK), s(OK), s(OK)], PAIR, PAIR, PAIR),
  odd('pipelining, answered at once', [c(GET), c(GET), s(OK + OK)], PAIR, PAIR),
  odd('pipelining, cut inside heads', [c(GET + GET.slice(0, 9)), s(OK), c(GET.slice(9)), s(OK)], PAIR, PAIR),
  odd(
    '100 Continue',
    [
      c(post('Expect: 100-continue', 'Content-Length: 2')),
      s('HTTP/1.1 100 Continue\r\n\r\n'),
      c('ok'),
      s(EMPTY),
    ],
    POSTED,
  ),
  odd(
    '417 in place of 100',
    [
      c(post('Expect: 100-continue', 'Content-Length: 2')),
      s(head('HTTP/1.1 417 No', 'Content-Length: 0', 'Connection: close')),
      sEnds,
    ],
    'POST /a 417 server-closed',
  ),
  odd(
    'a body that does not wait for 100',
    [
      c(`${post('Expect: 100-continue', 'Content-Length: 2')}ok`),
      s('HTTP/1.1 100 Continue\r\n\r\n'),
      s(EMPTY),
    ],
    POSTED,
  ),
  odd(
    '103 Early Hints, twice',
    [c(GET), s(head('HTTP/1.1 103 Early Hints', 'Link: </a>')), s(head('HTTP/1.1 103 Early Hints')), s(OK)],
    PAIR,
  ),
  odd(
    'an answer before the request has ended',
    [c(`${post('Content-Length: 6')}abc`), s(OK), c('def')],
    POSTED,
  ),
  odd('an answer before any request', [s(OK), c(GET)], 'opaque server-first'),
  odd('an answer too many', [c(GET), s(OK), s(OK)], PAIR, 'opaque unexpected-response'),
  odd(
    'HTTP/1.0 until close',
    [c(head('GET /a HTTP/1.0')), s('HTTP/1.0 200 OK\r\n\r\nup to'), s(' the end'), sEnds],
    PAIR,
  ),
  odd(
    'HTTP/1.0 with keep-alive',
    [
      c(head('GET /a HTTP/1.0', 'Connection: keep-alive')),
      s(head('HTTP/1.0 200 OK', 'Content-Length: 0', 'Connection: keep-alive')),
      c(head('GET /a HTTP/1.0')),
      s(head('HTTP/1.0 200 OK')),
      sEnds,
    ],
    PAIR,
    PAIR,
  ),
  odd('HTTP/0.9', [c('GET /a\r\n'), s('<html>'), sEnds]),
  odd('HTTP/1.1 until close', [c(GET), s(`${answer('Connection: close')}up to`), s(' the end'), sEnds], PAIR),
  odd(
    '512 KiB each way',
    [
      c(Buffer.concat([Buffer.from(post(`Content-Length: ${BIG.length}`)), BIG])),
      s(Buffer.concat([Buffer.from(answer(`Content-Length: ${BIG.length}`)), BIG])),
    ],
    POSTED,
  ),
  odd(
    '512 KiB in chunks of 1 KiB',
    [
      c(GET),
      s(answer(CHUNKED)),
      ...Array.from({ length: 512 }, (_, at) =>
        s(
          Buffer.concat([
            Buffer.from('400\r\n'),
            BIG.subarray(at << 10, (at + 1) << 10),
            Buffer.from('\r\n'),
          ]),
        ),
      ),
      s('0\r\n\r\n'),
    ],
    PAIR,
  ),
  odd(
    'server-sent events',
    [
      c(GET),
      s(answer('Content-Type: text/event-stream')),
      s(':\n\n'),
      s('data: 1\n\n'),
      s('data: 2\nid: 7\n\n'),
      sEnds,
    ],
    PAIR,
  ),
];

const endings: OddCase[] = [
  odd('nothing at all', [cEnds, sEnds]),
  odd('nothing, and the server ends first', [sEnds, cEnds]),
  odd(
    'a client that half-closes behind its request',
    [c(GET), cEnds, s(answer('Content-Length: 4')), s('ok'), s('ay')],
    PAIR,
  ),
  odd('a server that half-closes first', [c(GET), s(OK), sEnds, c('more of it'), cEnds], PAIR),
  odd('a client that ends inside its head', [c('GET /a HT'), cEnds, s('HTTP/1.1 400 No\r\n\r\n'), sEnds]),
  odd(
    'a client that ends inside its body',
    [c(`${post('Content-Length: 9')}abc`), cEnds, s(OK)],
    'POST /a 200 client-closed',
  ),
  odd('a server that ends inside its head', [c(GET), s('HTTP/1.1 20'), sEnds], 'GET /a server-closed'),
  odd(
    'a server that ends inside its body',
    [c(GET), s(`${answer('Content-Length: 9')}abc`), sEnds],
    'GET /a 200 server-closed',
  ),
  odd('a server that ends without a word', [c(GET), sEnds], 'GET /a server-closed'),
  odd('a client that resets before a word', [cResets]),
  odd('a server that resets before a word', [sResets]),
  odd('a client that resets inside its head', [c('GET /a HT'), cResets]),
  odd(
    'a client that resets inside its body',
    [c(`${post('Content-Length: 9')}abc`), cResets],
    'POST /a reset',
  ),
  odd('a client that resets while it waits', [c(GET), cResets], 'GET /a reset'),
  odd(
    'a client that resets inside the answer',
    [c(GET), s(`${answer('Content-Length: 9')}abc`), cResets],
    'GET /a 200 reset',
  ),
  odd('a client that resets between two requests', [c(GET), s(OK), cResets], PAIR),
  odd(
    'a server that resets inside a request',
    [c(`${post('Content-Length: 9')}abc`), sResets],
    'POST /a reset',
  ),
  odd('a server that resets in place of an answer', [c(GET), sResets], 'GET /a reset'),
  odd('a server that resets inside its head', [c(GET), s('HTTP/1.1 20'), sResets], 'GET /a reset'),
  odd(
    'a server that resets inside its body',
    [c(GET), s(`${answer('Content-Length: 9')}abc`), sResets],
    'GET /a 200 reset',
  ),
  odd(
    'a server that resets inside a body until close',
    [c(GET), s(`${answer()}abc`), sResets],
    'GET /a 200 reset',
  ),
  odd(
    'a server that resets after the client ended',
    [c(GET), cEnds, s(`${answer('Content-Length: 9')}abc`), sResets],
    'GET /a 200 client-closed',
  ),
];

const others: OddCase[] = [
  odd('an upgrade that is refused', [c(UPGRADE), s(OK), c(GET), s(OK)], 'GET /ws 200', PAIR),
  odd(
    'a WebSocket',
    [
      c(UPGRADE),
      s(SWITCHED),
      c(hex('81 82 00000000 6869')),
      s(hex('81 02 6869')),
      s(hex('89 00')),
      c(hex('8a 80 01020304')),
      s(hex('88 02 03e8')),
      c(hex('88 82 00000000 03e8')),
    ],
    'GET /ws 101',
    'websocket 6 messages',
  ),
  odd(
    'a WebSocket a byte at a time',
    [
      c(UPGRADE),
      ...bytewise(s(SWITCHED)),
      ...bytewise(c(hex('01 81 0a0b0c0d 62'))),
      ...bytewise(c(hex('80 81 0a0b0c0d 62'))),
      ...bytewise(s(hex('82 7e 0003 000102'))),
    ],
    'GET /ws 101',
    'websocket 2 messages server-closed',
  ),
  odd(
    'a WebSocket frame that nobody may send',
    [c(UPGRADE), s(SWITCHED), c(hex('81 02 6869')), s(hex('ff ff ff'))],
    'GET /ws 101',
    'opaque unmasked-client',
    'websocket unmasked-client',
  ),
  odd(
    'an upgrade to something else',
    [
      c(head('GET /a HTTP/1.1', 'Host: h', 'Connection: Upgrade', 'Upgrade: frob')),
      s(head('HTTP/1.1 101 Yes', 'Connection: Upgrade', 'Upgrade: frob')),
      c('\0\x01'),
      s('\x02'),
    ],
    'GET /a 101',
    'opaque upgrade',
  ),
  odd(
    'an upgrade to h2c',
    [
      c(
        head(
          'GET /a HTTP/1.1',
          'Host: h',
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABk',
        ),
      ),
      s(head('HTTP/1.1 101 Yes', 'Connection: Upgrade', 'Upgrade: h2c')),
      s(SETTINGS),
      c(Buffer.concat([Buffer.from(PREFACE), SETTINGS])),
      s(H2_OK),
    ],
    'GET /a 101',
    'opaque upgrade',
  ),
  odd(
    'CONNECT to an origin, granted',
    [c(head('CONNECT h:1 HTTP/1.1', 'Host: h:1')), s('HTTP/1.1 200 OK\r\n\r\n'), c(HELLO), s('\x15\x03\x03')],
    'CONNECT h:1 200',
    'opaque tunnel',
  ),
  odd(
    'CONNECT to an origin, refused',
    [
      c(head('CONNECT h:1 HTTP/1.1', 'Host: h:1')),
      s(head('HTTP/1.1 405 No', 'Content-Length: 0')),
      c(GET),
      s(OK),
    ],
    'CONNECT h:1 405',
    PAIR,
  ),
  odd(
    'HTTP/2 with prior knowledge',
    [
      c(Buffer.concat([Buffer.from(PREFACE), SETTINGS])),
      s(Buffer.concat([SETTINGS, SETTINGS_ACK])),
      c(H2_GET),
      s(H2_OK),
    ],
    'GET / 200',
  ),
  odd(
    'HTTP/2, a byte at a time',
    [
      ...bytewise(c(Buffer.concat([Buffer.from(PREFACE), SETTINGS, H2_GET]))),
      ...bytewise(s(Buffer.concat([SETTINGS, H2_OK]))),
    ],
    'GET / 200',
  ),
  odd(
    'HTTP/2 in which the server speaks first',
    [...bytewise(s(SETTINGS)), c(Buffer.concat([Buffer.from(PREFACE), SETTINGS, H2_GET])), s(H2_OK)],
    'GET / 200',
  ),
  odd('HTTP/2 settings, and a client of HTTP/1', [s(SETTINGS), c(GET), s(OK)], 'opaque server-first'),
  odd('HTTP/2 settings, and nothing', [s(SETTINGS), sEnds], 'opaque server-first'),
  odd(
    'HTTP/2 that is reset inside a stream',
    [c(Buffer.concat([Buffer.from(PREFACE), SETTINGS, H2_GET])), s(SETTINGS), sResets],
    'GET / reset',
  ),
  odd(
    'an HTTP/2 preface answered in HTTP/1',
    [c(Buffer.concat([Buffer.from(PREFACE), SETTINGS])), s(head('HTTP/1.1 400 No')), sEnds],
    'opaque not-http2',
  ),
  odd('half an HTTP/2 preface', [c(PREFACE.slice(0, 20)), s('what?'), sEnds], 'opaque server-first'),
  odd(
    'an HTTP/2 frame that is none',
    [c(Buffer.concat([Buffer.from(PREFACE), SETTINGS])), s(SETTINGS), c(hex('ffffff 00 00 00000001'))],
    'opaque frame-too-large',
  ),
  odd('a TLS ClientHello', [c(HELLO), s(hex('15 0303 0002 0228')), sEnds], 'opaque tls-passthrough'),
  odd(
    'a TLS ClientHello a byte at a time',
    [...bytewise(c(HELLO)), s(hex('15 0303 0002 0228'))],
    'opaque tls-passthrough',
  ),
  odd(
    'a server that speaks first',
    [s('220 mail ready\r\n'), c('EHLO h\r\n'), s('250 h\r\n'), c('QUIT\r\n'), s('221 bye\r\n'), sEnds],
    'opaque server-first',
  ),
  odd(
    'a server that speaks first, a byte at a time',
    [...bytewise(s('SSH-2.0-x\r\n')), ...bytewise(c('SSH-2.0-y\r\n'))],
    'opaque server-first',
  ),
  odd('a server that speaks and ends', [s('no\r\n'), sEnds], 'opaque server-first'),
  odd(
    'garbage',
    [c(BIG.subarray(0, 4_096)), s(BIG.subarray(4_096, 8_192)), c(BIG.subarray(8_192, 12_288))],
    'opaque unknown-protocol',
  ),
  odd('NULs', [c(Buffer.alloc(70_000)), s(Buffer.alloc(70_000))], 'opaque unknown-protocol'),
  odd('one byte, and an end', [c('G'), cEnds, s('?')], 'opaque server-first'),
  odd('one byte, and a reset', [c('G'), cResets], 'opaque unknown-protocol reset'),
  odd('a word without end', [c('x'.repeat(200_000)), s('?')], 'opaque unknown-protocol'),
];

export const ODD_ENDINGS: OddCase[] = [...order, ...endings, ...others];
