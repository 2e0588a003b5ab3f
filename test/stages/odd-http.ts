// Odd HTTP: what real clients and servers say that is unusual, and what attackers say. Each case is a conversation of raw
// bytes and what the capture makes of it. None of it is judged: whatever it is, it must pass as it is.
import { bytewise, c, s, sEnds, type Turn } from './conversation.ts';

export interface OddCase {
  name: string;
  turns: Turn[];
  /** What is recorded: pairs as `pairLine` writes them. */
  records: string[];
}

const GET = 'GET /a HTTP/1.1\r\nHost: h\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const EMPTY = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const post = (...fields: string[]) => head('POST /a HTTP/1.1', 'Host: h', ...fields);
const answer = (...fields: string[]) => head('HTTP/1.1 200 OK', ...fields);
const CHUNKED = 'Transfer-Encoding: chunked';
const odd = (name: string, turns: Turn[], ...records: string[]): OddCase => ({ name, turns, records });
const PAIR = 'GET /a 200';
const POSTED = 'POST /a 200';

const chunked: OddCase[] = [
  odd('chunks', [c(GET), s(`${answer(CHUNKED)}2\r\nok\r\n0\r\n\r\n`)], PAIR),
  odd(
    'chunks, a byte at a time both ways',
    [
      ...bytewise(c(`${post(CHUNKED)}3\r\nabc\r\n0\r\n\r\n`)),
      ...bytewise(s(`${answer(CHUNKED)}2\r\nok\r\n0\r\n\r\n`)),
    ],
    POSTED,
  ),
  odd(
    'sizes in upper case, with leading zeros',
    [c(GET), s(`${answer(CHUNKED)}0000A\r\n0123456789\r\n00\r\n\r\n`)],
    PAIR,
  ),
  odd(
    'chunk extensions, quoted and bare',
    [c(GET), s(`${answer(CHUNKED)}2;a=b;c="d;e"\r\nok\r\n0;last\r\n\r\n`)],
    PAIR,
  ),
  odd('spaces behind a chunk size', [c(GET), s(`${answer(CHUNKED)}2  \r\nok\r\n0\r\n\r\n`)], PAIR),
  odd('trailers', [c(GET), s(`${answer(CHUNKED, 'Trailer: X')}2\r\nok\r\n0\r\nX: 1\r\nY: 2\r\n\r\n`)], PAIR),
  odd('trailers of a request', [c(`${post(CHUNKED)}2\r\nok\r\n0\r\nX: 1\r\n\r\n`), s(EMPTY)], POSTED),
  odd(
    'a cut inside every line of a chunk',
    [c(GET), s(answer(CHUNKED)), s('2'), s('\r'), s('\nok'), s('\r'), s('\n0\r'), s('\n\r'), s('\n')],
    PAIR,
  ),
  odd(
    'a chunk size that is none',
    [c(GET), s(`${answer(CHUNKED)}xyz\r\nok\r\n0\r\n\r\n`)],
    'opaque bad-chunk',
  ),
  odd('a negative chunk size', [c(GET), s(`${answer(CHUNKED)}-2\r\nok\r\n0\r\n\r\n`)], 'opaque bad-chunk'),
  odd(
    'a chunk size beyond any number',
    [c(GET), s(`${answer(CHUNKED)}ffffffffffffffffff\r\nok`)],
    'opaque bad-chunk',
  ),
  odd(
    'a chunk without its line end',
    [c(GET), s(`${answer(CHUNKED)}2\r\nokay\r\n0\r\n\r\n`)],
    'opaque bad-chunk',
  ),
  odd('chunk lines that end in a bare LF', [c(GET), s(`${answer(CHUNKED)}2\nok\n0\n\n`)], 'opaque bad-chunk'),
  odd(
    'a chunk line without end',
    [c(GET), s(`${answer(CHUNKED)}2;${'x'.repeat(9_000)}\r\nok\r\n0\r\n\r\n`)],
    'opaque chunk-line-too-long',
  ),
  odd(
    'trailers without end',
    [c(GET), s(`${answer(CHUNKED)}0\r\n${'X: y\r\n'.repeat(9_000)}\r\n`)],
    'opaque trailers-too-large',
  ),
  odd('chunks that stop', [c(GET), s(`${answer(CHUNKED)}5\r\nab`), sEnds], 'GET /a 200 server-closed'),
];

const heads: OddCase[] = [
  odd('a head a byte at a time', [...bytewise(c(GET)), ...bytewise(s(OK))], PAIR),
  odd('empty lines before a request', [c(`\r\n\r\n${GET}`), s(OK)], 'opaque unknown-protocol'),
  odd('a folded field', [c(head('GET /a HTTP/1.1', 'Host: h', 'X: a', ' b', '\tc')), s(OK)], PAIR),
  odd(
    'a folded field that decides the length',
    [c(`${post('Content-Length:', ' 2')}ok`), s(EMPTY)],
    'opaque obs-fold',
  ),
  odd(
    'lines that end in a bare LF',
    [c('GET /a HTTP/1.1\nHost: h\n\n'), s('HTTP/1.1 200 OK\nContent-Length: 2\n\nok')],
    'opaque bare-lf',
  ),
  odd(
    'one line that ends in a bare LF',
    [c('GET /a HTTP/1.1\r\nHost: h\nX: y\r\n\r\n'), s(OK)],
    'opaque bare-lf',
  ),
  odd(
    'a bare CR in a field',
    [c('GET /a HTTP/1.1\r\nHost: h\rX: y\r\n\r\n'), s(OK)],
    'opaque malformed-head',
  ),
  odd('a space before the colon', [c(head('GET /a HTTP/1.1', 'Host : h')), s(OK)], 'opaque malformed-head'),
  odd('a line without a colon', [c(head('GET /a HTTP/1.1', 'Host')), s(OK)], 'opaque malformed-head'),
  odd('NUL in a field', [c(head('GET /a HTTP/1.1', 'Host: h', 'X: a\0b')), s(OK)], 'opaque malformed-head'),
  odd('NUL in the target', [c(head('GET /a\0b HTTP/1.1', 'Host: h')), s(OK)], 'opaque malformed-head'),
  odd(
    'bytes that are not ASCII',
    [
      c(head('GET /\xfc\xe9 HTTP/1.1', 'Host: h', 'X: \xff\xfe\x80')),
      s('HTTP/1.1 200 \xdcber\r\nContent-Length: 0\r\n\r\n'),
    ],
    'GET /\xfc\xe9 200',
  ),
  odd('a reason that is empty', [c(GET), s('HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n')], PAIR),
  odd('no reason and no space', [c(GET), s('HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n')], PAIR),
  odd('a method nobody knows', [c(head('FROB /a HTTP/1.1', 'Host: h')), s(OK)], 'FROB /a 200'),
  odd('a method in lower case', [c(head('get /a HTTP/1.1', 'Host: h')), s(OK)], 'get /a 200'),
  odd('a version nobody speaks', [c(head('GET /a HTTP/1.7', 'Host: h')), s(OK)], PAIR),
  odd('a version that is none', [c(head('GET /a HTTX/1.1', 'Host: h')), s(OK)], 'opaque malformed-head'),
  odd(
    'two spaces in the request line',
    [c(head('GET  /a HTTP/1.1', 'Host: h')), s(OK)],
    'opaque malformed-head',
  ),
  odd('no Host', [c('GET /a HTTP/1.1\r\n\r\n'), s(OK)], PAIR),
  odd('two Hosts', [c(head('GET /a HTTP/1.1', 'Host: h', 'Host: i')), s(OK)], PAIR),
  odd(
    'absolute form to an origin',
    [c(head('GET http://other:81/a HTTP/1.1', 'Host: h')), s(OK)],
    'GET http://other:81/a 200',
  ),
  odd(
    'dots in the path',
    [c(head('GET /../../etc/./x//y?../ HTTP/1.1', 'Host: h')), s(OK)],
    'GET /../../etc/./x//y?../ 200',
  ),
  odd('asterisk form', [c(head('OPTIONS * HTTP/1.1', 'Host: h')), s(EMPTY)], 'OPTIONS * 200'),
  odd('a head of 60 KB', [c(head('GET /a HTTP/1.1', 'Host: h', `X: ${'y'.repeat(60_000)}`)), s(OK)], PAIR),
  odd(
    'a head of 200 KB',
    [c(head('GET /a HTTP/1.1', 'Host: h', `X: ${'y'.repeat(200_000)}`)), s(OK)],
    'opaque head-too-large',
  ),
  odd(
    'a head of 200 KB in an answer',
    [c(GET), s(head('HTTP/1.1 200 OK', `X: ${'y'.repeat(200_000)}`, 'Content-Length: 0'))],
    'opaque head-too-large',
  ),
  odd('5,000 fields', [c(head('GET /a HTTP/1.1', 'Host: h', ...Array(5_000).fill('X: y'))), s(OK)], PAIR),
];

const lengths: OddCase[] = [
  odd(
    'an answer to HEAD with a length',
    [c(head('HEAD /a HTTP/1.1', 'Host: h')), s(answer('Content-Length: 500')), c(GET), s(OK)],
    'HEAD /a 200',
    PAIR,
  ),
  odd(
    'an answer to HEAD that is chunked',
    [c(head('HEAD /a HTTP/1.1', 'Host: h')), s(answer(CHUNKED)), c(GET), s(OK)],
    'HEAD /a 200',
    PAIR,
  ),
  odd(
    'an answer to HEAD with a body',
    [c(head('HEAD /a HTTP/1.1', 'Host: h')), s(`${answer('Content-Length: 2')}<b>\r\n\r\n`)],
    'HEAD /a 200',
    'opaque malformed-head',
  ),
  odd(
    '204 with a body',
    [c(GET), s(`${head('HTTP/1.1 204 No Content', 'Content-Length: 2')}<b>\r\n\r\n`)],
    'GET /a 204',
    'opaque malformed-head',
  ),
  odd(
    '304 with a length and without a body',
    [c(GET), s(head('HTTP/1.1 304 Not Modified', 'Content-Length: 500')), c(GET), s(OK)],
    'GET /a 304',
    PAIR,
  ),
  odd('zero length', [c(`${post('Content-Length: 0')}`), s(EMPTY)], POSTED),
  odd('one length twice', [c(`${post('Content-Length: 2', 'Content-Length: 2')}ok`), s(EMPTY)], POSTED),
  odd('a list of equal lengths', [c(`${post('Content-Length: 2, 2')}ok`), s(EMPTY)], POSTED),
  odd(
    'two lengths that differ',
    [c(`${post('Content-Length: 2', 'Content-Length: 3')}okX`), s(EMPTY)],
    'opaque conflicting-framing',
  ),
  odd('a signed length', [c(`${post('Content-Length: +2')}ok`), s(EMPTY)], 'opaque bad-content-length'),
  odd('a hexadecimal length', [c(`${post('Content-Length: 0x2')}ok`), s(EMPTY)], 'opaque bad-content-length'),
  odd(
    'Content-Length and Transfer-Encoding',
    [c(`${post('Content-Length: 6', CHUNKED)}0\r\n\r\nX`), s(EMPTY)],
    'opaque conflicting-framing',
  ),
  odd(
    'Transfer-Encoding and Content-Length',
    [c(`${post(CHUNKED, 'Content-Length: 3')}1\r\nX\r\n0\r\n\r\n`), s(EMPTY)],
    'opaque conflicting-framing',
  ),
  odd(
    'both in an answer',
    [c(GET), s(`${answer(CHUNKED, 'Content-Length: 9')}2\r\nok\r\n0\r\n\r\n`)],
    'opaque conflicting-framing',
  ),
  odd(
    'a smuggled request',
    [
      c(`${post('Content-Length: 48', CHUNKED)}0\r\n\r\nGET /admin HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      s(OK),
      s(OK),
    ],
    'opaque conflicting-framing',
  ),
  odd(
    'gzip, chunked',
    [c(GET), s(`${answer('Transfer-Encoding: gzip, chunked')}2\r\nok\r\n0\r\n\r\n`)],
    PAIR,
  ),
  odd(
    'chunked, then gzip',
    [c(`${post('Transfer-Encoding: chunked, gzip')}2\r\nok\r\n0\r\n\r\n`), s(EMPTY)],
    'opaque bad-transfer-encoding',
  ),
  odd(
    'an encoding with a tab and a blank',
    [c(`${post('Transfer-Encoding:\tchunked ')}2\r\nok\r\n0\r\n\r\n`), s(EMPTY)],
    POSTED,
  ),
  odd(
    'an encoding that only looks chunked',
    [c(`${post('Transfer-Encoding: xchunked')}2\r\nok\r\n0\r\n\r\n`), s(EMPTY)],
    'opaque bad-transfer-encoding',
  ),
  odd(
    'an encoding twice',
    [c(`${post(CHUNKED, CHUNKED)}2\r\nok\r\n0\r\n\r\n`), s(EMPTY)],
    'opaque bad-transfer-encoding',
  ),
  odd(
    'chunks in HTTP/1.0',
    [c(`${head('POST /a HTTP/1.0', CHUNKED)}2\r\nok\r\n0\r\n\r\n`), s(EMPTY)],
    'opaque bad-transfer-encoding',
  ),
  odd(
    'a body longer than its length',
    [c(`${post('Content-Length: 2')}okGARBAGE\x00\r\n\r\n`), s(EMPTY)],
    POSTED,
    'opaque malformed-head',
  ),
];

export const ODD_HTTP: OddCase[] = [...chunked, ...heads, ...lengths];
export { answer, CHUNKED, EMPTY, GET, head, OK, odd, PAIR, POSTED, post };
