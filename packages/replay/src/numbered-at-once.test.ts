// Numbers of what a service notes of writes that ran at once.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed } from './shifted-replay.fixture.ts';

const ID = (n: number) => `6b1f0c3a-9d52-4e7b-8a61-2f7f6f2d4c0${n}`;
const LIVE = (n: number) => `0c9e41d7-3b26-4a85-9f10-7d5e8b6a2f1${n}`;
const links = [{ in: 'response' as const, path: 'body[].id', flow: 'revisions' }];

/** Differences of a list of revisions, after two things were made `gapUs` after each other. */
function revisions(gapUs: number, live: [id: number, item: string][], flow = false, target = '/revisions') {
  const values = new LiveValues(new Map());
  for (const n of [1, 2]) {
    const made = {
      n,
      atUs: n * gapUs,
      durationUs: 40_000,
      method: 'POST',
      target: '/items',
      body: { id: ID(n) },
    };
    replayed(made, { body: { id: LIVE(n) } }, values);
  }
  // A request that names one of them, which is the same now: the flow is steady.
  const named = [{ in: 'request' as const, path: 'path[1]', flow: 'revisions' }];
  if (flow)
    replayed({ n: 4, atUs: 800_000, target: '/revisions/5', body: {}, links: named }, { body: {} }, values);
  const body = [{ id: 76, item: ID(1), words: 12 }];
  const recorded = { n: 3, atUs: 900_000, target, body, ...(flow ? { links } : {}) };
  const answer = live.map(([id, item]) => ({ id, item, words: 12 }));
  return replayed(recorded, { body: answer }, values).differences.map(({ path }) => path);
}

test.each([false, true])('what writes at once were numbered by may be swapped; of a flow: %s', (flow) => {
  expect(revisions(10_000, [[77, LIVE(1)]], flow)).toEqual([]);
  expect(revisions(10_000, [[96, LIVE(1)]], flow)).toEqual(['body[0].id']);
  expect(revisions(10_000, [[77, LIVE(3)]], flow)).not.toEqual([]);
});

test('what writes one after the other were numbered by may not', () => {
  expect(revisions(100_000, [[77, LIVE(1)]])).toEqual(['body[0].id']);
});

test('nor may the number that a request named', () => {
  expect(revisions(10_000, [[77, LIVE(1)]], false, '/revisions/76')).toEqual(['body[0].id']);
});
