import { expect, test } from 'vitest';
import { CatchUp } from './catch-up.ts';

/** A bucket of 1,000 bytes a second on a clock that is told the time. */
function bucket() {
  const clock = { us: 0, nowUs: () => clock.us };
  return { clock, catchUp: new CatchUp(clock, 1_000) };
}

test('a second of bytes goes at once, the rest as fast as is allowed', () => {
  const { clock, catchUp } = bucket();
  expect(catchUp.take(1_000)).toBe(0);
  expect(catchUp.take(500)).toBe(500);
  clock.us = 500_000;
  expect(catchUp.take(500)).toBe(0);
  expect(catchUp.take(1)).toBeGreaterThan(0);
});

test('over an hour no more goes than the rate and one burst', () => {
  const { clock, catchUp } = bucket();
  let bytes = 0;
  for (let ms = 0; ms < 3_600_000; ms += 100) {
    clock.us = ms * 1_000;
    while (catchUp.take(137) === 0) bytes += 137;
  }
  expect(bytes).toBeLessThanOrEqual(3_600 * 1_000 + 1_000);
  expect(bytes).toBeGreaterThan(3_600 * 1_000 * 0.99);
});

test('what is larger than a second of bytes still goes, and is paid for afterwards', () => {
  const { clock, catchUp } = bucket();
  expect(catchUp.take(5_000)).toBe(0);
  clock.us = 4_000_000;
  expect(catchUp.take(1)).toBeGreaterThan(0);
  clock.us = 4_001_000;
  expect(catchUp.take(1)).toBe(0);
});

test('a clock that is set back takes nothing away', () => {
  const { clock, catchUp } = bucket();
  clock.us = 10_000_000;
  expect(catchUp.take(1_000)).toBe(0);
  clock.us = 0;
  expect(catchUp.take(1_000)).toBe(1_000);
  clock.us = 1_000_000;
  expect(catchUp.take(1_000)).toBe(0);
});
