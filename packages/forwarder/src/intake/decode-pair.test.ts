import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { bodyBytes, RRPair } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ARRIVAL, anyCapturedPair, capturedPair, decoded, messageOf, NOW_US } from '../captured.fixture.ts';
import { decodePair } from './decode-pair.ts';

function decode(changes: Partial<CapturedPair> = {}, budget = { leftBytes: 1 << 20 }): RRPair {
  return RRPair.parse(decoded(capturedPair(1, changes), budget));
}

function requestWith(head: string, changes: Partial<CapturedPair> = {}) {
  return decode({ request: messageOf(head), ...changes }).request!;
}

function bodyOf(body: Uint8Array | string, encoding?: string) {
  const head = `HTTP/1.1 200 OK\r\n${encoding ? `Content-Encoding: ${encoding}\r\n` : ''}\r\n`;
  return decode({ response: messageOf(head, body) }).response!.body;
}

describe('decodePair()', () => {
  test('gives the whole RRPair of a captured exchange', () => {
    expect(decode({ tags: { replay: 'r' } })).toEqual({
      ...{ v: 1, id: '0190a0a0-0000-7000-8000-000000000001', ts: NOW_US + 1_000 },
      ...{ durationUs: 1_500, ttfbUs: 900, direction: 'IN', protocol: 'http/1.1', tls: null, session: null },
      source: {
        ...{ cluster: 'local', namespace: 'demo', workload: { kind: 'Process', name: 'shop' } },
        ...{ pod: 'shop-1', container: 'shop' },
      },
      client: { ip: '127.0.0.1', port: 50_000, host: null },
      server: { ip: '127.0.0.1', port: 8080, host: 'shop' },
      connection: { id: 'c-1', seq: 1 },
      request: {
        ...{ method: 'GET', url: 'http://shop:8080/orders/1?full=1', version: '1.1' },
        headers: [['Host', 'shop:8080']],
        body: { size: 0, encoding: 'identity' },
      },
      response: {
        ...{ status: 200, reason: 'OK', headers: [['Content-Type', 'application/json']] },
        body: { size: 11, encoding: 'identity', json: { order: 1 } },
      },
      ...{ error: null, tags: { replay: 'r' }, redactions: [] },
    });
  });

  test.each<[string, string, Partial<CapturedPair>, string]>([
    [
      'the Host header names the authority',
      'GET /a?b=%2F HTTP/1.1\r\nHost: api.test\r\n\r\n',
      {},
      'http://api.test/a?b=%2F',
    ],
    [
      'the default port is left out',
      'GET / HTTP/1.1\r\nhost: api.test:443\r\n\r\n',
      { scheme: 'https' },
      'https://api.test/',
    ],
    ['the other default port stays', 'GET / HTTP/1.1\r\nHost: a:443\r\n\r\n', {}, 'http://a:443/'],
    ['without Host the server is named', 'GET /x HTTP/1.0\r\n\r\n', {}, 'http://shop:8080/x'],
    ['a Host that is none is not used', 'GET /x HTTP/1.1\r\nHost: a/b c\r\n\r\n', {}, 'http://shop:8080/x'],
    [
      'an address is bracketed',
      'GET / HTTP/1.0\r\n\r\n',
      { server: { ip: '::1', port: 80, host: '' } },
      'http://[::1]/',
    ],
    ['an absolute target is kept', 'GET http://b:80/?q HTTP/1.1\r\nHost: a\r\n\r\n', {}, 'http://b:80/?q'],
    ['OPTIONS * is the origin', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', {}, 'http://a'],
  ])('url: %s', (_, head, changes, url) => {
    expect(requestWith(head, changes).url).toBe(url);
  });

  test.each<[string, string, object]>([
    ['JSON that stringify gives back is json', '{"a":[1,null]}', { json: { a: [1, null] } }],
    ['JSON with spaces is text', '{"a": 1}', { text: '{"a": 1}' }],
    ['a number that would change is text', '1.0', { text: '1.0' }],
    ['a __proto__ key is text', '{"__proto__":1}', { text: '{"__proto__":1}' }],
    [
      'nesting without end is text',
      '['.repeat(5_000) + ']'.repeat(5_000),
      { text: '['.repeat(5_000) + ']'.repeat(5_000) },
    ],
    ['a byte order mark is kept', '\ufeffhi', { text: '\ufeffhi' }],
  ])('body: %s', (_, body, stored) => {
    expect(bodyOf(body)).toEqual({ size: Buffer.byteLength(body), encoding: 'identity', ...stored });
  });

  test('body: bytes that are not UTF-8 are base64', () => {
    expect(bodyOf(Buffer.from([0xff, 0])).base64).toBe('/wA=');
  });

  test.each([
    ['gzip', gzipSync('{"a":1}')],
    ['deflate', deflateSync('{"a":1}')],
    ['deflate', deflateRawSync('{"a":1}')],
    ['br', brotliCompressSync('{"a":1}')],
    ['zstd', zstdCompressSync('{"a":1}')],
    ['gzip, br', brotliCompressSync(gzipSync('{"a":1}'))],
  ])('a %s body keeps its bytes and gets a readable view', (encoding, bytes) => {
    const body = bodyOf(bytes, encoding);
    expect(body).toMatchObject({ encoding, decoded: '{"a":1}', base64: bytes.toString('base64') });
  });

  test('a compressed body that swells beyond ratio 100, or is damaged, has no readable view', () => {
    expect(bodyOf(gzipSync(Buffer.alloc(1 << 20, 'a')), 'gzip').decoded).toBeUndefined();
    const damaged = Buffer.concat([gzipSync('some text').subarray(0, 12), Buffer.from('not gzip')]);
    expect(bodyOf(damaged, 'gzip')).toEqual({
      ...{ size: damaged.length, encoding: 'gzip', base64: damaged.toString('base64') },
    });
  });

  test('the readable views of a batch share one budget', () => {
    const bytes = gzipSync('x'.repeat(60));
    const response = messageOf('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n', bytes);
    const budget = { leftBytes: 100 };
    const views = [1, 2].map(() => decode({ response }, budget).response!.body.decoded?.length);
    expect(views).toEqual([60, undefined]);
  });

  test('what was cut or shed is named in the gaps', () => {
    const pair = decode({
      request: messageOf('POST / HTTP/1.1\r\n\r\n', 'abc', 10),
      response: messageOf('HTTP/1.1 200 OK\r\n\r\n', '', 5),
      gapReason: 'shed',
    });
    expect(pair.gaps).toEqual({ requestTruncatedBytes: 7, responseTruncatedBytes: 5, reason: 'shed' });
    expect([pair.request!.body.size, pair.response!.body.size]).toEqual([10, 5]);
  });

  test('a session is the hash of the credential, else of a session-like cookie', () => {
    const byToken = decode({
      request: messageOf('GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\nCookie: sid=1\r\n\r\n'),
    });
    const byCookie = decode({
      request: messageOf('GET / HTTP/1.1\r\nCookie: lang=de; PHPSESSID=xyz\r\n\r\n'),
    });
    const none = decode({ request: messageOf('GET / HTTP/1.1\r\nCookie: lang=de\r\n\r\n') });
    expect(byToken.session).toMatch(/^[0-9a-f]{16}$/);
    expect(byCookie.session).toMatch(/^[0-9a-f]{16}$/);
    expect(byCookie.session).not.toBe(byToken.session);
    expect(none.session).toBeNull();
  });

  test('trailers, chunks and opaque pairs are carried over', () => {
    const response = {
      ...messageOf('HTTP/1.1 200 OK\r\n\r\n', 'ab'),
      trailers: Buffer.from('X-Sum: 1\r\n'),
      chunks: [1, 0, 1, 9],
    };
    const pair = decode({ response });
    expect(pair.response).toMatchObject({
      trailers: [['X-Sum', '1']],
      body: {
        chunks: [
          [1, 0],
          [1, 9],
        ],
      },
    });
    const opaque = decode({
      request: null,
      response: null,
      protocol: 'opaque',
      sentBytes: 3,
      receivedBytes: 4,
    });
    expect(opaque).toMatchObject({
      request: null,
      response: null,
      opaque: { sentBytes: 3, receivedBytes: 4 },
    });
  });

  test('a head that cannot be parsed makes the pair undecodable', () => {
    expect(decoded(capturedPair(2, { request: messageOf('nonsense') }))).toBeNull();
  });

  const hour = 3_600_000_000;
  test.each<[string, Partial<CapturedPair>, boolean]>([
    ['a time of the first hour of 1970', { tsUs: 0 }, false],
    ['a time 31 days ago', { tsUs: NOW_US - 31 * 24 * hour }, false],
    ['a time 29 days ago', { tsUs: NOW_US - 29 * 24 * hour }, true],
    ['a time half an hour ahead', { tsUs: NOW_US + hour / 2 }, true],
    ['a time two hours ahead', { tsUs: NOW_US + 2 * hour }, false],
    ['a tag __proto__', { tags: JSON.parse('{"__proto__":"x"}') }, false],
    ['a tag constructor', { tags: { constructor: 'x' } as never }, false],
    ['a tag prototype', { tags: { prototype: 'x' } }, false],
  ])('with %s a pair is decoded or not: %#', (_, changes, isDecoded) => {
    const pair = decodePair(capturedPair(1, changes), ARRIVAL, { leftBytes: 1 << 20 });
    expect(pair !== null).toBe(isDecoded);
  });

  test('never throws; what it returns satisfies the schema and gives the captured bytes back', () => {
    let sound = 0;
    fc.assert(
      fc.property(anyCapturedPair, (captured) => {
        const pair = decoded(captured);
        if (!pair) return;
        sound++;
        const reread = RRPair.parse(JSON.parse(JSON.stringify(pair)));
        for (const half of ['request', 'response'] as const) {
          const message = reread[half];
          if (message) expect(bodyBytes(message.body)).toEqual(Buffer.from(captured[half]!.body));
        }
      }),
      { numRuns: 2_000 },
    );
    expect(sound).toBeGreaterThan(50);
  });
});
