import { expect, test } from 'vitest';
import { ArrivalSchedule } from './arrival-schedule.ts';
import { Metronome, monotonicUs } from './metronome.ts';

const open = (rps: number, count: number, tick: () => void) => {
  const schedule = new ArrivalSchedule({ stages: [{ rps, rampS: 0 }], once: count });
  return { schedule, opened: Metronome.open(schedule, tick) };
};

test('every request is due by some tick, nothing ticks before the schedule has begun, and few ticks tell nothing', async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<{ counted: number; tookS: number }>();
  let [startUs, ticks, taken] = [Number.POSITIVE_INFINITY, 0, 0];
  const { schedule, opened } = open(200, 50, () => {
    ticks++;
    const atUs = monotonicUs() - startUs;
    expect(atUs).toBeGreaterThanOrEqual(0);
    while (taken < schedule.count && schedule.atUs(taken) <= atUs) taken++;
    // At the tick itself: more of them come while the test gets round to looking.
    if (taken === schedule.count) end({ counted: ticks, tookS: atUs / 1_000_000 });
  });
  const metronome = await opened;
  startUs = monotonicUs();
  metronome.begin();
  const { counted, tookS } = await over;
  await metronome.stop();
  expect(taken).toBe(50);
  // One for each that is due, and ten a second.
  expect(counted).toBeLessThanOrEqual(50 + 10 * tookS + 1);
});

test('it ticks on after the last request was due, and not any more when it is stopped, begun or not', async () => {
  const { promise: again, resolve } = Promise.withResolvers<void>();
  let ticks = 0;
  const metronome = await open(1_000, 1, () => {
    if (++ticks === 3) resolve();
  }).opened;
  metronome.begin();
  await again;
  await metronome.stop();
  expect(ticks).toBe(3);
  const never = await open(1_000, 1, () => expect.unreachable()).opened;
  await never.stop();
});
