import { expect, test } from 'vitest';
import type { Answer } from './answer.ts';
import { CATALOGUE } from './catalogue.ts';
import { isAbout } from './places.ts';
import { readFields, writeFields } from './protobuf.ts';
import { WIRE_FAULTS } from './wire-faults.ts';

const answer = (body: unknown, headers: [string, string][] = []): Answer => ({
  ...{ status: 200, trailers: [], body: Buffer.from(JSON.stringify(body)) },
  headers: [['content-type', 'application/json'], ...headers],
});
const fault = (name: string) => CATALOGUE.find((one) => one.name === name)!;
const changed = (name: string, target: string, body: unknown) => {
  const made = fault(name).change(answer(body), target, {
    ...{ random: 0, earlier: [] },
    request: { target: '/', user: '' },
  });
  return made && JSON.parse(made.body.toString());
};

test('there are more than sixty faults, each with a name of its own', () => {
  const names = [...CATALOGUE, ...WIRE_FAULTS].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThan(60);
});

test('an answer that is null has no field to leave out', () => {
  expect(changed('null field missing', 'body', null)).toBeNull();
  expect(changed('null field missing', 'body.at', { at: null, id: 7 })).toEqual({ id: 7 });
});

test('a fault changes the leaves of its target and nothing else', () => {
  const body = {
    items: [
      { id: 1, at: '2026-01-02T03:04:05.678Z' },
      { id: 2, at: '2026-01-02T23:30:00Z' },
    ],
    id: 7,
  };
  expect(changed('number +1', 'body.items[].id', body)).toEqual({
    ...{
      items: [
        { ...body.items[0], id: 2 },
        { ...body.items[1], id: 3 },
      ],
      id: 7,
    },
  });
  expect(
    changed('an hour later', 'body.items[].at', body).items.map((one: { at: string }) => one.at),
  ).toEqual(['2026-01-02T04:04:05.678Z', '2026-01-03T00:30:00Z']);
  expect(changed('field missing', 'body.id', body)).toEqual({ items: body.items });
  expect(changed('list reversed', 'body.items', body)).toEqual({ ...body, items: body.items.toReversed() });
});

test('what a fault cannot change is left alone', () => {
  expect(changed('boolean flipped', 'body.id', { id: 1 })).toBeNull();
  expect(changed('list reversed', 'body', [1])).toBeNull();
});

test('digits that a double does not hold survive a change beside them', () => {
  const body = Buffer.from('{"big":9007199254740993,"n":1}');
  const made = fault('number +1').change({ ...answer({}), body }, 'body.n', {
    ...{ random: 0, earlier: [] },
    request: { target: '/', user: '' },
  });
  expect(made?.body.toString()).toBe('{"big":9007199254740993,"n":2}');
});

test('a message of protobuf is written as it was read', () => {
  const bytes = Buffer.from('0a0568656c6c6f10ac02220408011802', 'hex');
  expect(writeFields(readFields(bytes)!)).toEqual(bytes);
});

test('a difference is about a target above it, below it or at it', () => {
  expect(isAbout('body.items[3].id', 'body.items')).toBe(true);
  expect(isAbout('body.items', 'body.items[].id')).toBe(true);
  expect(isAbout('body.itemsTotal', 'body.items')).toBe(false);
  expect(isAbout('cookie.sid;httponly', 'cookie;')).toBe(true);
});
