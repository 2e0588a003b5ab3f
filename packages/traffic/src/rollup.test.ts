import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indexRow } from './index-row.ts';
import { fixedId, sketchPair } from './pair.fixture.ts';
import { bucketValue, latencyBucket, mergeBuckets, quantile, rollupPartials } from './rollup.ts';

test('a bucket represents every latency in it within 1.6 %', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4_000_000_000 }), (us) => {
      expect(Math.abs(bucketValue(latencyBucket(us)) - us)).toBeLessThanOrEqual(us < 32 ? 0 : us * 0.016);
    }),
    { numRuns: 2_000 },
  );
});

test('buckets rise with latency, without a gap at powers of two', () => {
  let last = -1;
  for (let us = 0; us < 5_000; us++) {
    const bucket = latencyBucket(us);
    expect(bucket - last).toBeGreaterThanOrEqual(0);
    expect(bucket - last).toBeLessThanOrEqual(1);
    last = bucket;
  }
});

test('partials count every row once, apart by minute, direction, endpoint, status class and replay', () => {
  const position = { segment: fixedId(1), frame: 0, frameOffset: 0, frameLength: 1, line: 0 };
  const rows = [200, 201, 404, 200].map((status, n) =>
    indexRow(sketchPair({ n, status, tags: n === 3 ? { replay: 'r' } : {} }), position, '/'),
  );
  const partials = rollupPartials(rows);
  expect(partials.map((p) => [p.statusClass, p.replay, p.count])).toEqual([
    ['2xx', '', 2],
    ['4xx', '', 1],
    ['2xx', 'r', 1],
  ]);
  expect(partials[0]!.latencySumUs).toBe(10_000);
});

test('a stream in parts counts once, and the messages of a WebSocket not at all', () => {
  const position = { segment: fixedId(1), frame: 0, frameOffset: 0, frameLength: 1, line: 0 };
  const pairs = [0, 1, 2].map((index) => ({
    ...sketchPair({ n: index }),
    part: { index, last: index === 2 },
  }));
  const messages = { ...sketchPair({ n: 9 }), protocol: 'websocket', part: { index: 0, last: true } };
  const rows = [...pairs, messages].map((pair) => indexRow(pair, position, '/'));
  expect(rows.map(({ part }) => part)).toEqual([0, 1, 2, 0]);
  expect(rollupPartials(rows).map(({ count }) => count)).toEqual([1]);
});

test('quantile() of merged buckets is the quantile of all samples', () => {
  const a = [latencyBucket(100), 50];
  const b = [latencyBucket(100), 25, latencyBucket(10_000), 25];
  const all = mergeBuckets(a, b);
  expect(all).toEqual([latencyBucket(100), 75, latencyBucket(10_000), 25]);
  expect(quantile(all, 0.75)).toBe(bucketValue(latencyBucket(100)));
  expect(quantile(all, 0.76)).toBe(bucketValue(latencyBucket(10_000)));
  expect(quantile([], 0.5)).toBeNull();
});
