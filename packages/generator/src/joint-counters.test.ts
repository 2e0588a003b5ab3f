import { expect, test } from 'vitest';
import { JointCounters } from './joint-counters.ts';

test('each name counts by itself, and all who share the memory count on', () => {
  const one = new JointCounters();
  const other = new JointCounters(undefined, one.memory);
  expect([one.nextOf('a'), other.nextOf('a'), one.nextOf('b'), one.nextOf('a')]).toEqual([0, 1, 0, 2]);
});

test('two generators never get the same number', () => {
  const generators = [0, 1, 2].map((index) => new JointCounters({ index, count: 3 }));
  const numbers = generators.flatMap((counters) => [1, 2, 3].map(() => counters.nextOf('a')));
  expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('names past the bound share a counter', () => {
  const counters = new JointCounters();
  for (let i = 0; i < 5_000; i++) counters.nextOf(`name ${i}`);
  expect(counters.nextOf('name 0')).toBe(1);
  expect(counters.nextOf('name 4999')).toBeGreaterThan(1);
});
