import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileJsonPath, shownLocation } from './json-path.ts';
import { addAt, type Location, putAt, removeAt, sourceAt } from './json-source.ts';

const anyJson = fc.jsonValue({ maxDepth: 4 });
const spaced = (value: unknown, indent: number) => JSON.stringify(value, null, indent);
const every = compileJsonPath('$..*');
const at = (value: unknown, location: Location) =>
  location.reduce((held, step) => (held as never)[step], value);

test('every value is found in its own spelling', () => {
  fc.assert(
    fc.property(anyJson, fc.integer({ min: 0, max: 3 }), (value, indent) => {
      const text = spaced(value, indent);
      const parsed: unknown = JSON.parse(text);
      for (const location of every(parsed))
        expect(JSON.parse(sourceAt(text, location)!)).toEqual(at(parsed, location));
    }),
  );
});

test('putting a spelling where it stood changes no byte, and another changes that value alone', () => {
  fc.assert(
    fc.property(anyJson, fc.integer({ min: 0, max: 3 }), fc.nat(), (value, indent, pick) => {
      const text = spaced(value, indent);
      const parsed: unknown = JSON.parse(text);
      const locations = every(parsed);
      if (locations.length === 0) return;
      const location = locations[pick % locations.length]!;
      expect(putAt(text, [{ location, spelling: sourceAt(text, location)! }])).toBe(text);
      const edited = putAt(text, [{ location, spelling: '"\\u0000new"' }]);
      expect(at(JSON.parse(edited), location)).toBe('\0new');
      const source = sourceAt(text, location)!;
      expect(edited.length).toBe(text.length - source.length + '"\\u0000new"'.length);
    }),
  );
});

test('what is removed is gone, and nothing else', () => {
  fc.assert(
    fc.property(anyJson, fc.integer({ min: 0, max: 3 }), fc.nat(), (value, indent, pick) => {
      const text = spaced(value, indent);
      const parsed = JSON.parse(text);
      const locations = every(parsed);
      if (locations.length === 0) return;
      const location = locations[pick % locations.length]!;
      const holder = at(parsed, location.slice(0, -1)) as never;
      if (Array.isArray(holder)) (holder as unknown[]).splice(Number(location.at(-1)), 1);
      else delete holder[location.at(-1)!];
      expect(JSON.parse(removeAt(text, location))).toEqual(parsed);
    }),
  );
});

test('what is added stands at the end', () => {
  expect(addAt('{ }', [], 'a', '1')).toBe('{"a":1 }');
  expect(addAt('{"a":[ ]}', ['a'], null, '1')).toBe('{"a":[1 ]}');
  expect(addAt('{"a" : {"b":1}\n}', ['a'], 'c"', '[]')).toBe('{"a" : {"b":1,"c\\"":[]}\n}');
});

test.each([
  ['a.b', { a: { b: 1 } }, ['.a.b']],
  ['0.b', [{ b: 1 }], ['[0].b']],
  ['a.0', { a: { 0: 'x' } }, ['.a["0"]']],
  ['[]', [1, 2], ['[0]', '[1]']],
  ['a[*].b', { a: [{ b: 1 }, {}, { b: 2 }] }, ['.a[0].b', '.a[2].b']],
  ['a.*', { a: { x: 1, y: 2 } }, ['.a.x', '.a.y']],
  ['a\\.b', { 'a.b': 1 }, ['["a.b"]']],
  ['', 5, ['']],
  ['$', 5, ['']],
  ['$.a[-1:]', { a: [1, 2] }, ['.a[1]']],
  ['__proto__.x', {}, []],
  ['a.b', { a: 'text' }, []],
])('path %s', (path, value, found) => {
  expect(compileJsonPath(path)(value).map(shownLocation)).toEqual(found);
});

test.each(['a[', '$.[', 'a["b'])('%s is said to be no path', (path) => {
  expect(() => compileJsonPath(path)).toThrow(/is no (JSON )?path/);
});
