import { MAX_OBSERVATION_BATCH_BYTES, MAX_OBSERVATIONS, Observation } from '@echoplane/api';
import { expect, test } from 'vitest';
import { ObservationQueue, type Seen } from './observation-queue.ts';

const REPLAY = '019c0000-0000-7000-8000-00000000000f';
const of = { namespace: 'shop', pod: 'cart-1', container: 'app' };
const log = (line: string): Seen => ({ kind: 'log', ts: 1, ...of, line });
const metric = (ts: number): Seen => ({ kind: 'metric', ts, ...of, cpuMillicores: 1, memoryBytes: 2 });
const queueOf = (maxBytes?: number) =>
  new ObservationQueue({ replay: REPLAY, nowUs: () => 9, ...(maxBytes ? { maxBytes } : {}) });
const linesOf = (batch: { body: Buffer } | null) =>
  (batch?.body.toString().trimEnd().split('\n') ?? []).map((line) => Observation.parse(JSON.parse(line)));

test('what goes in comes out once, as observations of the replay, others before logs', () => {
  const queue = queueOf();
  queue.put(log('a'));
  queue.put(metric(5));
  queue.put(log('b'));
  expect(linesOf(queue.take())).toEqual([
    { replay: REPLAY, ...metric(5) },
    { replay: REPLAY, ...log('a') },
    { replay: REPLAY, ...log('b') },
  ]);
  expect(queue.take()).toBeNull();
  expect([queue.length, queue.bytes]).toEqual([0, 0]);
});

test('when it is full the oldest logs go first, then the oldest of all, and a note says so once', () => {
  const queue = queueOf(2_000);
  queue.put(metric(1));
  for (let i = 0; i < 30; i++) queue.put(log(`line ${i}`));
  expect(queue.bytes).toBeLessThanOrEqual(2_000);
  const { log: dropped } = queue.dropped;
  expect(queue.dropped).toEqual({ log: dropped, event: 0, metric: 0, note: 0 });
  const seen = linesOf(queue.take());
  expect(seen[0]).toMatchObject({
    code: 'observations-dropped',
    message: expect.stringContaining(`${dropped} log`),
  });
  expect(seen[1]).toMatchObject({ kind: 'metric', ts: 1 });
  expect(seen.at(-1)).toMatchObject({ line: 'line 29' });
  queue.put(log('calm'));
  expect(linesOf(queue.take())).toMatchObject([{ line: 'calm' }]);
  for (let i = 0; i < 40; i++) queue.put(metric(i));
  expect(queue.dropped.metric).toBeGreaterThan(0);
  expect(linesOf(queue.take()).filter(({ kind }) => kind === 'metric')[0]!.ts).toBeGreaterThan(0);
});

test('a batch is bounded in number and in bytes, and nothing is lost between two', () => {
  const queue = queueOf();
  for (let i = 0; i < MAX_OBSERVATIONS + 5; i++) queue.put(metric(i));
  expect(queue.take()!.count).toBe(MAX_OBSERVATIONS);
  expect(queue.take()!.count).toBe(5);
  for (let i = 0; i < 100; i++) queue.put(log('x'.repeat(16_000)));
  const sizes: number[] = [];
  let count = 0;
  for (let batch = queue.take(); batch; batch = queue.take()) {
    sizes.push(batch.body.length);
    count += batch.count;
  }
  expect(count).toBe(100);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_OBSERVATION_BATCH_BYTES);
});
