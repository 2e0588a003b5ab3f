import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, replayed, SHIFT_MS } from './shifted-replay.fixture.ts';

const LIVE_MS = SHIFT_MS - 5_000;

/** A time as its pieces, so many ms from the recorded request. */
function pieces(ms: number, change: Record<string, number> = {}) {
  const at = new Date(iso(ms));
  return {
    ...{ __class__: 'datetime', year: at.getUTCFullYear(), month: at.getUTCMonth() + 1 },
    ...{ day: at.getUTCDate(), hour: at.getUTCHours(), minute: at.getUTCMinutes() },
    ...{ second: at.getUTCSeconds(), microsecond: at.getUTCMilliseconds() * 1_000 + 17 },
    ...change,
  };
}

test('the pieces of a time are compared as one time', () => {
  const { differences: found, leaves } = replayed(
    json({ made: pieces(-5_000) }),
    json({ made: pieces(LIVE_MS + 123) }),
    new LiveValues(new Map()),
  );
  expect(found).toEqual([]);
  expect(leaves.time + leaves.strict).toBeGreaterThan(7);
});

test.each<[string, object, object]>([
  ['of another time', pieces(0), pieces(SHIFT_MS + 37_400)],
  ['of a time that lacks a piece', { ...pieces(-5_000), hour: 'x' }, { ...pieces(LIVE_MS), hour: 'x' }],
])('pieces %s are a difference', (_, recorded, live) => {
  expect(differences(json({ made: recorded }), json({ made: live }), new LiveValues(new Map()))).not.toEqual(
    [],
  );
});

test('a second that stands alone is a number', () => {
  const found = differences(json({ second: 12 }), json({ second: 13 }), new LiveValues(new Map()));
  expect(found).toEqual(['body.second value']);
});

/** Seven seconds after a full hour, which would be written to the hour. */
const AT_MS = 7_000;
function listed(ms: number): number[] {
  const at = new Date(iso(ms));
  const day = [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate()];
  return [...day, at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
}
const found = (recorded: number[], live: number[]) =>
  differences(
    { atUs: AT_MS * 1_000, body: { log: [{ when: recorded }] } },
    json({ log: [{ when: live }] }),
    new LiveValues(new Map()),
  );

test('so are those in a list', () => {
  expect(found(listed(AT_MS), listed(AT_MS + SHIFT_MS))).toEqual([]);
  expect(found(listed(AT_MS), listed(AT_MS + SHIFT_MS - 97_000))).not.toEqual([]);
});

test('six numbers that say no time are numbers', () => {
  expect(found([2026, 13, 1, 0, 0, 1], [2026, 13, 1, 0, 0, 2])).toEqual(['body.log[0].when[5] value']);
});
