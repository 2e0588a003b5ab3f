import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ArrivalSchedule } from './arrival-schedule.ts';
import { groupStages } from './load-groups.ts';
import { countOf, shareOf, usersOf } from './load-share.ts';

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
const workers = fc.array(fc.nat(500), { minLength: 1, maxLength: 8 }).filter((tests) => sum(tests) > 0);
const sharesOf = (tests: readonly number[]) => tests.map((_, i) => shareOf(tests, i));

test('what workers send adds up to the whole: requests, users, and every test once', () => {
  fc.assert(
    fc.property(workers, fc.nat(5_000), fc.nat(500), (tests, requests, more) => {
      const shares = sharesOf(tests);
      expect(sum(shares.map((share) => countOf(share, requests)))).toBe(requests);
      expect(shares.map((share) => countOf(share, sum(tests)))).toEqual(tests);
      const users = shares[0]!.workers + more;
      const own = shares.map((share) => usersOf(share, users));
      expect(sum(own)).toBe(users);
      expect(own.map((count) => count > 0)).toEqual(tests.map((count) => count > 0));
    }),
  );
});

test('equal workers take turns at the requests of a rate', () => {
  const stages = [{ rps: 5, durationS: 1, rampS: 0 }];
  const times = shareOf([4, 4], 0);
  const timesOf = (share: typeof times) => {
    const schedule = new ArrivalSchedule({ stages, once: 0, share });
    return Array.from({ length: schedule.count }, (_, n) => Math.round(schedule.atUs(n)));
  };
  expect(sharesOf([4, 4]).map(timesOf)).toEqual([
    [0, 400_000, 800_000],
    [200_000, 600_000],
  ]);
});

test('a worker with more tests sends more, throughout a ramp', () => {
  const stages = [{ rps: 30, durationS: 10, rampS: 10 }];
  const [most, least] = sharesOf([90, 10]).map((share) => new ArrivalSchedule({ stages, once: 0, share }));
  expect([most!.count, least!.count]).toEqual([135, 15]);
  const whole = new ArrivalSchedule({ stages, once: 0 });
  for (const part of [0, 0.25, 0.5, 0.9]) {
    const at = most!.atUs(Math.floor(most!.count * part));
    expect(Math.abs(at - whole.atUs(Math.floor(whole.count * part)))).toBeLessThan(100_000);
  }
});

test('users of a stage are shared, also those of the stage before that a ramp begins with', () => {
  const stages = [
    { users: 4, durationS: 1, rampS: 0 },
    { rps: 10, durationS: 1, rampS: 0 },
    { users: 10, durationS: 8, rampS: 8 },
  ];
  const groups = sharesOf([5, 5]).map((share) => groupStages(stages, 10, share));
  const most = groups.map((own) => own.map((group) => group.model === 'closed' && group.schedule.most));
  expect(most).toEqual([
    [2, false, 5],
    [2, false, 5],
  ]);
});
