// Numbers that writes at once were given, in answers of which no flow is learned.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { replayed } from './shifted-replay.fixture.ts';

interface Draft {
  recorded: number;
  live: number;
  beside?: string[];
  method?: string;
  target?: string;
  status?: number;
  key?: string;
}

/** Whether each of these drafts is called the same, one after the other. */
function areSame(...drafts: Draft[]): boolean[] {
  const values = new LiveValues(new Map());
  return drafts.map(({ recorded, live, beside, key = 'id', ...rest }, i) => {
    const said = { n: i + 1, method: 'POST', target: '/tasks/15/drafts', status: 201, ...rest };
    const was = { ...said, body: { [key]: recorded, text: 'one' }, ...(beside ? { beside } : {}) };
    return (
      replayed(was, { status: said.status, body: { [key]: live, text: 'one' } }, values).differences
        .length === 0
    );
  });
}

test('two writes that were under way at once may get each other’s numbers', () => {
  expect(
    areSame({ recorded: 3, live: 2, beside: ['15', '2'] }, { recorded: 2, live: 3, beside: ['3'] }),
  ).toEqual([true, true]);
});

test('so may two mutations of GraphQL, but not of what they name', () => {
  const mutate = (variables: object, recorded: string, live: string) => {
    const answer = (id: string) => ({ data: { makeAddress: { id, city: 'delta' } } });
    const requestBody = { query: 'mutation M { makeAddress { id city } }', variables };
    const said = { n: 1, method: 'POST', target: '/graphql', requestBody, beside: ['4'] };
    const values = new LiveValues(new Map());
    return replayed({ ...said, body: answer(recorded) }, { body: answer(live) }, values).differences.length;
  };
  expect(mutate({ city: 'delta' }, '5', '4')).toBe(0);
  expect(mutate({ id: '5' }, '5', '4')).toBe(1);
});

test('of three, the one in the middle gets the number that the first one left', () => {
  const long = { recorded: 4, live: 2, beside: ['2', '3'] };
  expect(
    areSame(long, { recorded: 2, live: 3, beside: ['4'] }, { recorded: 3, live: 4, beside: ['4'] }),
  ).toEqual([true, true, true]);
});

test('a write that was alone, or a number that nobody else was given, is compared as ever', () => {
  expect(areSame({ recorded: 3, live: 2 })).toEqual([false]);
  expect(areSame({ recorded: 3, live: 9, beside: ['2', '15'] })).toEqual([false]);
  expect(areSame({ recorded: 3, live: 300, beside: ['300'] })).toEqual([false]);
});

test('nor may two get one number, or one two', () => {
  const first = { recorded: 3, live: 2, beside: ['2', '4'] };
  expect(areSame(first, { recorded: 4, live: 2, beside: ['2', '3'] })).toEqual([true, false]);
  expect(areSame(first, { recorded: 3, live: 4, beside: ['2', '4'] })).toEqual([true, false]);
});

test('nor may another field, the number that the request names, or what only reads', () => {
  const beside = ['2', '15'];
  expect(areSame({ recorded: 3, live: 2, beside, key: 'stars' })).toEqual([false]);
  expect(areSame({ recorded: 3, live: 2, beside, target: '/drafts/3/sent', status: 200 })).toEqual([false]);
  expect(areSame({ recorded: 3, live: 2, beside, target: '/tasks/3/drafts' })).toEqual([true]);
  expect(areSame({ recorded: 3, live: 2, beside, method: 'PUT' })).toEqual([false]);
  expect(areSame({ recorded: 3, live: 2, beside, target: '/drafts/search' })).toEqual([false]);
});
