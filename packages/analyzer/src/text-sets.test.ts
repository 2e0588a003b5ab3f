// Lists of words without an order, in small recordings of a shop whose things have tags.
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record } from './exchanges.fixture.ts';

/** A thing made with tags, and what the order of it shows. */
function thing(n: number, sent: readonly string[], shown: readonly string[], own = sent): Exchange[] {
  return [
    { request: 'POST /things', body: { n, tags: sent }, status: 201, answer: { n, tags: own } },
    { request: 'POST /orders', body: { thing: n }, status: 201, answer: { thing: n, tags: shown } },
  ];
}

function unordered(...exchanges: Exchange[][]): string[] {
  const { tests } = analyze(record(exchanges.flat()));
  return [
    ...new Set(
      tests.flatMap(({ endpoint, unordered: paths = [] }) => paths.map((path) => `${endpoint} ${path}`)),
    ),
  ];
}

test('another order than the one that was sent, which nothing explains, is none', () => {
  const made = [
    thing(1, ['new', 'blue'], ['blue', 'new']),
    thing(2, ['old', 'wide', 'red'], ['wide', 'red', 'old']),
  ];
  expect(unordered(...made)).toEqual(['/orders body.tags']);
});

test('one list of some length is enough where it is shown as it was sent elsewhere', () => {
  const [tags, turned] = [
    ['blue', 'new', 'red', 'wide'],
    ['wide', 'blue', 'new', 'red'],
  ];
  expect(unordered(thing(1, tags, turned))).toEqual(['/orders body.tags']);
  expect(unordered(thing(1, tags, turned, turned))).toEqual([]);
  expect(unordered(thing(1, tags.slice(1), ['wide', 'new', 'red']))).toEqual([]);
});

test('of two words the reverse counts where the same list is shown as it was sent', () => {
  expect(
    unordered(thing(1, ['blue', 'new'], ['new', 'blue']), thing(2, ['old', 'wide'], ['wide', 'old'])),
  ).toEqual(['/orders body.tags']);
});

test.each<[string, Exchange[][]]>([
  [
    'they are as sent',
    [thing(1, ['new', 'blue'], ['new', 'blue']), thing(2, ['old', 'red'], ['old', 'red'])],
  ],
  ['they are sorted', [thing(1, ['new', 'blue'], ['blue', 'new']), thing(2, ['old', 'red'], ['old', 'red'])]],
  [
    'they are reversed everywhere',
    [
      thing(1, ['blue', 'new'], ['new', 'blue'], ['new', 'blue']),
      thing(2, ['old', 'wide'], ['wide', 'old'], ['wide', 'old']),
    ],
  ],
  ['there is one list only', [thing(1, ['blue', 'new'], ['new', 'blue'])]],
])('not when %s', (_why, exchanges) => {
  expect(unordered(...exchanges)).toEqual([]);
});
