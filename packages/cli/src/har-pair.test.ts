import { describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from './har-body.ts';
import { HarConnections, type HarImport, harPairs, startedUs } from './har-pair.ts';

const STARTED = '2026-03-01T10:00:00.123456+01:00';
const STARTED_US = Date.parse('2026-03-01T09:00:00.123Z') * 1000 + 456;

function entry(changes: { request?: object; response?: object; [name: string]: unknown } = {}) {
  const { request, response, ...rest } = changes;
  return {
    startedDateTime: STARTED,
    time: 60,
    timings: { blocked: 1, dns: -1, connect: 4, ssl: 3, send: 0.5, wait: 20, receive: 9.5 },
    ...rest,
    request: {
      ...{ method: 'GET', url: 'http://shop.test:8080/a?b=c d#part', httpVersion: 'HTTP/1.1' },
      headers: [{ name: 'Accept', value: '*/*' }],
      ...request,
    },
    response: {
      ...{ status: 200, statusText: 'OK', httpVersion: 'HTTP/1.1', bodySize: 5 },
      headers: [{ name: 'Content-Type', value: 'text/plain' }],
      content: { size: 5, mimeType: 'text/plain', text: 'hello' },
      ...response,
    },
  };
}

function convert(value: unknown, changes: Partial<HarImport> = {}) {
  let made = 0;
  return harPairs(value, {
    ...{ direction: 'IN', tags: { build: '1' }, hosts: [], shiftUs: 0 },
    newId: () => `id-${++made}`,
    connections: new HarConnections('har'),
    ...changes,
  });
}

function only(value: unknown, changes: Partial<HarImport> = {}) {
  const pairs = convert(value, changes);
  if (typeof pairs === 'string') throw new Error(pairs);
  const pair = pairs[0]!;
  const half = (message: typeof pair.request) => ({
    head: Buffer.from(message!.head).toString('latin1'),
    body: Buffer.from(message!.body).toString(),
    bodySize: message!.bodySize,
  });
  return { pair, pairs, request: half(pair!.request), response: half(pair!.response) };
}

describe('harPairs()', () => {
  test('writes the heads again and counts time from the first byte of the request', () => {
    const { pair, request, response } = only(entry({ serverIPAddress: '[::1]', connection: '17' }));
    expect(request.head).toBe('GET /a?b=c%20d HTTP/1.1\r\nHost: shop.test:8080\r\nAccept: */*\r\n\r\n');
    expect(response).toEqual({
      head: 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n',
      ...{ body: 'hello', bodySize: 5 },
    });
    expect(pair).toMatchObject({
      ...{ tsUs: STARTED_US + 5_000, ttfbUs: 20_500, durationUs: 30_000, direction: 'IN', scheme: 'http' },
      server: { ip: '::1', port: 8080, host: 'shop.test' },
      ...{ tls: null, connection: 'har-1', seq: 0, tags: { build: '1' } },
    });
  });

  test('HTTP/2 and HTTP/3 get pseudo-headers and small names; gRPC is named', () => {
    const headers = [
      ...[
        { name: ':authority', value: 'a' },
        { name: 'Host', value: 'a' },
        { name: 'X-Id', value: '1' },
      ],
    ];
    const request = { url: 'https://a/p', httpVersion: 'h3', headers };
    const { pair, request: sent, response } = only(entry({ request, response: { httpVersion: 'h3' } }));
    expect(sent.head).toBe(':method: GET\r\n:scheme: https\r\n:authority: a\r\n:path: /p\r\nx-id: 1\r\n\r\n');
    expect(response.head).toBe(':status: 200\r\ncontent-type: text/plain\r\n\r\n');
    expect(pair).toMatchObject({ protocol: 'http/2', scheme: 'https', tls: { sni: 'a', alpn: 'h2' } });
    const grpc = { ...request, headers: [{ name: 'content-type', value: 'application/grpc+proto' }] };
    expect(only(entry({ request: grpc, response: { httpVersion: 'HTTP/2' } })).pair.protocol).toBe('grpc');
  });

  test('a body that was decoded is no longer announced as coded', () => {
    const headers = [
      ...[
        { name: 'Content-Encoding', value: 'br' },
        { name: 'Transfer-Encoding', value: 'chunked' },
      ],
      { name: 'Content-Length', value: '3' },
    ];
    const content = { size: 2, text: 'ü' };
    expect(only(entry({ response: { headers, content } })).response).toEqual({
      head: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
      ...{ body: 'ü', bodySize: 2 },
    });
    const still = { encoding: 'base64', text: Buffer.from([0x1f, 0x8b, 8]).toString('base64') };
    const gzip = [{ name: 'content-encoding', value: 'gzip' }];
    expect(only(entry({ response: { headers: gzip, content: still } })).response.head).toContain('gzip');
  });

  test.each([
    [{ content: { size: 900 } }, 900],
    [{ content: { size: -1 }, bodySize: 70 }, 70],
    [{ content: { size: 0 }, bodySize: 0 }, 0],
    [{ status: 304, content: { size: 900 } }, 0],
    [{ content: {}, bodySize: -1 }, 0],
  ])('a body that was not saved is missing: %j', (response, bodySize) => {
    expect(only(entry({ response })).response).toMatchObject({ body: '', bodySize });
  });

  test('a body above the bound is cut and keeps its size', () => {
    const text = 'x'.repeat(MAX_BODY_BYTES + 10);
    const { pair } = only(entry({ response: { content: { text } } }));
    expect(pair.response!.body).toHaveLength(MAX_BODY_BYTES);
    expect(pair.response!.bodySize).toBe(MAX_BODY_BYTES + 10);
  });

  test.each([
    [{ mimeType: 'text/plain', text: 'a' }, 'a'],
    [{ mimeType: 'x/y', text: 'AAH/', encoding: 'base64' }, Buffer.from([0, 1, 255]).toString()],
    [{ mimeType: 'application/x-www-form-urlencoded', params: [{ name: 'a b', value: 'ü' }] }, 'a+b=%C3%BC'],
    [{ mimeType: 'multipart/form-data', params: [{ name: 'a', value: 'b' }] }, ''],
  ])('a request body from %j', (postData, body) => {
    expect(only(entry({ request: { method: 'POST', postData } })).request.body).toBe(body);
  });

  test('a header of several lines was several headers; one that is none is left out', () => {
    const headers = [
      { name: 'Set-Cookie', value: 'a=1\nb=2' },
      { name: 'bad name', value: 'x' },
      { name: 'X-Injected', value: 'a\r\n\r\nGET / HTTP/1.1' },
      null,
    ];
    expect(only(entry({ response: { headers } })).response.head).toBe(
      'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Injected: a\r\nX-Injected: GET / HTTP/1.1\r\n\r\n',
    );
  });

  test('pairs of one connection are counted, an entry without one has its own', () => {
    const connections = new HarConnections('har');
    const at = (connection?: string) => {
      const { pair } = only(entry({ connection }), { connections });
      return [pair.connection, pair.seq];
    };
    expect([at('7'), at('7'), at(), at(), at('7')]).toEqual([
      ...[
        ['har-1', 0],
        ['har-1', 1],
        ['har-2', 0],
        ['har-3', 0],
        ['har-1', 2],
      ],
    ]);
  });

  test('a WebSocket is its upgrade and parts of up to 256 messages, by seconds or milliseconds', () => {
    const start = STARTED_US / 1e6;
    const messages = Array.from({ length: 300 }, (_, n) =>
      n % 2 === 0
        ? { type: 'send', time: start + n, opcode: 1, data: `ü${n}` }
        : { type: 'receive', time: (start + n) * 1000, opcode: 2, data: 'AQI=' },
    );
    const { pairs } = only(
      entry({
        ...{ request: { url: 'wss://shop.test/chat' }, response: { status: 101, content: {} } },
        _webSocketMessages: messages,
      }),
      { shiftUs: 1_000_000 },
    );
    expect(pairs.map(({ protocol, seq, part }) => [protocol, seq, part])).toEqual([
      ['http/1.1', 0, undefined],
      ['websocket', 1, { index: 0, last: false }],
      ['websocket', 1, { index: 1, last: true }],
    ]);
    expect(pairs[1]!.messages!.slice(0, 2)).toMatchObject([
      { from: 'client', kind: 'text', offsetUs: 0, size: 3, data: Buffer.from('ü0') },
      { from: 'server', kind: 'binary', offsetUs: 1_000_000, size: 2, data: Buffer.from([1, 2]) },
    ]);
    expect(pairs[1]!.tsUs).toBe(STARTED_US + 1_000_000);
    expect(pairs[2]!.messages).toHaveLength(44);
  });

  test.each([
    ['no-response', entry({ response: { status: 0 } })],
    ['no-response', entry({ response: { status: -1, _failureText: 'net::ERR' } })],
    ['no-response', entry({ response: { status: 200 }, _error: 'net::ERR_ABORTED' })],
    ['from-cache', entry({ _fromCache: 'disk' })],
    ['not-http', entry({ request: { url: 'data:text/plain,hi' } })],
    ['not-http', entry({ request: { url: 'chrome-extension://abc/x.js' } })],
    ['damaged', entry({ request: { url: 'nonsense' } })],
    ['damaged', entry({ request: { method: 'G ET' } })],
    ['damaged', entry({ startedDateTime: 'yesterday' })],
    ['damaged', entry({ response: { status: 20_000 } })],
    ['damaged', null],
    ['damaged', [[]]],
    ['damaged', { request: 7, response: null }],
  ])('%s: an entry that is no pair', (reason, value) => {
    expect(convert(value)).toBe(reason);
  });

  test('hosts are taken by name, with or without port', () => {
    for (const host of ['shop.test', 'SHOP.test:8080']) expect(only(entry(), { hosts: [host] })).toBeTruthy();
    expect(convert(entry(), { hosts: ['test', 'shop.test:80'] })).toBe('other-host');
  });
});

test('startedUs() keeps microseconds and answers null for what is no time', () => {
  expect(startedUs({ startedDateTime: STARTED })).toBe(STARTED_US);
  expect(startedUs({ startedDateTime: '2026-03-01T09:00:00Z' })).toBe(
    Date.parse('2026-03-01T09:00:00Z') * 1000,
  );
  expect([startedUs({}), startedUs(null), startedUs({ startedDateTime: 5 })]).toEqual([null, null, null]);
});
