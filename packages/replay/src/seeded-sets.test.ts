// Lists of words in a service whose hashes are seeded, and in others.
import type { HeaderList } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';

const names = (list: string): HeaderList => [['Access-Control-Expose-Headers', list]];
const recorded = names('ETag, Alert, Backoff, Content-Type');
const shuffled = names('Backoff, ETag, Content-Type, Alert');

interface Shown {
  was: string[];
  is: string[];
  sent?: string[];
}

/** Answers with lists one after the other, in one run; the differences of the last. */
function found(headers: HeaderList, ...answers: Shown[]): string[] {
  const values = new LiveValues(new Map());
  const all = answers.map(({ was, is, sent }, n) =>
    differences(
      {
        n: n + 1,
        headers: recorded,
        body: { n, tags: was },
        ...(sent ? { requestBody: { tags: sent } } : {}),
      },
      { headers, body: { n, tags: is } },
      values,
    ),
  );
  return all.at(-1)!;
}

const [one, other] = [
  ['write', 'read'],
  ['read', 'write'],
];

test('a list stands otherwise where a header shows that sets are in the order of seeded hashes', () => {
  expect(found(shuffled, { was: one, is: other })).toEqual([]);
  expect(found(recorded, { was: one, is: other })).toEqual(['body.tags order']);
  expect(found(names('Alert, Backoff, Content-Type, ETag'), { was: one, is: other })).toEqual([
    'body.tags order',
  ]);
});

test('it has the same elements, and stands the same the next time', () => {
  expect(found(shuffled, { was: one, is: ['read', 'delete'] })).not.toEqual([]);
  expect(found(shuffled, { was: one, is: one }, { was: one, is: other })).toEqual(['body.tags order']);
});

test('a field that keeps the order in which clients send its words does so', () => {
  const kept: Shown = { was: ['new', 'old'], is: ['new', 'old'], sent: ['new', 'old'] };
  expect(found(shuffled, kept, { was: one, is: other })).toEqual(['body.tags order']);
});

test('an order that can be seen stays one', () => {
  const sorted = ['ant', 'bee', 'cat', 'dog'];
  expect(found(shuffled, { was: sorted, is: ['bee', 'ant', 'dog', 'cat'] })).toEqual(['body.tags order']);
});

test('directives of a policy show it as well', () => {
  const policy = (names: string[]): HeaderList => [
    ['Content-Security-Policy', names.map((name) => `${name}-src 'self'`).join('; ')],
  ];
  const shown = (live: string[]) => {
    const tests = { headers: policy(['default', 'script', 'style', 'img']), body: { tags: one } };
    return differences(tests, { headers: policy(live), body: { tags: other } }, new LiveValues(new Map()));
  };
  expect(shown(['style', 'default', 'img', 'script'])).toEqual([]);
  expect(shown(['default', 'script', 'style', 'img'])).toEqual(['body.tags order']);
});

const grants = ['Chart', 'Board', 'Query', 'Alerts & Report', 'User'].flatMap((thing) =>
  ['can_read', 'can_write', 'can_export', 'can_delete'].map((can) => [can, thing]),
);
/** In each group of four another order. */
const dealt = (order: readonly number[]) => grants.map((_, i) => grants[i - (i % 4) + order[i % 4]!]!);

function foundInRun(...answers: [was: unknown, is: unknown][]): string[][] {
  const values = new LiveValues(new Map());
  return answers.map(([was, is], n) =>
    differences({ n: n + 1, body: { list: was } }, { body: { list: is } }, values),
  );
}

test('rows of names without an order that can be seen may stand otherwise, and then always so', () => {
  const [was, is] = [dealt([2, 0, 3, 1]), dealt([1, 3, 0, 2])];
  const other = dealt([3, 1, 2, 0]);
  expect(foundInRun([was, is], [was, is], [was, other])).toEqual([[], [], ['body.list order']]);
  expect(foundInRun([was, was], [was, is])).toEqual([[], ['body.list order']]);
});

test('rows that are in an order, or hardly moved, are compared as ever', () => {
  const was = dealt([2, 0, 3, 1]);
  const swapped = [was[1], was[0], ...was.slice(2)];
  expect(foundInRun([was, swapped])).toEqual([['body.list order']]);
  // Unless another list has shown of the run that such are dealt anew.
  const titled = (list: string[][]) => list.map(([can, thing]) => [can!, `My${thing}`]);
  const [one_, other_] = [titled(was as string[][]), titled(dealt([1, 3, 0, 2]) as string[][])];
  expect(foundInRun([one_, other_], [was, swapped])).toEqual([[], []]);
  const byThing = grants.toSorted(([, a], [, b]) => (a! < b! ? -1 : a! > b! ? 1 : 0));
  const moved = [...byThing.slice(4, 12), ...byThing.slice(0, 4), ...byThing.slice(12)];
  expect(foundInRun([byThing, moved])).toEqual([['body.list order']]);
});

test('a long list of names in another order tells that shorter sets are such, too', () => {
  const [was, is] = [dealt([2, 0, 3, 1]), dealt([1, 3, 0, 2])];
  const few = [
    ['xls', 'xlsx'],
    ['xlsx', 'xls'],
  ] as const;
  expect(foundInRun([was, is], [...few])).toEqual([[], []]);
  expect(foundInRun([...few])).toEqual([['body.list order']]);
  const [first, second] = few;
  expect(foundInRun([first, first], [was, is], [first, second])).toEqual([[], [], ['body.list order']]);
});
