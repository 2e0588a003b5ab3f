import { expect, test } from 'vitest';
import { UserSchedule } from './user-schedule.ts';

test('users join one by one along the ramp, and the first is there at once', () => {
  const users = new UserSchedule([{ users: 4, durationS: 10, rampS: 8 }]);
  expect([0, 1, 2, 3, 4].map((i) => users.activeFrom(i, 0))).toEqual([0, 2, 4, 6, null]);
  expect([users.most, users.durationS]).toEqual([4, 10]);
});

test('users leave along a ramp down and may come back with a later stage', () => {
  const users = new UserSchedule([
    { users: 4, durationS: 10, rampS: 0 },
    { users: 2, durationS: 10, rampS: 4, thinkFactor: 3 },
    { users: 4, durationS: 10, rampS: 0 },
  ]);
  expect(users.activeFrom(3, 9)).toBe(9);
  expect(users.activeFrom(3, 13)).toBe(20);
  expect(users.activeFrom(1, 13)).toBe(13);
  expect(users.activeFrom(0, 30)).toBeNull();
  expect([users.thinkFactorAt(1), users.thinkFactorAt(15)]).toEqual([undefined, 3]);
});

test('a stage without a duration has no end of its own', () => {
  const users = new UserSchedule([{ users: 3, rampS: 0 }]);
  expect(users.activeFrom(2, 1e6)).toBe(1e6);
  expect(users.activeFrom(3, 0)).toBeNull();
  expect(users.durationS).toBe(Number.POSITIVE_INFINITY);
});
