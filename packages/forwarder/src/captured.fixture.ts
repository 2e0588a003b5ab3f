// Captured pairs for tests: one sound pair to vary, and arbitrary ones, sound and broken.
import { createHash } from 'node:crypto';

import { type RRPair, settleBody } from '@echoplane/traffic';
import type { CapturedMessage, CapturedPair, Hello } from '@echoplane/wire';
import fc from 'fast-check';
import { type Arrival, decodePair } from './intake/decode-pair.ts';
import type { Refinery } from './intake/refinery.ts';

export const HELLO: Hello = {
  ...{ version: 1, incarnation: 'life-1', hop: 'sidecar', cluster: 'local', namespace: 'demo' },
  ...{ workloadKind: 'Process', workload: 'shop', pod: 'shop-1', container: 'shop' },
};

/** When the pairs of a test are captured and decoded: a minute that began an hour ago. */
export const NOW_US = Math.floor(Date.now() / 60_000 - 60) * 60_000_000;

const digestOf = (credential: string) => createHash('sha256').update(credential).digest('hex').slice(0, 16);

/** Who captured them, when they came, and what stands for a credential. */
export const ARRIVAL: Arrival = { from: HELLO, nowUs: NOW_US, digest: digestOf };

/** Decodes, and leaves bodies as they are stored; null when the pair is damaged. */
export function decoded(captured: CapturedPair, budget = { leftBytes: 1 << 20 }): RRPair | null {
  const pair = decodePair(captured, ARRIVAL, budget);
  if (pair?.request) settleBody(pair.request.body);
  if (pair?.response) settleBody(pair.response.body);
  return pair;
}

/** A refinery that only decodes. */
export const PLAIN_REFINERY: Pick<Refinery, 'refine' | 'ruleVersion'> = {
  ruleVersion: 'test-1',
  refine(captured) {
    const pair = decoded(captured);
    return pair && { pair, fate: 'ship' };
  },
};

/** A UUIDv7 that `n` tells apart. */
export function idOf(n: number): string {
  return `0190a0a0-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function messageOf(head: string, body: Uint8Array | string = '', bodySize?: number): CapturedMessage {
  const bytes = Buffer.from(body as string);
  return {
    head: Buffer.from(head, 'latin1'),
    body: bytes,
    bodySize: bodySize ?? bytes.length,
    trailers: Buffer.alloc(0),
    chunks: [],
  };
}

export function capturedPair(n: number, changes: Partial<CapturedPair> = {}): CapturedPair {
  return {
    id: idOf(n),
    tsUs: NOW_US + n * 1_000,
    durationUs: 1_500,
    ttfbUs: 900,
    ...{ direction: 'IN', protocol: 'http/1.1', scheme: 'http' },
    client: { ip: '127.0.0.1', port: 50_000, host: '' },
    server: { ip: '127.0.0.1', port: 8080, host: 'shop' },
    ...{ tls: null, connection: 'c-1', seq: n },
    request: messageOf(`GET /orders/${n}?full=1 HTTP/1.1\r\nHost: shop:8080\r\n\r\n`),
    response: messageOf('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n', `{"order":${n}}`),
    ...{ sentBytes: 0, receivedBytes: 0, error: '', gapReason: '', tags: {} },
    ...changes,
  };
}

const anyNumber = fc.oneof(
  fc.nat(70_000),
  fc.integer(),
  fc.double(),
  fc.constantFrom(-1, 2 ** 53, Number.NaN),
);
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.string().map((text) => Buffer.from(text)),
);
const heads = [
  'GET /a HTTP/1.1\r\n',
  'OPTIONS * HTTP/1.1\r\n',
  'CONNECT a:1 HTTP/1.1\r\n',
  'HTTP/1.1 204\r\n',
  ':method: GET\r\n:path: /a\r\n',
  ':status: 204\r\n',
  '',
];
const fields = [
  'Host: a',
  'Host: a b',
  'Content-Encoding: gzip',
  'content-encoding: constructor',
  'Cookie: sid=1; ',
  ': x',
];
const anyHead = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc
    .tuple(fc.constantFrom(...heads), fc.array(fc.constantFrom(...fields), { maxLength: 4 }), fc.string())
    .map(([line, lines, junk]) => Buffer.from(`${line}${[...lines, junk].join('\r\n')}\r\n\r\n`)),
);
const anyMessage: fc.Arbitrary<CapturedMessage> = fc
  .record({
    head: anyHead,
    body: anyBytes,
    bodySize: anyNumber,
    trailers: fc.uint8Array({ maxLength: 30 }),
    chunks: fc.array(anyNumber, { maxLength: 4 }),
    honest: fc.boolean(),
  })
  .map(({ honest, ...message }) => (honest ? { ...message, bodySize: message.body.length } : message));
const anyAddress = fc.record({
  ip: fc.constantFrom('10.0.0.1', '::1', ''),
  port: anyNumber,
  host: fc.string(),
});

const anyField = {
  id: fc.oneof(fc.uuid(), fc.string()),
  ...{ tsUs: anyNumber, durationUs: anyNumber, ttfbUs: anyNumber, seq: anyNumber },
  direction: fc.constantFrom('IN', 'OUT', 'UP'),
  protocol: fc.oneof(fc.constantFrom('opaque', 'http/2', 'grpc'), fc.string()),
  scheme: fc.constantFrom('http', 'https', 'constructor', ''),
  ...{ client: anyAddress, server: anyAddress },
  tls: fc.option(fc.record({ sni: fc.string(), version: fc.string(), alpn: fc.string() })),
  connection: fc.string(),
  ...{ request: fc.option(anyMessage), response: fc.option(anyMessage) },
  ...{ sentBytes: anyNumber, receivedBytes: anyNumber },
  error: fc.constantFrom('', 'reset', 'nonsense'),
  gapReason: fc.string(),
  tags: fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 }),
};
const fieldNames = Object.keys(anyField) as (keyof typeof anyField)[];

/** A sound pair in which up to three fields, most often a message, have become anything. */
export const anyCapturedPair: fc.Arbitrary<CapturedPair> = fc
  .tuple(fc.record(anyField), fc.subarray([...fieldNames, 'request', 'response'] as const, { maxLength: 3 }))
  .map(([values, changed]) => {
    const changes = Object.fromEntries(changed.map((name) => [name, values[name]]));
    return capturedPair(1, changes as Partial<CapturedPair>);
  });
