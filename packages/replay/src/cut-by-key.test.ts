// Pages of lists in the order of uuids, of things that were made before.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';

const uuid = (first: string) => `${first.repeat(8)}-11ff-4e96-999c-d99d95a15e2${first}`;
/** Name, and first digit of the id, then and now. */
const MADE: [name: string, was: string, is: string][] = [
  ['web', '6', '1'],
  ['spa', '9', '3'],
  ['machine', '3', 'a'],
  ['cli', 'c', 'f'],
];
const thing = (name: string, digit: string) => ({ id: uuid(digit), name, note: `The ${name} of the shop` });

/** The differences of a page with these things then and now, after all were made. */
function onPage(target: string, then: string[], now: string[], live: object[] = []): string[] {
  const values = new LiveValues(new Map(MADE.map(([name, was]) => [`t-${name}`, uuid(was)])));
  for (const [n, [name, was, is]] of MADE.entries()) {
    const produces = [{ token: `t-${name}`, path: 'body.id' }];
    const made = { n, method: 'POST', target: '/things', status: 201, produces };
    replayed({ ...made, ...json(thing(name, was)) }, { status: 201, ...json(thing(name, is)) }, values);
  }
  const of = (names: string[], at: 1 | 2) =>
    MADE.filter(([name]) => names.includes(name))
      .sort((a, b) => (a[at] < b[at] ? -1 : 1))
      .map((made) => thing(made[0], made[at]));
  const recorded = { n: MADE.length, target, ...json(of(then, 1)) };
  return differences(recorded, json([...of(now, 2), ...live]), values);
}

test('a page holds what its keys of now put on it', () => {
  expect(onPage('/things?limit=2', ['machine', 'web'], ['web', 'spa'])).toEqual([]);
  expect(onPage('/things?limit=2&offset=2', ['spa', 'cli'], ['machine', 'cli'])).toEqual([]);
});

test('not when nobody asked for a page, or one is missing between two, or nobody made it', () => {
  expect(onPage('/things', ['machine', 'web'], ['web', 'spa'])).not.toEqual([]);
  expect(onPage('/things?limit=2', ['machine', 'web'], ['web', 'cli'])).not.toEqual([]);
  expect(onPage('/things?limit=2', ['machine', 'web'], ['web'], [thing('spa', '2')])).not.toEqual([]);
});
