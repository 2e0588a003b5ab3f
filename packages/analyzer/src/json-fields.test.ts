import { expect, test } from 'vitest';
import { JsonFields } from './json-fields.ts';

test('the fields of an object are found in its text, whatever is in their values', () => {
  const object = {
    n: -1.5e30,
    'a "key" \\': 'a "text", {[ \\',
    list: [[], {}, ['}', { x: ']' }]],
    deep: { request: { a: 1 }, b: null },
    none: null,
    yes: true,
    last: 7,
  };
  const fields = new JsonFields().read(JSON.stringify(object));
  for (const [name, value] of Object.entries(object))
    expect(JSON.parse(fields.raw(JSON.stringify(name).slice(1, -1))!)).toEqual(value);
  expect(fields.raw('request')).toBeUndefined();
});

test('an object inside another one is read from where it begins, and an empty one has no fields', () => {
  const text = JSON.stringify({ a: {}, b: { c: ['x'], d: '' }, c: 1 });
  const outer = new JsonFields().read(text);
  const inner = new JsonFields().read(text, outer.at('b'));
  expect([inner.raw('c'), inner.raw('d'), inner.raw('a')]).toEqual(['["x"]', '""', undefined]);
  expect(inner.read(text, outer.at('a')).at('c')).toBe(-1);
  expect(outer.at('z')).toBe(-1);
});
