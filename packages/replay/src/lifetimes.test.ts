// How long an answer may be kept: by its own date, not by when it came in the run.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, head, http, SHIFT_MS } from './shifted-replay.fixture.ts';

const kept = (ms: number, forMs: number) => head(['Date', http(ms)], ['Expires', http(ms + forMs)]);

test('an answer expires as long after its date as the recorded one did', () => {
  const found = (ms: number, forMs: number) =>
    differences(kept(2, 60_000), kept(SHIFT_MS + ms, forMs), new LiveValues(new Map()));
  expect(found(2, 60_000)).toEqual([]);
  // A replay that is slower than its recording was.
  expect(found(8_000, 60_000)).toEqual([]);
  expect(found(8_000, 90_000)).toEqual(['header.expires value']);
});
