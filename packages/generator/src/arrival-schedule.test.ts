import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArrivalSchedule } from './arrival-schedule.ts';

const times = (schedule: ArrivalSchedule) =>
  Array.from({ length: schedule.count }, (_, n) => Math.round(schedule.atUs(n)));

test.each([
  ['a constant rate is evenly spaced', [{ rps: 4, durationS: 1, rampS: 0 }], [0, 250_000, 500_000, 750_000]],
  [
    'a ramp begins at nothing and ends at its rate: as many as half the rate would be',
    [{ rps: 4, durationS: 2, rampS: 2 }],
    [0, 1_000_000, 1_414_214, 1_732_051],
  ],
  [
    'the next stage ramps from the one before, down as well',
    [
      { rps: 4, durationS: 1, rampS: 0 },
      { rps: 2, durationS: 2, rampS: 1 },
    ],
    [0, 250_000, 500_000, 750_000, 1_000_000, 1_267_949, 1_585_786, 2_000_000, 2_500_000],
  ],
])('%s', (_, stages, wanted) => {
  expect(times(new ArrivalSchedule({ stages, once: 0 }))).toEqual(wanted);
});

test('a stage without a duration is over when every test was sent once, in its ramp if need be', () => {
  const once = (rampS: number, tests: number) =>
    new ArrivalSchedule({ stages: [{ rps: 10, rampS }], once: tests });
  expect([once(0, 30).count, once(0, 30).durationS]).toEqual([30, 3]);
  expect([once(2, 30).count, once(2, 30).durationS]).toEqual([30, 4]);
  expect(once(10, 5).durationS).toBeCloseTo(Math.sqrt(10), 6);
});

const stage = fc.record({
  rps: fc.integer({ min: 1, max: 500 }),
  durationS: fc.integer({ min: 1, max: 5 }),
  rampS: fc.integer({ min: 0, max: 5 }),
});

test('requests are in order, within the run, and as many as the area below the rates', () => {
  fc.assert(
    fc.property(fc.array(stage, { minLength: 1, maxLength: 4 }), (stages) => {
      const schedule = new ArrivalSchedule({ stages, once: 0 });
      const due = times(schedule);
      expect(due.every((at, n) => n === 0 || at >= due[n - 1]!)).toBe(true);
      expect(due.at(-1) ?? 0).toBeLessThanOrEqual(schedule.durationS * 1_000_000 + 1);
      let [area, rate] = [0, 0];
      for (const { rps, durationS, rampS } of stages) {
        const rampedS = Math.min(rampS, durationS);
        const reached = rampedS > 0 ? rate + ((rps - rate) / rampS) * rampedS : rps;
        area += rampedS > 0 ? ((rate + reached) / 2) * rampedS : 0;
        area += rps * (durationS - rampedS);
        rate = durationS > rampedS ? rps : reached;
      }
      expect(Math.abs(schedule.count - area)).toBeLessThan(1.001);
    }),
  );
});
