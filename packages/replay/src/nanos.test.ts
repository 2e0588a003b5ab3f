// Nanoseconds beside the seconds of a protobuf timestamp, and numbers that only stand like them.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { isNanosOfRun } from './nanos.ts';
import { DAY_MS, epochS, SHIFT_MS } from './shifted-replay.fixture.ts';
import { RECORDED_US } from './test.fixture.ts';

function judged(was: [number, number][], is: [number, number][], path = 'body[].3.2'): boolean {
  const values = new LiveValues(new Map());
  const liveFromUs = RECORDED_US + SHIFT_MS * 1000;
  values.noteExchange({
    ...{ fromUs: RECORDED_US, toUs: RECORDED_US + 9_000 },
    ...{ liveFromUs, liveToUs: liveFromUs + 9_000 },
  });
  const fields = (pairs: [number, number][]) =>
    new Map(pairs.map(([key, value]): [string, number] => [String(key), value]));
  const [recorded, live] = [fields(was), fields(is)];
  const [before, now] = [recorded.get('2') ?? null, live.get('2') ?? null];
  return isNanosOfRun({ message: { recorded, live }, values }, path, before, now);
}

const now = epochS(0);
const later = epochS(SHIFT_MS);

test('they are of another moment, as fine as they were', () => {
  expect(
    judged(
      [
        [1, now],
        [2, 556_000_000],
      ],
      [
        [1, later],
        [2, 689_000_000],
      ],
    ),
  ).toBe(true);
  expect(
    judged(
      [
        [1, now],
        [2, 556_000_000],
      ],
      [
        [1, later],
        [2, 689_123_456],
      ],
    ),
  ).toBe(false);
  expect(
    judged(
      [
        [1, now],
        [2, 556_123_456],
      ],
      [
        [1, later],
        [2, 689_123_456],
      ],
    ),
  ).toBe(true);
});

test('a number beside something else than a time of this run is compared', () => {
  expect(
    judged(
      [
        [1, 17],
        [2, 556_000_000],
      ],
      [
        [1, 18],
        [2, 689_000_000],
      ],
    ),
  ).toBe(false);
  expect(
    judged(
      [
        [1, epochS(-400 * DAY_MS)],
        [2, 5],
      ],
      [
        [1, epochS(-400 * DAY_MS)],
        [2, 6],
      ],
    ),
  ).toBe(false);
  expect(
    judged(
      [
        [1, now],
        [2, 5],
        [3, 1],
      ],
      [
        [1, later],
        [2, 6],
        [3, 1],
      ],
    ),
  ).toBe(false);
  expect(
    judged(
      [
        [1, now],
        [2, 5],
      ],
      [
        [1, later],
        [2, 6],
      ],
      'body[].3.4',
    ),
  ).toBe(false);
});
