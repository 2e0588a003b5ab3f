import { expect, test } from 'vitest';
import { parseTransforms } from './document.ts';
import { dataProblems } from './named-data.ts';

const document = parseTransforms({
  v: 1,
  variables: [{ name: 'who', functions: [{ name: 'csv-column', data: 'users', column: 'name' }] }],
  chains: [
    chain('a', 'generator-request', [{ name: 'csv-lookup', data: 'cities', field: 'zip' }]),
    chain('b', 'generator-request', [{ name: 'constant', value: '${{data:users/42/mail}}' }]),
    { ...chain('c', 'generator-request', [{ name: 'csv-column', data: 'off', column: 0 }]), active: false },
    chain('d', 'responder-request', [{ name: 'csv-column', data: 'theirs', column: 0 }]),
  ],
});

function chain(id: string, at: string, functions: object[]) {
  return { id, at, extract: { name: 'body' }, functions };
}

const problems = (data: Record<string, string>) =>
  dataProblems(document, ['generator-request'], (name) => data[name]);

test('data sets that are there, with their columns, are no problem', () => {
  expect(problems({ users: 'name,mail\nann,a@x\n', cities: 'name,zip\nBern,3000\n' })).toEqual([]);
});

test('what is missing, empty or no CSV is named; chains that are off or run elsewhere need nothing', () => {
  expect(problems({})).toEqual(['there is no data set cities', 'there is no data set users']);
  expect(problems({ users: 'name\nann\n', cities: 'name,zip\n' })).toEqual([
    'data set cities has no rows',
    'data set users has no column mail; it has name',
  ]);
  expect(problems({ users: 'name,"mail\n', cities: '' })[1]).toMatch(/^data set users is not CSV: /);
});
