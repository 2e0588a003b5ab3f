// The patch is right for any two values, and no longer than it must be.
import fc from 'fast-check';
import { applyPatch, type Operation } from 'rfc6902';
import { expect, test } from 'vitest';
import type { PatchOperation } from './contract.ts';
import { jsonPatch } from './json-patch.ts';

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, 'a', 'b/c', '~'),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(fc.constantFrom('a', 'a/b', 'm~n', 'name', 'env', 'labels'), tie('value'), { maxKeys: 4 }),
    fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), value: tie('value') }), {
      selector: ({ name }) => name,
    }),
  ),
})).value;

function applied(before: unknown, patch: PatchOperation[]): unknown {
  const holder = { at: structuredClone(before) };
  const moved = patch.map((operation) => ({ ...structuredClone(operation), path: `/at${operation.path}` }));
  expect(applyPatch(holder, moved as Operation[]).filter((problem) => problem !== null)).toEqual([]);
  return holder.at;
}

test('it turns any value into any other', () => {
  fc.assert(fc.property(json, json, (a, b) => void expect(applied(a, jsonPatch(a, b))).toEqual(b)));
});

test('equal values need none', () => {
  fc.assert(fc.property(json, (a) => void expect(jsonPatch(a, structuredClone(a))).toEqual([])));
});

test.each<[string, unknown, unknown, PatchOperation[]]>([
  [
    'an element put first costs one operation',
    { containers: [{ name: 'a' }, { name: 'b' }] },
    { containers: [{ name: 'new' }, { name: 'a' }, { name: 'b' }] },
    [{ op: 'add', path: '/containers/0', value: { name: 'new' } }],
  ],
  [
    'a field of an element that has moved is changed where it is now',
    [{ name: 'a', image: '1' }],
    [{ name: 'b' }, { name: 'a', image: '2' }],
    [
      { op: 'add', path: '/0', value: { name: 'b' } },
      { op: 'replace', path: '/1/image', value: '2' },
    ],
  ],
  ['keys are escaped', {}, { 'a/b~c': 1 }, [{ op: 'add', path: '/a~1b~0c', value: 1 }]],
  ['a removed key', { a: 1, b: 2 }, { b: 2 }, [{ op: 'remove', path: '/a' }]],
])('%s', (_, before, after, patch) => {
  expect(jsonPatch(before, after)).toEqual(patch);
});
