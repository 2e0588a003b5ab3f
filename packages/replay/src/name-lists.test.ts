// Headers that are sets of names: a service may keep them in a table whose order is another one in each life.
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, head, json } from './shifted-replay.fixture.ts';

const found = (name: string, was: string, is: string) =>
  differences(head([name, was]), head([name, is]), new LiveValues(new Map()));

test('the order of names in a header that is a set of them means nothing', () => {
  const name = 'Access-Control-Expose-Headers';
  expect(found(name, 'ETag, Alert, Content-Type', 'Content-Type,ETag, Alert')).toEqual([]);
  expect(found('Vary', 'Origin, Accept', 'Accept, Origin')).toEqual([]);
  const inBatch = (names: string) => json({ responses: [{ headers: { [name]: names } }] });
  expect(differences(inBatch('ETag, Alert'), inBatch('Alert, ETag'), new LiveValues(new Map()))).toEqual([]);
});

test('a name that is lost or another one is a difference, and other lists keep their order', () => {
  const name = 'Access-Control-Expose-Headers';
  expect(found(name, 'ETag, Alert', 'ETag')).toEqual([`header.${name.toLowerCase()} value`]);
  expect(found(name, 'ETag, Alert', 'ETag, Alarm')).toHaveLength(1);
  expect(found('X-Steps', 'first, second', 'second, first')).toHaveLength(1);
});
