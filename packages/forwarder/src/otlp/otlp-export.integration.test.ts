// The second sink against a real HTTP server that answers as collectors do, well and badly.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { OperatingError, Secret, silentLogger, systemClock } from '@echoplane/runtime';
import { type RRPair, total } from '@echoplane/traffic';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ARRIVAL, capturedPair } from '../captured.fixture.ts';
import { decodePair } from '../intake/decode-pair.ts';
import { OtlpExport, type OtlpExportOptions, parseOtlpHeaders } from './otlp-export.ts';
import { type OtlpCounts, retryAfterMs } from './otlp-line.ts';

const PATIENCE = { timeout: 20_000, interval: 5 };

interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  names: string[];
}

const received: Received[] = [];
let answer: (response: ServerResponse, received: Received) => void;
let server: ReturnType<typeof createServer>;
let url: string;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  received.length = 0;
  answer = (response) => response.end('{}');
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(gunzipSync(Buffer.concat(chunks)).toString());
    const records = JSON.stringify(body).match(/"echoplane\.id","value":\{"stringValue":"([^"]+)"/g) ?? [];
    const one = {
      path: request.url!,
      headers: request.headers,
      names: records.map((id) => id.slice(-37, -1)),
    };
    received.push(one);
    answer(response, one);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  server.closeAllConnections();
  server.close();
});

function start(changes: Partial<OtlpExportOptions> = {}) {
  const options: OtlpExportOptions = {
    ...{ url, signals: 'logs', rules: null, clock: systemClock(), log: silentLogger() },
    ...{ batchDelayMs: 10, retry: { firstMs: 5, maxMs: 20 }, lastWordMs: 200, ...changes },
  };
  const sink = new OtlpExport(options);
  const halt = new AbortController();
  const running = sink.run(halt.signal);
  const stop = () => {
    halt.abort();
    return running;
  };
  closing.push(stop);
  return { sink, stop, logs: () => sink.status().signals.logs! };
}

function pair(n: number): RRPair {
  return decodePair(capturedPair(n), ARRIVAL, { leftBytes: 0 })!;
}

function isExplained({ offered, sent, rejected, dropped, heldItems }: OtlpCounts): boolean {
  return offered === sent + rejected + total(dropped) + heldItems;
}

describe('OtlpExport', () => {
  test('sends both signals, compressed, with the headers given, each pair once', async () => {
    const headers = new Secret('Authorization=Basic%20abc%3D,x-scope=7');
    const { sink } = start({ signals: 'both', headers });
    for (let n = 0; n < 500; n++) sink.offer(pair(n));
    const { signals } = sink.status();
    expect(Object.keys(signals)).toEqual(['logs', 'traces']);
    await expect
      .poll(() => Object.values(sink.status().signals).map(({ sent }) => sent), PATIENCE)
      .toEqual([...[500, 500]]);
    for (const path of ['/v1/logs', '/v1/traces']) {
      const ids = received.filter((one) => one.path === path).flatMap(({ names }) => names);
      expect(new Set(ids).size).toBe(500);
      expect(ids).toHaveLength(500);
    }
    for (const one of received) {
      expect(one.headers).toMatchObject({
        ...{ 'content-type': 'application/json', 'content-encoding': 'gzip' },
        ...{ authorization: 'Basic abc=', 'x-scope': '7' },
      });
    }
    expect(JSON.stringify([sink.status(), sink.samples()])).not.toContain('abc');
  });

  test.each([429, 502, 503, 504, 0])(
    'asks again after %d, and nothing is lost or sent twice',
    async (status) => {
      let refusals = 3;
      answer = (response) => {
        if (refusals-- <= 0) return response.end('{}');
        if (status === 0) return response.destroy();
        return response.writeHead(status, { 'retry-after': '0' }).end();
      };
      const { sink, logs } = start();
      for (let n = 0; n < 10; n++) sink.offer(pair(n));
      await expect.poll(() => logs().sent, PATIENCE).toBe(10);
      expect(logs()).toMatchObject({ offered: 10, rejected: 0, dropped: {}, heldBytes: 0, failures: 0 });
    },
  );

  test.each([400, 401, 413, 302, 500])('%d is final: dropped and counted', async (status) => {
    answer = (response) => response.writeHead(status, { location: '/elsewhere' }).end('no');
    const { sink, logs } = start();
    sink.offer(pair(1));
    await expect.poll(() => logs().dropped, PATIENCE).toEqual({ refused: 1 });
    expect(received.map(({ path }) => path)).toEqual(['/v1/logs']);
  });

  test('partial success is counted', async () => {
    answer = (response) => response.end('{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"x"}}');
    const { sink, logs } = start();
    for (let n = 0; n < 10; n++) sink.offer(pair(n));
    await expect.poll(() => logs(), PATIENCE).toMatchObject({ sent: 7, rejected: 3, heldItems: 0 });
  });

  test('with the collector away memory is bounded, the oldest go, and every one is explained', async () => {
    let isAway = true;
    answer = (response) => (isAway ? response.writeHead(503).end() : response.end('{}'));
    const queueBytes = 200_000;
    const { sink, logs } = start({ queueBytes, batchBytes: 20_000 });
    for (let n = 0; n < 1_000; n++) {
      sink.offer(pair(n));
      expect(logs().heldBytes).toBeLessThanOrEqual(queueBytes);
    }
    expect(logs().dropped['queue-full']).toBeGreaterThan(0);
    expect(isExplained(logs())).toBe(true);
    await expect.poll(() => logs().failures, PATIENCE).toBeGreaterThan(1);
    isAway = false;
    received.length = 0;
    await expect.poll(() => logs().heldItems, PATIENCE).toBe(0);
    expect(isExplained(logs())).toBe(true);
    expect(received.flatMap(({ names }) => names)).toContain(pair(999).id);
  });

  test('the end has a last word, and what it cannot say is counted', async () => {
    // It ends when all is said: only what cannot be said takes the whole time.
    const told = start({ batchDelayMs: 60_000, lastWordMs: 20_000 });
    told.sink.offer(pair(1));
    await told.stop();
    expect(told.logs()).toMatchObject({ sent: 1, heldItems: 0 });
    answer = (response) => response.writeHead(503).end();
    const unheard = start({ batchDelayMs: 60_000 });
    unheard.sink.offer(pair(2));
    await unheard.stop();
    expect(unheard.logs()).toMatchObject({ sent: 0, dropped: { shutdown: 1 }, heldItems: 0, heldBytes: 0 });
  });

  test('rules of its own filter and redact a copy; what they cannot judge does not leave', async () => {
    const rules = {
      version: 'own-1',
      keeps: ({ connection }: RRPair) => connection.seq !== 2,
      redact(one: RRPair) {
        if (one.connection.seq === 3) throw new Error('a pattern failed');
        one.request!.url = 'http://shop/redacted';
      },
    };
    const { sink, logs } = start({ rules });
    expect(sink.wantsUnredacted).toBe(true);
    const pairs = [1, 2, 3].map(pair);
    for (const one of pairs) sink.offer(one);
    await expect.poll(() => logs().sent, PATIENCE).toBe(1);
    expect(received.flatMap(({ names }) => names)).toEqual([pairs[0]!.id]);
    expect(pairs[0]!.request!.url).toBe('http://shop:8080/orders/1?full=1');
    expect(sink.status()).toMatchObject({ rules: 'own-1', withheld: { filtered: 1, unredactable: 1 } });
  });
});

test.each(['nonsense', '=x', 'a=%', 'a=%0d%0aX: y', 'a b=c'])(
  'headers %j are refused without being repeated',
  (text) => {
    const refused = () => parseOtlpHeaders(text);
    expect(refused).toThrow(OperatingError);
    expect(refused).toThrow(/^ECHOPLANE_OTLP_HEADERS is not name=value,name=value with/);
  },
);

test.each([
  ['3', 3_000],
  ['0', 0],
  ['86400', 300_000],
  ['Thu, 01 Jan 1970 00:00:05 GMT', 4_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', null],
  [null, null],
])('Retry-After %j', (value, ms) => {
  expect(retryAfterMs(value, 1_000)).toBe(ms);
});
