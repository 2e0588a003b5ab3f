import { expect, test } from 'vitest';
import { newId, systemClock } from './clock.ts';

test('systemClock() goes on after a suspend, and never runs backwards when the wall clock is set back', () => {
  let [wall, monotonic] = [1_800_000_000_000, 5_000];
  const clock = systemClock(
    () => wall,
    () => monotonic,
  );
  const first = clock.nowUs();
  expect(first).toBe(1_800_000_000_000_000);
  monotonic += 0.25;
  expect(clock.nowUs()).toBe(first + 250);
  wall += 7_200_000;
  expect(clock.nowUs()).toBe(first + 7_200_000_000);
  wall -= 86_400_000;
  const set = clock.nowUs();
  expect(set).toBe(first + 7_200_000_001);
  expect(clock.nowUs()).toBeGreaterThan(set);
});

test('systemClock() goes on at half speed while the wall clock, set back, catches up: deadlines still come', () => {
  let [wall, monotonic] = [1_800_000_000_000, 5_000];
  const clock = systemClock(
    () => wall,
    () => monotonic,
  );
  const first = clock.nowUs();
  wall -= 10_000;
  const afterSeconds = (seconds: number) => {
    [wall, monotonic] = [wall + seconds * 1_000, monotonic + seconds * 1_000];
    return clock.nowUs() - first;
  };
  expect(afterSeconds(4)).toBe(2_000_000);
  expect(afterSeconds(16)).toBe(10_000_000);
  expect(afterSeconds(3)).toBe(13_000_000);
});

test('newId() never repeats, and later ids sort later', () => {
  const ids = Array.from({ length: 5_000 }, (_, i) => newId(1_800_000_000_000_000 + i));
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
});
