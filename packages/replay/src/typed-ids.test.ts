// Ids that are a type and a number behind base64, as relay has them: the next number is another id, a changed letter none.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json } from './shifted-replay.fixture.ts';

const id = (text: string) => Buffer.from(text).toString('base64');
const links = [{ in: 'response' as const, path: 'body.id', flow: 'orders' }];

test('writes of one time may have got each other’s ids, each one', () => {
  const values = new LiveValues(new Map());
  const made = (n: number, recorded: string, live: string) =>
    differences(
      { n, method: 'POST', requestBody: { n }, links, ...json({ id: id(recorded) }) },
      json({ id: id(live) }),
      values,
    );
  expect(made(1, 'OrderType:3', 'OrderType:4')).toEqual([]);
  expect(made(2, 'OrderType:4', 'OrderType:3')).toEqual([]);
  expect(made(3, 'OrderType:5', 'OrderType:3')).toEqual(['body.id value']);
  expect(made(4, 'OrderType:6', 'OrdarType:6')).toEqual(['body.id value']);
});
