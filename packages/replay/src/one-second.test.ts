// Times that are written to the second: what was made in one need not have been made in one in the replay.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, iso, json, SHIFT_MS } from './shifted-replay.fixture.ts';

const second = (ms: number) => iso(Math.floor(ms / 1000) * 1000);
const WAS = second(-9_000);
const made = (id: string, time: string) => json({ id, made_at: time });

/** What a service made when it started: one row is known, and the client sends its time; the other one is shown then. */
function shown(live: (ms: number) => string): string[] {
  const values = new LiveValues(new Map([['t1', WAS]]));
  const produces = [{ token: 't1', path: 'body.made_at' }];
  differences({ ...made('roles', WAS), produces }, made('roles', second(SHIFT_MS - 20_000)), values);
  return differences({ n: 2, atUs: 50_000, ...made('users', WAS) }, made('users', live(SHIFT_MS)), values);
}

test('two rows of one second may be of two', () => {
  expect(shown((now) => second(now - 20_000))).toEqual([]);
  expect(shown((now) => second(now - 18_000))).toEqual([]);
});

test('they are not far apart, and of no other time', () => {
  expect(shown((now) => second(now - 7_200_000))).not.toEqual([]);
  expect(shown((now) => second(now + 20_000))).not.toEqual([]);
});

test('what a request made is not of hours before it, though another thing is of that second', () => {
  const known = (live: (ms: number) => string) => {
    const values = new LiveValues(new Map([['t1', second(2_000)]]));
    const produces = [{ token: 't1', path: 'body.made_at' }];
    const then = { atUs: 2_000_000, ...made('roles', second(2_000)) };
    differences({ ...then, produces }, made('roles', second(SHIFT_MS + 1_000)), values);
    const next = { n: 2, method: 'POST', atUs: 2_600_000, ...made('users', second(2_000)) };
    return differences(next, made('users', live(SHIFT_MS + 2_000)), values);
  };
  expect(known((now) => second(now))).toEqual([]);
  expect(known((now) => second(now - 7_200_000))).not.toEqual([]);
});
