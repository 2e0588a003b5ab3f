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
