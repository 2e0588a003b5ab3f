import { type HeaderList, storeBody, type Test } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { requestBytes } from './request-bytes.ts';

const NOTHING = Buffer.alloc(0);
const HOST = '127.0.0.1:3000';

function request(
  headers: HeaderList,
  rest: { method?: string; target?: string; body?: Buffer } = {},
): Test['request'] {
  const { method = 'GET', target = '/cart', body = NOTHING } = rest;
  return { method, target, headers, body: storeBody(body, '') };
}

const lines = (made: Test['request']) => requestBytes(made, HOST).head.toString('latin1').split('\r\n');

const json = Buffer.from('{"a": 1}');
const table: [promise: string, made: Test['request'], lines: string[]][] = [
  [
    'headers keep case, order and repetition; Host becomes the target in its place',
    request([
      ['accept', '*/*'],
      ['Host', 'shop.example'],
      ['X-A', '1'],
      ['x-a', '2'],
    ]),
    ['GET /cart HTTP/1.1', 'accept: */*', `Host: ${HOST}`, 'X-A: 1', 'x-a: 2', '', ''],
  ],
  [
    'a request without Host gets one',
    request([['X-A', '1']]),
    ['GET /cart HTTP/1.1', `Host: ${HOST}`, 'X-A: 1', '', ''],
  ],
  [
    'Content-Length is computed anew in its place',
    request(
      [
        ['Host', 'h'],
        ['content-length', '999'],
        ['X-A', '1'],
      ],
      { method: 'POST', body: json },
    ),
    ['POST /cart HTTP/1.1', `Host: ${HOST}`, 'Content-Length: 8', 'X-A: 1', '', ''],
  ],
  [
    'a recorded chunked body is sent with its length, said once',
    request(
      [
        ['Host', 'h'],
        ['Transfer-Encoding', 'chunked'],
        ['Content-Length', '8'],
      ],
      { method: 'POST', body: json },
    ),
    ['POST /cart HTTP/1.1', `Host: ${HOST}`, 'Content-Length: 8', '', ''],
  ],
  [
    'an empty body keeps its length of 0, and gets none where none was',
    request(
      [
        ['Host', 'h'],
        ['Content-Length', '0'],
      ],
      { method: 'POST' },
    ),
    ['POST /cart HTTP/1.1', `Host: ${HOST}`, 'Content-Length: 0', '', ''],
  ],
  [
    'a body without recorded framing gets a length',
    request([['Host', 'h']], { method: 'PUT', body: json }),
    ['PUT /cart HTTP/1.1', `Host: ${HOST}`, 'Content-Length: 8', '', ''],
  ],
  [
    'what belongs to the old connection is left out, also what its Connection header names',
    request([
      ['Host', 'h'],
      ['Connection', 'close, X-Hop'],
      ['x-hop', '1'],
      ['Keep-Alive', 'timeout=5'],
      ['Expect', '100-continue'],
      ['Upgrade', 'h2c'],
      ['TE', 'trailers'],
      ['accept-encoding', 'gzip'],
    ]),
    ['GET /cart HTTP/1.1', `Host: ${HOST}`, 'accept-encoding: gzip', '', ''],
  ],
  [
    'a value cannot end its line',
    request([
      ['Host', 'h'],
      ['X-A', 'a\r\nX-Evil: 1'],
    ]),
    ['GET /cart HTTP/1.1', `Host: ${HOST}`, 'X-A: a  X-Evil: 1', '', ''],
  ],
  [
    'a target holds no blank, no line end and nothing beyond latin1; recorded octets stay',
    request([['Host', 'h']], { target: '/a b\r\n/€/\u00e9?q=%20' }),
    ['GET /a%20b%0D%0A/%E2%82%AC/\u00e9?q=%20 HTTP/1.1', `Host: ${HOST}`, '', ''],
  ],
];

test.each(table)('%s', (_, made, wanted) => {
  expect(lines(made)).toEqual(wanted);
});

test('the body is sent byte for byte, whatever form it is stored in', () => {
  for (const body of [NOTHING, json, Buffer.from('{"a":1}'), Buffer.from([0xff, 0, 0xfe])]) {
    expect(requestBytes(request([['Host', 'h']], { body }), HOST).body).toEqual(body);
  }
});

test.each<[signature: string, target: string, headers: HeaderList, isKept: boolean]>([
  [
    'AWS in a header',
    '/',
    [['Authorization', 'AWS4-HMAC-SHA256 Credential=a/s3, SignedHeaders=host;x-amz-date, Signature=b']],
    true,
  ],
  ['AWS in an address', '/a?X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=b', [], true],
  ['AWS without the host', '/a?X-Amz-SignedHeaders=x-host&X-Amz-Signature=b', [], false],
  ['RFC 9421', '/', [['Signature-Input', 'sig=("@method" "@authority");created=1618884473']], true],
  ['RFC 9421 without the host', '/', [['Signature-Input', 'sig=("@method" "@path");keyid="host"']], false],
  ['the draft', '/', [['Signature', 'keyId="k",headers="(request-target) host date",signature="b"']], true],
  ['none', '/?q=host', [['Authorization', 'Bearer host']], false],
])('a Host that its client signed stays: %s', (_, target, headers, isKept) => {
  const made = request([['Host', 'shop.example'], ...headers], { target });
  expect(lines(made)).toContain(`Host: ${isKept ? 'shop.example' : HOST}`);
});
