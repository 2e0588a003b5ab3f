import { expect, test } from 'vitest';
import { Recent } from './recent.ts';

test('what is used stays, what is not goes, and no more than the weight is held', () => {
  const recent = new Recent<number, string>(100);
  let held = 0;
  for (let i = 0; i < 1_000; i++) {
    recent.set(i, `${i}`, 5);
    expect(recent.get(0)).toBe('0');
  }
  for (let i = 0; i < 1_000; i++) if (recent.get(i) !== undefined) held++;
  expect(held).toBeGreaterThanOrEqual(9);
  expect(held).toBeLessThanOrEqual(20);
  expect(recent.get(999)).toBe('999');
});

test('what is heavier than a generation is not held', () => {
  const recent = new Recent<string, number>(100);
  recent.set('light', 1, 10);
  recent.set('heavy', 2, 51);
  expect([recent.get('light'), recent.get('heavy')]).toEqual([1, undefined]);
});
