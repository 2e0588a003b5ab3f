import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, head, json, page, replayed } from './shifted-replay.fixture.ts';
import type { AnswerSketch } from './test.fixture.ts';

// Recorded answers take 5 ms, live ones 4 ms.
const judge = (recorded: AnswerSketch, live: AnswerSketch) => {
  const { differences: found, leaves } = replayed(recorded, live, new LiveValues(new Map()));
  return [found.map(({ path }) => path), leaves.kind];
};

test.each([
  ['in a page', page('<i>4.2ms</i> and 3 things'), page('<i>1ms</i> and 3 things')],
  [
    'in a header',
    head(['Server-Timing', 'db;dur=3.1, app;dur=4']),
    head(['Server-Timing', 'db;dur=2.7, app;dur=1.5']),
  ],
  ['by its key', json({ took: 4 }), json({ took: 1 })],
  [
    'by its key with a unit',
    json({ stats: { search_time_us: 4_120 } }),
    json({ stats: { search_time_us: 2_087 } }),
  ],
  [
    'as a measurement',
    json({ checks: { 'db:responseTime': [{ observedValue: 4.18 }] } }),
    json({ checks: { 'db:responseTime': [{ observedValue: 2.66 }] } }),
  ],
])('how long the exchange itself took, %s, is another number each time', (_, recorded, live) => {
  expect(judge(recorded, live)).toEqual([[], 1]);
});

test.each([
  ['longer than the exchange', page('Page: 4ms'), page('Page: 900ms')],
  ['of something else than the exchange', page('waits 300ms'), page('waits 3ms')],
  ['in another unit', page('Page: 4ms'), page('Page: 4s')],
  ['with other words around it', page('Page: 4ms'), page('Side: 3ms')],
  ['a number without a unit', page('4 things'), page('3 things')],
  ['the length of a film', json({ duration: 3 }), json({ duration: 2 })],
  [
    'a measurement of something else',
    json({ checks: { 'db:load': [{ observedValue: 4.18 }] } }),
    json({ checks: { 'db:load': [{ observedValue: 2.66 }] } }),
  ],
  ['a key that says nothing of it', json({ count: 4 }), json({ count: 3 })],
])('a duration that is none of the exchange is a difference: %s', (_, recorded, live) => {
  expect(differences(recorded, live, new LiveValues(new Map()))).toHaveLength(1);
});

test('a number that was learned to say how long the exchange took says so again', () => {
  const volatile = [{ path: 'body.n', kind: 'measure' as const, tookUs: 1, why: '' }];
  const found = (n: number) =>
    differences({ volatile, ...json({ n: 4_120 }) }, json({ n }), new LiveValues(new Map()));
  expect(found(2_087)).toEqual([]);
  expect(found(41_200)).toEqual(['body.n value']);
  expect(found(0)).toEqual(['body.n value']);
});
