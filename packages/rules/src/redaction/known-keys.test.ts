// Keys are known again by all of their characters, whatever else shares their slot, and never outgrow the table.
import { expect, test } from 'vitest';
import { KnownKeys } from './known-keys.ts';

const SIGNS = Array.from({ length: 94 }, (_, index) => String.fromCharCode(0x21 + index));

function knownKeys(asked: string[] = []) {
  return new KnownKeys(
    (key) => {
      asked.push(key);
      return key.startsWith('pass') ? 'password' : null;
    },
    (key) => key.includes('@'),
  );
}

test('a key is asked about once, wherever it stands', () => {
  const asked: string[] = [];
  const keys = knownKeys(asked);
  expect(keys.at('{"password":1', 2, 10)).toMatchObject({
    key: 'password',
    kind: 'password',
    isNaming: false,
  });
  expect(keys.at('password', 0, 8)).toBe(keys.at('xpassword', 1, 9));
  expect(keys.at('name', 0, 4)).toMatchObject({ kind: null, isNaming: true, isNamed: false, isSimple: true });
  expect(keys.at('a[value]', 2, 7)).toMatchObject({ isNaming: false, isNamed: true, isSimple: true });
  expect(keys.at('a.b', 0, 3)).toMatchObject({ isSimple: false });
  expect(asked).toEqual(['password', 'name', 'value', 'a.b']);
});

test('keys that share a slot are not taken for each other', () => {
  const keys = knownKeys();
  for (const first of SIGNS)
    for (const second of SIGNS)
      for (const key of [`id${first}${second}`, `${first}i${second}d`]) {
        keys.at('id', 0, 2);
        expect(keys.at(key, 0, 4)?.key).toBe(key.includes('@') ? undefined : key);
      }
});

test('keys that hold data, are long or empty are not known', () => {
  const keys = knownKeys();
  expect([keys.at('a@b.cd', 0, 6), keys.at('x'.repeat(65), 0, 65), keys.at('x', 0, 0)]).toEqual([
    null,
    null,
    null,
  ]);
  expect(keys.at('x'.repeat(64), 0, 64)?.key).toHaveLength(64);
});
