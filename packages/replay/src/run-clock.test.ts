import { expect, test } from 'vitest';
import { RunClock } from './run-clock.ts';
import { readTime } from './times.ts';

const RECORDED_S = 1_795_287_145;
const LIVE_S = 1_795_287_180;

/** `n` requests a millisecond apart from `second` on; live ones are four milliseconds apart. */
function busySecond(n: number) {
  return Array.from({ length: n }, (_, i) => ({
    fromUs: RECORDED_S * 1e6 + i * 1_000,
    toUs: RECORDED_S * 1e6 + i * 1_000 + 500,
    liveFromUs: LIVE_S * 1e6 + i * 4_000,
    liveToUs: LIVE_S * 1e6 + i * 4_000 + 500,
  }));
}

test('a time written to the second stands to its own request, however many others that second had', () => {
  const clock = new RunClock();
  const exchanges = busySecond(900);
  for (const exchange of exchanges) clock.add(exchange);
  const own = exchanges.at(-1)!;
  const live = Math.floor(own.liveFromUs / 1e6);
  expect(live - LIVE_S).toBe(3);
  expect(clock.stands(readTime(RECORDED_S)!, readTime(live)!, own)).toBe(true);
  expect(clock.stands(readTime(RECORDED_S)!, readTime(live + 3_600)!, own)).toBe(false);
});

test('a time that the service makes at a moment of its own is of this run where it was of its own', () => {
  const clock = new RunClock();
  const exchanges = busySecond(50);
  for (const exchange of exchanges) clock.add(exchange);
  const own = exchanges[30]!;
  const isOfItsRun = (recorded: number, live: number) =>
    clock.isOfItsRun(readTime(recorded)!, readTime(live)!, own);
  expect(isOfItsRun(RECORDED_S, LIVE_S)).toBe(true);
  expect(isOfItsRun(RECORDED_S, LIVE_S + 3_600)).toBe(false);
  expect(isOfItsRun(RECORDED_S, LIVE_S - 86_400)).toBe(false);
  // One of another time says nothing of when it is now.
  expect(isOfItsRun(RECORDED_S - 86_400, LIVE_S - 200_000)).toBe(true);
});
