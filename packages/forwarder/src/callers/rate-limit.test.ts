import { expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

function limited(options = { perS: 2, burst: 4, maxKeys: 2 }) {
  const clock = { us: 0, nowUs: () => clock.us };
  return { clock, limit: new RateLimit(clock, options) };
}

test('a burst is taken, then so many a second, and never more than a burst is saved up', () => {
  const { clock, limit } = limited();
  expect([limit.take('a', 4), limit.take('a')]).toEqual([true, false]);
  clock.us += 500_000;
  expect([limit.take('a'), limit.take('a')]).toEqual([true, false]);
  clock.us += 3_600_000_000;
  expect([limit.take('a', 5), limit.take('a', 4), limit.take('a')]).toEqual([false, true, false]);
});

test('what is refused is not counted, and a clock set back gives nothing', () => {
  const { clock, limit } = limited();
  expect([limit.take('a', 3), limit.take('a', 2), limit.take('a', 1)]).toEqual([true, false, true]);
  clock.us -= 10_000_000;
  expect(limit.take('a')).toBe(false);
});

test('keys do not hold each other up; beyond the bound the one longest not seen starts anew', () => {
  const { limit } = limited();
  for (const key of ['a', 'b']) expect(limit.take(key, 4)).toBe(true);
  expect(limit.take('a')).toBe(false);
  expect(limit.take('c', 4)).toBe(true);
  expect([limit.take('a'), limit.take('b')]).toEqual([false, true]);
});
