import { RRPair } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import { describe, expect, test } from 'vitest';
import { capturedPair, decoded, messageOf } from '../captured.fixture.ts';

const GET = ':method: GET\r\n:scheme: https\r\n:authority: api.test\r\n:path: /a?b=%2F\r\n';
const OK = ':status: 200\r\ncontent-type: application/json\r\n\r\n';

function decode(changes: Partial<CapturedPair> = {}): RRPair | null {
  const captured = capturedPair(1, {
    protocol: 'http/2',
    request: messageOf(`${GET}\r\n`),
    response: messageOf(OK, '{"a":1}'),
    ...changes,
  });
  const pair = decoded(captured);
  return pair && RRPair.parse(pair);
}

const urlOf = (head: string, changes: Partial<CapturedPair> = {}) =>
  decode({ request: messageOf(head), ...changes })?.request?.url;

describe('decodePair() of HTTP/2', () => {
  test('sets pseudo-headers apart from the headers', () => {
    const request = messageOf(`${GET}cookie: a=1\r\ncookie: b=2\r\n\r\n`);
    expect(decode({ request })).toMatchObject({
      protocol: 'http/2',
      request: {
        ...{ method: 'GET', url: 'https://api.test/a?b=%2F', version: '2' },
        headers: [
          ['cookie', 'a=1'],
          ['cookie', 'b=2'],
        ],
      },
      response: { status: 200, headers: [['content-type', 'application/json']], body: { json: { a: 1 } } },
    });
  });

  test.each<[string, string, string]>([
    [
      'the default port is left out',
      ':method: GET\r\n:scheme: https\r\n:authority: a:443\r\n:path: /\r\n',
      'https://a/',
    ],
    [
      'Host stands in for the authority',
      ':method: GET\r\n:scheme: http\r\n:path: /\r\nhost: b\r\n',
      'http://b/',
    ],
    ['and the server for both', ':method: GET\r\n:path: /\r\n', 'http://shop:8080/'],
    ['OPTIONS *', ':method: OPTIONS\r\n:scheme: http\r\n:authority: a\r\n:path: *\r\n', 'http://a'],
    ['CONNECT', ':method: CONNECT\r\n:authority: a:443\r\n', 'http://a:443'],
    [
      'extended CONNECT',
      ':method: CONNECT\r\n:protocol: websocket\r\n:scheme: https\r\n:authority: a\r\n:path: /chat\r\n',
      'https://a/chat',
    ],
  ])('url: %s', (_, head, url) => {
    expect(urlOf(`${head}\r\n`)).toBe(url);
  });

  test.each<[string, Partial<CapturedPair>]>([
    ['a request without a method', { request: messageOf(':path: /\r\n\r\n') }],
    ['a request without a path', { request: messageOf(':method: GET\r\n\r\n') }],
    ['a response without a status', { response: messageOf('a: b\r\n\r\n') }],
    ['a status that is none', { response: messageOf(':status: 2000\r\n\r\n') }],
    ['heads of HTTP/1.1', { request: messageOf('GET / HTTP/1.1\r\n\r\n') }],
    ['heads of HTTP/2 in HTTP/1.1', { protocol: 'http/1.1' }],
  ])('%s does not leave', (_, changes) => {
    expect(decode(changes)).toBeNull();
  });

  test('gRPC bodies stay bytes, also when they look like text, with their trailers', () => {
    const message = Buffer.from('\0\0\0\0\x05hello');
    const response = {
      ...messageOf(':status: 200\r\ncontent-type: application/grpc\r\n\r\n', message),
      trailers: Buffer.from('grpc-status: 0\r\ngrpc-message: \r\n\r\n'),
      chunks: [10, 5],
    };
    expect(decode({ protocol: 'grpc', response })!.response).toMatchObject({
      trailers: [
        ['grpc-status', '0'],
        ['grpc-message', ''],
      ],
      body: { size: 10, encoding: 'identity', base64: message.toString('base64'), chunks: [[10, 5]] },
    });
  });

  test('a pair names the trace of its request, whatever the version', () => {
    const [traceId, spanId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
    const line = `traceparent: 00-${traceId}-${spanId}-01\r\n\r\n`;
    expect(decode({ request: messageOf(GET + line) })!.trace).toEqual({ traceId, spanId });
    const http1 = { protocol: 'http/1.1', request: messageOf(`GET / HTTP/1.1\r\n${line}`), response: null };
    expect(decode(http1)!.trace).toEqual({ traceId, spanId });
    expect(decode()).not.toHaveProperty('trace');
  });

  test('the parts of a stream say which they are', () => {
    expect(decode({ part: { index: 2, last: false } })!.part).toEqual({ index: 2, last: false });
  });
});
