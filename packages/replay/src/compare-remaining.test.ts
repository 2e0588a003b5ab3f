import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, epochS, json, SHIFT_MS } from './shifted-replay.fixture.ts';

test('seconds that are cut may be one fewer of the same lifetime, and no other', () => {
  const answer = (left: number) => ({ body: { expires_in: left } });
  const volatile = [{ path: 'body.expires_in', kind: 'measure', cut: true, why: '' }] as const;
  const token = { method: 'POST', target: '/token', volatile: [...volatile] };
  const found = (was: number, is: number) =>
    differences({ ...token, ...answer(was) }, answer(is), new LiveValues(new Map()));
  expect([found(3600, 3599), found(3599, 3600)]).toEqual([[], []]);
  for (const is of [3598, 3601, 3660, 3540, 900, 0])
    expect(found(3599, is)).toEqual(['body.expires_in value']);
});

test('what is left of many things is told by the time of each', () => {
  const things = (ms: number, less = 0) =>
    json(Array.from({ length: 20_000 }, (_, i) => ({ left: i + 100 - less, until: epochS(ms) + i + 100 })));
  const found = (live: object) => differences(things(0), live, new LiveValues(new Map()));
  expect(found(things(SHIFT_MS))).toEqual([]);
  expect(found(things(SHIFT_MS, 30))).not.toEqual([]);
});
