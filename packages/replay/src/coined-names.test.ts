import { expect, test } from 'vitest';
import { areCoinedAlike, isCoinedName } from './coined-names.ts';
import { LiveValues } from './live-values.ts';
import { differences } from './shifted-replay.fixture.ts';
import type { TestSketch } from './test.fixture.ts';

test.each(['quiet-otter', 'brave_turing', 'misty-river-4821', 'very-old-oak-tree'])(
  '%s is written as one',
  (name) => {
    expect(isCoinedName(name)).toBe(true);
  },
);

test.each(['Quiet-otter', 'otter', 'quiet otter', 'quiet-otter_two', 'a-b', 'v-2', 'quiet--otter'])(
  '%s is none',
  (name) => {
    expect(isCoinedName(name)).toBe(false);
  },
);

test('two are alike that have as many words', () => {
  expect(areCoinedAlike('quiet-otter', 'brave-walrus')).toBe(true);
  expect(areCoinedAlike('quiet-otter', 'brave-old-walrus')).toBe(false);
  expect(areCoinedAlike('quiet-otter', 'brave-walrus-17')).toBe(false);
});

const links: TestSketch['links'] = [{ in: 'response', path: 'body[].name', flow: 'boats', like: 'words' }];
const boats = (...names: string[]) => ({ body: names.map((name) => ({ name })) });
const against = (recorded: string[], live: string[]) =>
  differences({ ...boats(...recorded), links }, boats(...live), new LiveValues(new Map()));

test('a coined name may be another one, the same wherever it stands', () => {
  expect(against(['quiet-otter', 'quiet-otter'], ['brave-walrus', 'brave-walrus'])).toEqual([]);
  expect(against(['quiet-otter', 'quiet-otter'], ['brave-walrus', 'golden-heron'])).toEqual([
    'body[1].name value',
  ]);
  expect(against(['quiet-otter', 'golden-heron'], ['brave-walrus', 'brave-walrus'])).toEqual([
    'body[1].name value',
  ]);
});

test('a name that a client gave stays, and a coined one stays one', () => {
  expect(against(['Sea Bird'], ['brave-walrus'])).toEqual(['body[0].name value']);
  expect(against(['quiet-otter'], ['Sea Bird'])).toEqual(['body[0].name value']);
  expect(against(['quiet-otter'], ['quiet-ottr'])).toEqual(['body[0].name value']);
});
