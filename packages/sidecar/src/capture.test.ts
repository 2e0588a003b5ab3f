import { BatchBuilder, type CapturedPair, CaptureFrameDecoder, type EncodablePair } from '@echoplane/wire';
import { describe, expect, test } from 'vitest';
import { Capture, type ConnectionFacts } from './capture.ts';
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
  const [message] = [...new CaptureFrameDecoder({ preface: false }).feed(frame)];
  if (message?.type !== 'batch') throw new Error('not a batch');
  return message.value.pairs[0]!;
}

function setUp(options: { maxConnections?: number; fails?: boolean } = {}) {
  const pairs: CapturedPair[] = [];
  const metrics = new Metrics();
  let nowUs = 1_700_000_000_000_000;
  const offerEncodable = (encodable: EncodablePair) => {
    const pair = decoded(encodable);
    if (options.fails) throw new Error('no room');
    pairs.push(pair);
  };
  const capture = new Capture({
    sink: { offerEncodable },
    clock: { nowUs: () => (nowUs += 10) },
    metrics,
    incarnation: 'life',
    bodyLimitBytes: 100,
    maxConnections: options.maxConnections ?? 10,
    tags: { build: 'v1' },
  });
  return { capture, pairs, metrics, open: (facts = OUT) => capture.open({ ...facts }) };
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
    ['http2', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], []],
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
});
