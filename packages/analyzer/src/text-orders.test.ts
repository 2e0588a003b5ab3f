import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, record, uuidOf } from './exchanges.fixture.ts';

/** `GET /members?page=0` and so on. */
const pages = (...lists: readonly (readonly string[])[]): Exchange[] =>
  lists.map((names, n) => ({
    request: `GET /members?page=${n}`,
    answer: { members: names.map((name) => ({ id: uuidOf(name), name, role: 'guest' })) },
  }));
const orders = (...exchanges: Exchange[]) => analyze(record(exchanges)).tests.at(-1)!.orders;
const byName = (by: string) => [{ path: 'body.members', key: '.name', by }];

test('a list is in the order of a name when it is so on all pages, and that is no chance', () => {
  expect(orders(...pages(['ada', 'bo', 'cy', 'dee', 'eve']))).toEqual(byName('rising'));
  expect(orders(...pages(['eve', 'dee'], ['cy', 'bo', 'ada']))).toEqual(byName('falling'));
  expect(orders(...pages(['ada', 'bo'], ['cy', 'dee'], ['eve', 'fay']))).toEqual(byName('rising'));
  expect(orders(...pages(['ada', 'bo', 'cy', 'dee'], ['ann', 'bob', 'cat']))).toEqual(byName('rising'));
});

test('few names, the same ones again, and an order that one page has not, are none', () => {
  expect(orders(...pages(['ada', 'bo', 'cy', 'dee']))).toBeUndefined();
  expect(
    orders(...pages(['ada', 'bo', 'cy'], ['ada', 'bo', 'cy'], ['ada', 'bo', 'cy', 'dee'])),
  ).toBeUndefined();
  expect(orders(...pages(['ada', 'bo', 'cy', 'dee', 'eve'], ['gus', 'fay']))).toBeUndefined();
  expect(orders(...pages(['ada', 'bo', 'cy', 'dee', 'eve'], ['ivy', 'hal', 'gus']))).toBeUndefined();
});

test('what is generated, a time, a number or not a key is no name', () => {
  const list = (field: (n: number) => unknown): Exchange => ({
    request: 'GET /things',
    answer: [1, 2, 3, 4, 5, 6].map((n) => ({ field: field(n) })),
  });
  expect(orders(list((n) => `item ${'abcdef'[n - 1]}`))).toHaveLength(1);
  expect(orders(list((n) => `Thu, 0${n} Jan 2026 10:00:00 GMT`))).toBeUndefined();
  expect(orders(list((n) => `${'abcdef'[n - 1]} ${uuidOf(`${n}`)}`))).toBeUndefined();
  expect(orders(list((n) => n))).toBeUndefined();
  expect(orders(list((n) => String(n)))).toBeUndefined();
  expect(orders(list((n) => (n < 4 ? 'a' : 'b')))).toBeUndefined();
});

test('the lists of several things, and those that writes make, are no pages of one', () => {
  const lists = [
    ['ada', 'bo'],
    ['cy', 'dee'],
    ['eve', 'fay'],
  ];
  const each = (request: (n: number) => string) =>
    lists.map((names, n) => ({ ...pages(names)[0]!, request: request(n) }));
  expect(orders(...each(() => 'GET /members'))).toEqual(byName('rising'));
  expect(orders(...each(() => 'POST /teams'))).toBeUndefined();
  expect(orders(...each((n) => `GET /teams/${n + 1_000}/members`))).toBeUndefined();
});
