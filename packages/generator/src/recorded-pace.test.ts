import { expect, test } from 'vitest';
import { paceOf, RecordedPace } from './recorded-pace.ts';

test('a recording of a minute or less keeps its pauses, a longer one is shortened to a minute', () => {
  expect([paceOf(0), paceOf(60e6), paceOf(600e6)]).toEqual([1, 1, 0.1]);
});

test('the first test is due at once, the next one its recorded pause after the end before it', () => {
  const pace = new RecordedPace(1);
  expect(pace.dueUs({ startUs: 5_000, endUs: 6_000 })).toBe(Number.NEGATIVE_INFINITY);
  pace.begin({ startUs: 5_000, endUs: 6_000 }, 100_000);
  pace.end({ startUs: 5_000, endUs: 6_000 }, 140_000);
  expect(pace.dueUs({ startUs: 7_500, endUs: 8_000 })).toBe(141_500);
});

test('what overlapped keeps its distance from the beginning of the one before', () => {
  const pace = new RecordedPace(0.5);
  pace.begin({ startUs: 0, endUs: 9_000 }, 100_000);
  expect(pace.dueUs({ startUs: 4_000, endUs: 5_000 })).toBe(102_000);
});

test('without pauses only what has ended counts', () => {
  const pace = new RecordedPace(0);
  pace.begin({ startUs: 0, endUs: 1_000 }, 100_000);
  pace.end({ startUs: 0, endUs: 1_000 }, 101_000);
  expect(pace.dueUs({ startUs: 50_000_000, endUs: 50_001_000 })).toBe(101_000);
});
