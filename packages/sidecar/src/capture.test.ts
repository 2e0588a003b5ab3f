import { BatchBuilder, type CapturedPair, CaptureFrameDecoder, type EncodablePair } from '@echoplane/wire';
import { describe, expect, test } from 'vitest';
import { Capture, type CaptureOptions, type ConnectionFacts } from './capture.ts';
import { destinationRules } from './destination-rules.ts';
import { Metrics } from './metrics.ts';

const REQUEST = Buffer.from('GET /a HTTP/1.1\r\nHost: h\r\n\r\n');
const RESPONSE = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
const OUT: ConnectionFacts = {
  direction: 'OUT',
  scheme: 'http',
  client: { ip: '127.0.0.1', port: 1, host: '' },
  server: { ip: '', port: 80, host: 'h' },
  tls: null,
};

/** The pair as a forwarder reads it. */
function decoded(pair: EncodablePair): CapturedPair {
  const batch = new BatchBuilder(Buffer.alloc(pair.sizeBytes + 8_192));
  batch.add(pair);
  const frame = batch.close(1, { captured: 1, delivered: 0, withheld: {}, dropped: {} });
  const [message] = [...new CaptureFrameDecoder({ preface: false, unchecked: true }).feed(frame)];
  if (message?.type !== 'batch') throw new Error('not a batch');
  return message.value.pairs[0]!;
}

interface Options extends Partial<Pick<CaptureOptions, 'maxConnections' | 'captureLimitBytes' | 'withhold'>> {
  fails?: boolean;
  isCapturing?: boolean;
}

function setUp(options: Options = {}) {
  const pairs: CapturedPair[] = [];
  const uncounted: string[] = [];
  const metrics = new Metrics();
  let nowUs = 1_700_000_000_000_000;
  const offerEncodable = (encodable: EncodablePair) => {
    const pair = decoded(encodable);
    if (options.fails) throw new Error('no room');
    pairs.push(pair);
  };
  const capture = new Capture({
    sink: {
      offerEncodable,
      withhold: (reason) => uncounted.push(`withheld ${reason}`),
      drop: (reason) => uncounted.push(`dropped ${reason}`),
    },
    clock: { nowUs: () => (nowUs += 10) },
    metrics,
    incarnation: 'life',
    bodyLimitBytes: 100,
    maxConnections: options.maxConnections ?? 10,
    connectionLimitBytes: 1 << 20,
    captureLimitBytes: options.captureLimitBytes ?? 1 << 20,
    tags: { build: 'v1' },
    isCapturing: () => options.isCapturing ?? true,
    withhold: options.withhold ?? null,
    rules: destinationRules({ opaquePorts: [5432], ignoreDstHosts: ['*.secret.example'] }),
    opaqueBytesPorts: new Set([6379]),
  });
  return { capture, pairs, uncounted, metrics, open: (facts = OUT) => capture.open({ ...facts }) };
}

describe('a tap', () => {
  test('makes pairs of one connection, in order, with what is known of it', () => {
    const { open, pairs, capture } = setUp();
    const tap = open();
    tap.connected('10.0.0.1', 80);
    for (let i = 0; i < 2; i++) {
      tap.fromClient(REQUEST, tap.nowUs());
      tap.fromServer(RESPONSE, tap.nowUs());
    }
    expect(pairs.map(({ connection, seq }) => [connection, seq])).toEqual([
      ['life-0', 0],
      ['life-0', 1],
    ]);
    expect(pairs[0]).toMatchObject({
      server: { ip: '10.0.0.1', port: 80, host: 'h' },
      tags: { build: 'v1' },
      ttfbUs: 10,
    });
    expect(capture.openConnections).toBe(1);
    tap.closed(false);
    expect(capture.openConnections).toBe(0);
    expect(pairs).toHaveLength(2);
  });

  test('is quiet before, between and after requests, and not during one', () => {
    const tap = setUp().open();
    expect(tap.isQuiet).toBe(true);
    tap.fromClient(REQUEST, tap.nowUs());
    expect(tap.isQuiet).toBe(false);
    tap.fromServer(RESPONSE.subarray(0, 10), tap.nowUs());
    expect(tap.isQuiet).toBe(false);
    tap.fromServer(RESPONSE.subarray(10), tap.nowUs());
    expect(tap.isQuiet).toBe(true);
  });

  test('is not quiet while a pipelined request waits or begins behind the last answered one', () => {
    const tap = setUp().open();
    tap.fromClient(Buffer.concat([REQUEST, REQUEST]), tap.nowUs());
    tap.fromServer(RESPONSE, tap.nowUs());
    expect(tap.isQuiet).toBe(false);
    tap.fromServer(RESPONSE, tap.nowUs());
    expect(tap.isQuiet).toBe(true);
    tap.fromClient(Buffer.concat([REQUEST, REQUEST.subarray(0, 5)]), tap.nowUs());
    tap.fromServer(RESPONSE, tap.nowUs());
    expect(tap.isQuiet).toBe(false);
  });

  test('reports a request whose server could not be reached, and nothing when there was none', () => {
    const { open, pairs } = setUp();
    const [asked, silent] = [open(), open()];
    asked.fromClient(REQUEST, asked.nowUs());
    for (const tap of [asked, silent]) {
      tap.connectFailed();
      tap.closed(true);
    }
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({ error: 'connect-failed', response: null, ttfbUs: -1 });
  });

  test.each([
    ['server-closed', (tap: ReturnType<Capture['open']>) => tap.serverEnded(), false],
    ['client-closed', (tap: ReturnType<Capture['open']>) => tap.clientEnded(), true],
    ['reset', () => {}, true],
  ] as const)('names how an unanswered request ended: %s', (error, end, failed) => {
    const { open, pairs } = setUp();
    const tap = open();
    tap.fromClient(REQUEST, tap.nowUs());
    end(tap);
    tap.closed(failed);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]!.error).toBe(error);
  });

  test.each([
    ['server-first', [], ['220 hi\r\n']],
    ['unknown-protocol', ['\x00\x01'], ['x']],
    ['unknown-protocol', ['GET'], []],
    [
      'conflicting-framing',
      ['POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
      ['no'],
    ],
  ])('reports what it cannot decode as one opaque pair: %s', (gapReason, sent, received) => {
    const { open, pairs } = setUp();
    const tap = open();
    for (const piece of sent) tap.fromClient(Buffer.from(piece), tap.nowUs());
    for (const piece of received) tap.fromServer(Buffer.from(piece), tap.nowUs());
    tap.closed(false);
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({ protocol: 'opaque', gapReason, request: null, response: null });
    expect(pairs[0]).toMatchObject({
      sentBytes: sent.join('').length,
      receivedBytes: received.join('').length,
    });
  });

  test('says nothing of a connection on which nothing was said', () => {
    const { open, pairs } = setUp();
    open().closed(false);
    expect(pairs).toHaveLength(0);
  });

  test('never throws: an error of the capture makes the connection opaque and is counted', () => {
    const { open, metrics, capture } = setUp({ fails: true });
    const tap = open();
    tap.fromClient(REQUEST, tap.nowUs());
    tap.fromServer(RESPONSE, tap.nowUs());
    tap.fromClient(REQUEST, tap.nowUs());
    tap.fromServer(RESPONSE, tap.nowUs());
    tap.closed(false);
    expect(metrics.get('framing_errors', 'OUT')).toBe(2);
    expect(metrics.get('connections_opaque', 'framing-failed')).toBe(2);
    expect(capture.openConnections).toBe(0);
  });

  test('above the limit sees nothing', () => {
    const { open, pairs, metrics, capture } = setUp({ maxConnections: 1 });
    const [first, second] = [open(), open()];
    second.fromClient(REQUEST, second.nowUs());
    second.closed(true);
    expect([pairs.length, capture.openConnections]).toEqual([0, 1]);
    expect(metrics.get('connections_unseen', 'OUT')).toBe(1);
    first.closed(false);
  });

  test('holds pairs back by rule and counts them, and asks nothing of the rest', () => {
    const { open, pairs, uncounted } = setUp({
      withhold: (head) => (head.includes('/a') ? 'sampled' : null),
    });
    const tap = open();
    for (const path of ['/a', '/b']) {
      tap.fromClient(Buffer.from(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`), tap.nowUs());
      tap.fromServer(RESPONSE, tap.nowUs());
    }
    expect(pairs.map(({ seq }) => seq)).toEqual([1]);
    expect(uncounted).toEqual(['withheld sampled']);
  });

  test('does not record what goes to a name or port that is not to be decoded', () => {
    const { open, pairs, uncounted, metrics } = setUp();
    const named = open();
    named.fromClient(Buffer.from('GET / HTTP/1.1\r\nhost: a.secret.example:80\r\n\r\n'), named.nowUs());
    named.fromServer(RESPONSE, named.nowUs());
    expect([pairs.length, uncounted]).toEqual([0, ['withheld ignored-host']]);
    const port = open({ ...OUT, server: { ip: '', port: 5432, host: 'db' } });
    port.fromClient(REQUEST, port.nowUs());
    port.closed(false);
    expect(pairs).toMatchObject([{ protocol: 'opaque', gapReason: 'opaque-port', messages: [] }]);
    expect(metrics.get('connections_opaque', 'opaque-port')).toBe(1);
  });

  test('keeps bytes of an opaque connection only where a rule asks for them', () => {
    const { open, pairs } = setUp();
    const tap = open({ ...OUT, server: { ip: '', port: 6379, host: 'cache' } });
    tap.fromClient(Buffer.from('*1\r\n'), tap.nowUs());
    tap.fromServer(Buffer.alloc(150, '+'), tap.nowUs());
    tap.closed(false);
    expect(pairs[0]!.messages!.map(({ from, size, data }) => [from, size, data.length])).toEqual([
      ['client', 4, 4],
      ['server', 100, 100],
    ]);
  });

  test('counts the bytes of opaque connections among what is held, and gives them up at the limit', () => {
    const { open, pairs, capture } = setUp({ captureLimitBytes: 2_000 });
    const taps = Array.from({ length: 4 }, () => open({ ...OUT, server: { ip: '', port: 6379, host: '' } }));
    for (const tap of taps) {
      tap.fromServer(Buffer.alloc(150, '+'), tap.nowUs());
      expect(capture.heldBytes).toBeLessThanOrEqual(500);
    }
    for (const tap of taps) tap.closed(false);
    expect(pairs.map(({ messages, gapReason }) => [messages?.length ?? 0, gapReason])).toEqual([
      [1, 'server-first'],
      [1, 'server-first'],
      [0, 'memory'],
      [0, 'memory'],
    ]);
    expect(capture.heldBytes).toBe(0);
  });

  test('when all hold too much the one that holds more is given up, and what it had begun is counted', () => {
    const { open, pairs, uncounted, metrics, capture } = setUp({ captureLimitBytes: 10_000 });
    const [small, large] = [open(), open()];
    small.fromClient(REQUEST, small.nowUs());
    for (let i = 0; i < 300; i++) large.fromClient(REQUEST, large.nowUs());
    large.closed(true);
    small.fromServer(RESPONSE, small.nowUs());
    small.closed(false);
    const dropped = uncounted.filter((what) => what === 'dropped memory').length;
    expect(dropped).toBeGreaterThan(50);
    expect(metrics.get('connections_opaque', 'memory')).toBe(1);
    expect(pairs.map(({ protocol }) => protocol)).toEqual(['opaque', 'http/1.1']);
    expect(capture.heldBytes).toBe(0);
  });

  test('captures nothing while it is not to', () => {
    const { open, pairs, metrics } = setUp({ isCapturing: false });
    const tap = open();
    tap.fromClient(REQUEST, tap.nowUs());
    tap.closed(false);
    expect([pairs.length, metrics.get('connections_unseen', 'OUT')]).toEqual([0, 1]);
  });

  test('decodes HTTP/2 whose server speaks first, and nothing else of the kind', () => {
    const settings = Buffer.from('000000040000000000', 'hex');
    const preface = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), settings]);
    const { open, capture, pairs } = setUp();
    const tap = open();
    tap.fromServer(settings, tap.nowUs());
    tap.fromClient(preface, tap.nowUs());
    expect(capture.describe()).toMatchObject([{ state: 'http/2' }]);
    tap.closed(false);
    const other = open();
    other.fromServer(settings, other.nowUs());
    other.fromClient(REQUEST, other.nowUs());
    other.closed(false);
    expect(pairs).toMatchObject([{ protocol: 'opaque', gapReason: 'server-first' }]);
  });

  test('reports a head that never ended as one opaque pair', () => {
    const { open, pairs } = setUp();
    const tap = open();
    tap.fromClient(Buffer.from('GET /slow HTTP/1.1\r\nHost:'), tap.nowUs());
    tap.fromServer(Buffer.from('<html>'), tap.nowUs());
    tap.closed(false);
    expect(pairs).toMatchObject([{ protocol: 'opaque', gapReason: 'unfinished-head', sentBytes: 25 }]);
  });
});
