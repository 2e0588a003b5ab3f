import { expect, test } from 'vitest';
import { hashOrders } from './hash-order.ts';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

/** Uuids, and in the order of a hash table. */
const ids = (...digits: string[]) =>
  digits.map((digit) => `2c5ea4c0-4067-41e9-8bad-9b1deb4d${digit.repeat(4)}`);
const list = (keys: readonly string[], names = ['ash', 'oak', 'elm']) =>
  json({ things: keys.map((id, n) => ({ id, name: names[n] })) });
const found = (recorded: object, live: object) => differences(recorded, live, new LiveValues(new Map()));
const inTable = (keys: string[], yes: boolean): string[] => {
  const [a, b, c] = keys as [string, string, string];
  const all = [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ];
  return all.find((one) => hashOrders(one).length > 0 === yes)!;
};

test('a list in the order of a hash table may be in the order of other keys, but in no other', () => {
  const [was, is] = [ids('1', '2', '3'), ids('7', '8', '9')];
  const rule = { unordered: ['body.things'] };
  const hashed = { ...rule, orders: [{ path: 'body.things', key: '.id', by: 'hash' as const }] };
  const recorded = list(inTable(was, true));
  const [table, other] = [
    list(inTable(is, true), ['elm', 'ash', 'oak']),
    list(inTable(is, false), ['elm', 'ash', 'oak']),
  ];
  expect(found({ ...recorded, ...rule }, other)).toEqual([]);
  expect(found({ ...recorded, ...hashed }, table)).toEqual([]);
  expect(found({ ...recorded, ...hashed }, other)).toEqual(['body.things order']);
});

test('a list that is always in the order of its names may not be moved by what is generated', () => {
  const person = (name: string, mail: string) => ({ name, mail: `u-abcdefghijk${mail}@redacted.invalid` });
  const [recorded, live] = [
    json([person('ada', '7'), person('bo', '8')]),
    json([person('bo', '8'), person('ada', '7')]),
  ];
  expect(found(recorded, live)).toEqual([]);
  expect(found({ ...recorded, orders: [{ path: 'body', key: '.name', by: 'rising' }] }, live)).toEqual([
    'body order',
  ]);
});
