// What the forwarder exports, read by OpenTelemetry's own schema and Google's protobuf in Python: every pair is understood
// whole, as a log record and as a span, whatever it holds.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { silentLogger, systemClock } from '@echoplane/runtime';
import type { RRPair } from '@echoplane/traffic';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ARRIVAL, anyCapturedPair, capturedPair } from '../packages/forwarder/src/captured.fixture.ts';
import { decodePair } from '../packages/forwarder/src/intake/decode-pair.ts';
import { OtlpExport } from '../packages/forwarder/src/otlp/otlp-export.ts';
import { findProgram } from './object-stores.ts';

interface Seen {
  signal: 'logs' | 'traces';
  refused?: string;
  [field: string]: unknown;
}

let collector: ChildProcess;
let url: string;
const seen: Seen[] = [];

beforeEach(async () => {
  seen.length = 0;
  const script = join(import.meta.dirname, 'otlp_collector.py');
  collector = spawn(findProgram('otlp_python')!, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface(collector.stdout!);
  const [first] = (await once(lines, 'line')) as [string];
  url = `http://127.0.0.1:${(JSON.parse(first) as { port: number }).port}`;
  lines.on('line', (line) => seen.push(JSON.parse(line)));
});
afterEach(async () => {
  collector.kill('SIGKILL');
  await once(collector, 'close');
});

/** Exports the pairs and waits until the collector has said something of each. */
async function exported(pairs: readonly RRPair[]): Promise<void> {
  const options = { url, rules: null, clock: systemClock(), log: silentLogger() };
  const sink = new OtlpExport({ ...options, signals: 'both', batchDelayMs: 10 });
  const halt = new AbortController();
  const running = sink.run(halt.signal);
  for (const pair of pairs) sink.offer(pair);
  await expect.poll(() => seen.length, { interval: 20 }).toBeGreaterThanOrEqual(2 * pairs.length);
  // The collector says what it saw before it answers.
  await expect
    .poll(() => Object.values(sink.status().signals).map(({ sent, dropped }) => ({ sent, dropped })))
    .toEqual(Array(2).fill({ sent: pairs.length, dropped: {} }));
  halt.abort();
  await running;
  expect(seen.filter(({ refused }) => refused !== undefined)).toEqual([]);
  for (const { sent, dropped } of Object.values(sink.status().signals))
    expect({ sent, dropped }).toEqual({ sent: pairs.length, dropped: {} });
}

test('a pair is understood as it was', async () => {
  const trace = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  const decoded = decodePair(capturedPair(7), ARRIVAL, { leftBytes: 0 })!;
  const pair = { ...decoded, trace, direction: 'OUT' as const };
  await exported([pair]);
  const startNano = Number(`${pair.ts}000`);
  const resource = {
    ...{ 'service.name': 'shop', 'service.namespace': 'demo', 'k8s.cluster.name': 'local' },
    ...{ 'k8s.namespace.name': 'demo', 'k8s.pod.name': 'shop-1', 'k8s.container.name': 'shop' },
  };
  const attributes = {
    ...{ 'http.request.method': 'GET', 'http.response.status_code': 200, 'server.port': 8080 },
    'url.full': 'http://shop:8080/orders/7?full=1',
  };
  expect(seen.find(({ signal }) => signal === 'traces')).toMatchObject({
    ...{ resource, attributes, traceId: trace.traceId, parentSpanId: trace.spanId },
    ...{ spanId: pair.id.replaceAll('-', '').slice(16), name: 'GET /orders/{id}', kind: 3, status: 0 },
    times: [startNano, startNano + 1_500_000],
  });
  const log = seen.find(({ signal }) => signal === 'logs')!;
  expect(log).toMatchObject({
    ...{ resource, attributes, traceId: trace.traceId, severity: 9, eventName: 'echoplane.rrpair' },
    body: 'GET /orders/{id} 200 1.5 ms',
  });
  const line = (log.attributes as Record<string, string>)['echoplane.rrpair']!;
  expect(JSON.parse(line)).toEqual(pair);
});

test('any pair that a forwarder takes is understood', async () => {
  const wild = fc
    .sample(anyCapturedPair, 2_000)
    .map((captured) => decodePair(captured, ARRIVAL, { leftBytes: 1 << 20 }))
    .filter((pair) => pair !== null);
  expect(wild.length).toBeGreaterThan(500);
  await exported(wild);
});
