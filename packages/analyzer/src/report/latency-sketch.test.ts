import * as hdr from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import { LatencySketch, sketchOfHistogram } from './latency-sketch.ts';
import { quantilesOf, sketchOfQuantiles } from './quantiles.ts';
import { chanceOfHigher } from './rank-test.ts';

const spread = (count: number, step: number) => Array.from({ length: count }, (_, n) => (n + 1) * step);

describe('LatencySketch', () => {
  test('gives percentiles by nearest rank, exactly below 2 ms and to a thousandth above', () => {
    const small = LatencySketch.of([5, 1, 4, 2, 3]);
    expect([0.2, 0.5, 0.99].map((share) => small.percentileUs(share))).toEqual([1, 3, 5]);
    const large = LatencySketch.of(spread(10_000, 997));
    for (const share of [0.5, 0.95, 0.99, 0.999]) {
      const exact = Math.ceil(share * 10_000) * 997;
      expect(Math.abs(large.percentileUs(share)! - exact) / exact).toBeLessThan(0.001);
    }
    expect(large).toMatchObject({ count: 10_000, minUs: 997, maxUs: 9_970_000, meanUs: 997 * 5_000.5 });
  });

  test('of nothing has no percentiles', () => {
    expect(new LatencySketch().toLatency()).toEqual({
      count: 0,
      p50Us: null,
      p95Us: null,
      p99Us: null,
      p999Us: null,
    });
  });

  test('merged is as if all had been added to one', () => {
    const [low, high] = [LatencySketch.of(spread(50, 10)), LatencySketch.of(spread(50, 9_000))];
    const both = LatencySketch.merged([low, high]);
    expect(both.toLatency()).toEqual(LatencySketch.of([...spread(50, 10), ...spread(50, 9_000)]).toLatency());
  });

  test('reads what a generator encoded', () => {
    const histogram = hdr.build({ highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });
    for (const us of spread(1_000, 137)) histogram.recordValue(us);
    const read = sketchOfHistogram(hdr.encodeIntoCompressedBase64(histogram));
    expect(read.count).toBe(1_000);
    for (const [share, exact] of [
      [0.5, 500 * 137],
      [0.99, 990 * 137],
    ] as const)
      expect(Math.abs(read.percentileUs(share)! - exact) / exact).toBeLessThan(0.002);
  });

  test('comes back from its quantiles near enough', () => {
    const sketch = LatencySketch.of(spread(1_000, 100));
    const back = sketchOfQuantiles(quantilesOf(sketch)!, sketch.count);
    expect(back.count).toBe(1_000);
    for (const share of [0.1, 0.5, 0.9])
      expect(Math.abs(back.percentileUs(share)! / sketch.percentileUs(share)! - 1)).toBeLessThan(0.05);
  });
});

describe('chanceOfHigher()', () => {
  test.each([
    ['the same', spread(20, 10), spread(20, 10), 0.4, 0.6],
    ['all above', spread(20, 10).map((us) => us + 1_000), spread(20, 10), 0, 1e-6],
    ['all below', spread(20, 10), spread(20, 10).map((us) => us + 1_000), 0.999, 1],
    ['one value, on both sides', Array(30).fill(5), Array(30).fill(5), 1, 1],
    ['nothing', [], [1, 2], 1, 1],
  ])('%s', (_, live, before, least, most) => {
    const chance = chanceOfHigher(LatencySketch.of(live), LatencySketch.of(before));
    expect(chance).toBeGreaterThanOrEqual(least);
    expect(chance).toBeLessThanOrEqual(most);
  });
});
