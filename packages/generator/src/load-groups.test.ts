import type { LoadStage } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { groupStages } from './load-groups.ts';

const rps = (rate: number, rest: Partial<LoadStage> = {}): LoadStage => ({ rps: rate, rampS: 0, ...rest });
const users = (count: number, rest: Partial<LoadStage> = {}): LoadStage => ({
  users: count,
  rampS: 0,
  ...rest,
});

test('neighbours of the same model run as one, a stage that sends every test once runs alone', () => {
  const stages = [
    rps(5, { durationS: 2 }),
    rps(9, { durationS: 1 }),
    rps(5),
    users(4, { durationS: 3 }),
    users(2),
  ];
  const groups = groupStages(stages, 50);
  expect(groups.map(({ model, isOnce }) => `${model}${isOnce ? ' once' : ''}`)).toEqual([
    'open',
    'open once',
    'closed',
    'closed once',
  ]);
  expect(groups[0]).toMatchObject({ schedule: { count: 19, durationS: 3 } });
  expect(groups[1]).toMatchObject({ schedule: { count: 50, durationS: 10 } });
});

test('a ramp goes on from the stage before, also from another group', () => {
  const [, once] = groupStages([rps(10, { durationS: 1 }), rps(30, { rampS: 10 })], 40);
  expect(once!.model === 'open' && once!.schedule.atUs(10)).toBeCloseTo(916_079.8, 0);
  const [, closed] = groupStages([rps(10, { durationS: 1 }), users(4, { durationS: 8, rampS: 8 })], 40);
  expect(closed!.model === 'closed' && closed!.schedule.activeFrom(2, 0)).toBe(4);
});
