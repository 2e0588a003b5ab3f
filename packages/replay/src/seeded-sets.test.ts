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
