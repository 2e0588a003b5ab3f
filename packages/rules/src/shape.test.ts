import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sketch } from './pair.fixture.ts';
import { jsonShape, shapeOf } from './shape.ts';

test('the shape of JSON is its keys and types, not its values', () => {
  expect(jsonShape({ a: 1, b: ['x'] })).toBe(jsonShape({ b: ['y', 'z'], a: 2.5 }));
  const shapes = [
    {},
    [],
    1,
    'a',
    true,
    null,
    { a: 1 },
    { a: '1' },
    { a: null },
    { b: 1 },
    [1],
    [1, 'a'],
    [[1]],
    { a: { a: 1 } },
    { a: 1, b: 1 },
  ];
  expect(new Set(shapes.map(jsonShape)).size).toBe(shapes.length);
});

test('keys that are ids count as one', () => {
  const id = '5f2b8c1e-93d4-4c6b-8a56-0f0e5b0e7a11';
  expect(jsonShape({ '17': { a: 1 }, '18': { a: 2 } })).toBe(jsonShape({ [id]: { a: 3 } }));
  expect(jsonShape({ line1: 'a' })).not.toBe(jsonShape({ line2: 'a' }));
});

test('any JSON has a shape, whatever its depth and width, and copies have the same', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 12 }), (value) => {
      expect(jsonShape(structuredClone(value))).toBe(jsonShape(value));
    }),
  );
  const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
  expect(jsonShape(deep)).toBe(jsonShape([deep]));
  jsonShape(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, i])));
});

test('the shape of other bodies is content type and size class', () => {
  const page = (text: string, type = 'text/html; charset=utf-8') =>
    shapeOf(sketch({ responseHeaders: [['content-type', type]], responseBody: text }));
  expect(page('<p>one</p>')).toBe(page('<b>two!</b>'));
  expect(page('<p>one</p>', 'text/html')).toBe(page('<p>one</p>'));
  expect(page('<p>one</p>')).not.toBe(page('<p>one</p>', 'text/plain'));
  expect(page('<p>one</p>')).not.toBe(page('<p>'.repeat(1_000)));
  expect(page('')).not.toBe(page('x'));
});

test('request and response are told apart', () => {
  expect(shapeOf(sketch({ body: { a: 1 }, responseBody: { b: 1 } }))).not.toBe(
    shapeOf(sketch({ body: { b: 1 }, responseBody: { a: 1 } })),
  );
});
