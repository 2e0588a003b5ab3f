import { expect, test } from 'vitest';
import { LinearPattern } from './linear-pattern.ts';

test('matches are given by their places, groups that took no part as null', () => {
  const pattern = new LinearPattern('(a)|(b+)');
  expect(pattern.groups).toBe(2);
  expect(pattern.matches('😀a bb', 10).map(({ spans }) => spans)).toEqual([
    [[2, 3], [2, 3], null],
    [[4, 6], null, [4, 6]],
  ]);
  expect(pattern.matches('aaa', 2)).toHaveLength(2);
  expect(pattern.test('xyz')).toBe(false);
});

test.each([
  ['a(?=b)', /not valid RE2 .*no look-around/],
  ['(a{100}){10}{5}', /not valid RE2|too large/],
  ['a{1000}'.repeat(6), /too large/],
])('%s is refused with the reason', (source, reason) => {
  expect(() => new LinearPattern(source)).toThrow(reason);
});

test('what would take a backtracking engine years takes no time', () => {
  expect(new LinearPattern('(a+)+$').test(`${'a'.repeat(50_000)}b`)).toBe(false);
});
