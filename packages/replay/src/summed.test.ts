import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';

/** Two groups, the second of which shows that the field is not rounded. */
const groups = (sum: number, beside = 839.2299999999999) => json({ rows: [{ sum }, { sum: beside }] });
const found = (recorded: number, live: number, beside?: number) =>
  differences(groups(recorded, beside), groups(live, beside), new LiveValues(new Map()));

test('a sum of the same amounts in another order is the same sum, compared by value', () => {
  expect(found(4702.5, 4702.499999999999)).toEqual([]);
  expect(found(0.1 + 0.2, 0.3, 1)).toEqual([]);
  const { leaves } = replayed(groups(0.3), groups(0.1 + 0.2), new LiveValues(new Map()));
  expect(leaves).toMatchObject({ kind: 0, time: 0 });
});

test('where a service rounds, digits that nobody asked for are a difference', () => {
  expect(found(4702.5, 4702.499999999999, 839.23)).toEqual(['body.rows[0].sum value']);
});

test.each([
  [4702.5, 4702.51],
  [4702.5, 4702.500001],
  [0.1, Math.fround(0.1)],
  [17, 17.000000001],
  [1.23456789012345, 1.23456789012346],
  [9_007_199_254_740_990, 9_007_199_254_740_991],
  [123_456_789_012.3456, 123_456_789_012.3457],
])('%d and %d are two', (recorded, live) => {
  expect(found(recorded, live)).toEqual(['body.rows[0].sum value']);
});
