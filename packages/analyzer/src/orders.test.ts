// Which lists have no order, as other answers of the recording show; in small recordings of a club's roles.

import { hashOrders } from '@echoplane/replay';
import { expect, test } from 'vitest';
import { analyze } from './analyze.ts';
import { type Exchange, jwtOf, record, uuidOf } from './exchanges.fixture.ts';

const roles = ['keeper', 'baker', 'porter', 'auditor'];

function unordered(...exchanges: Exchange[]): string[] {
  return analyze(record(exchanges)).tests.flatMap((one) => one.unordered ?? []);
}

function named(names: readonly string[]): Exchange {
  return { request: 'GET /members/me', answer: { roles: names } };
}

function listed(names: readonly string[], more: (name: string, i: number) => object = () => ({})): Exchange {
  const answer = { roles: names.map((name, i) => ({ id: uuidOf(name), name, ...more(name, i) })) };
  return { request: 'GET /roles', answer };
}

const otherwise = ['baker', 'auditor', 'keeper', 'porter'];

test('things with generated ids that other answers name in another order have none', () => {
  expect(unordered(listed(roles), named(otherwise))).toEqual(['body.roles']);
  expect(unordered(named(otherwise), listed(roles))).toEqual(['body.roles']);
});

test('names inside a token count as well', () => {
  const token = jwtOf({ sub: 'ada', roles: otherwise });
  const login: Exchange = { request: 'POST /login', body: { user: 'ada' }, answer: { token } };
  expect(unordered(login, listed(roles))).toEqual(['body.roles']);
});

test('an order that can be seen stays one', () => {
  expect(unordered(listed(roles), named(roles))).toEqual([]);
  expect(unordered(listed([...roles].sort()), named(otherwise))).toEqual([]);
  expect(
    unordered(
      listed(roles, (_, i) => ({ rank: i })),
      named(otherwise),
    ),
  ).toEqual([]);
  expect(unordered(listed(roles), named(roles.toReversed()))).toEqual([]);
  expect(unordered(listed(roles), named([...roles.slice(1), roles[0]!]))).toEqual([]);
  expect(unordered(listed(roles), named([...roles].sort()))).toEqual([]);
});

test('a list of other things, or one without generated ids, says nothing', () => {
  expect(unordered(listed(roles), named(['cook', 'auditor', 'baker', 'tailor']))).toEqual([]);
  const plain: Exchange = { request: 'GET /roles', answer: { roles: roles.map((name) => ({ name })) } };
  expect(unordered(plain, named(otherwise))).toEqual([]);
});

/** Uuids in the order of a hash table on the JVM, so many of them. */
const inTable = (count: number, from = 0): string[] => {
  const keys = Array.from({ length: 400 }, (_, n) => uuidOf(`key ${from + n}`));
  const order: string[] = [];
  for (const key of keys)
    if (order.length < count && hashOrders([...order, key]).includes(16)) order.push(key);
  return order;
};

test('short lists in the order of a hash table, where a long one shows that the service has such', () => {
  const list = (request: string, keys: readonly string[]): Exchange => ({
    request,
    answer: { items: keys.map((id, n) => ({ id, name: `thing ${(n * 7) % 5}`, size: [3, 1, 2][n % 3] })) },
  });
  const [long, short] = [list('GET /all', inTable(6)), list('GET /few', inTable(2, 500))];
  const turned = list('GET /few', inTable(2, 900).toReversed());
  expect(analyze(record([long, short])).tests.map((one) => one.unordered)).toEqual([
    ['body.items'],
    ['body.items'],
  ]);
  expect(unordered(short)).toEqual([]);
  expect(
    analyze(record([long, short, turned]))
      .tests.map((one) => one.unordered)
      .slice(1),
  ).toEqual([undefined, undefined]);
  const ordersOf = (...exchanges: Exchange[]) => analyze(record(exchanges)).tests.at(-1)!.orders;
  expect(ordersOf(long, short)).toEqual([{ path: 'body.items', key: '.id', by: 'hash' }]);
  // By chance in the order of a key by which no long one stands.
  const other: Exchange = {
    request: 'GET /keys',
    answer: { items: inTable(2, 700).map((serial, n) => ({ serial, size: n })) },
  };
  expect(ordersOf(long, other)).toBeUndefined();
});
