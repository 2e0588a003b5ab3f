import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { record } from './exchanges.fixture.ts';

function learned(seconds: readonly number[], name = 'expires_in') {
  const answers = seconds.map((left, n) => ({
    request: 'POST /token',
    body: { scope: `s${n}` },
    answer: { [name]: left },
  }));
  return analyze(record(answers))
    .tests[0]!.volatile.filter(({ cut }) => cut)
    .map(({ path }) => path);
}

test('seconds left of whole minutes that are one fewer now and then are cut ones', () => {
  expect(learned([3600, 3600, 3599])).toEqual(['body.expires_in']);
  expect(learned([3599, 3599])).toEqual(['body.expires_in']);
  expect(learned([3600, 899, 900], 'ttl')).toEqual(['body.ttl']);
});

test('not what was always whole, was said once, of other lifetimes, under other names, or counted down', () => {
  expect(learned([3600, 3600, 900, 900])).toEqual([]);
  expect(learned([3600, 3600, 899])).toEqual([]);
  expect(learned([3599, 3599], 'total')).toEqual([]);
  expect(learned([3600, 3598, 3597, 3596])).toEqual([]);
});
