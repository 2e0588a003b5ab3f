import { expect, test } from 'vitest';
import { valuesToErase } from './erasure-values.ts';

const KEY = new Uint8Array(32).fill(7);

test('an address is looked for in its spellings and as the tokens of today and of older recordings', () => {
  const values = valuesToErase('Bob@Shop.example', KEY);
  expect(values).toEqual(expect.arrayContaining(['Bob@Shop.example', 'bob@shop.example']));
  const tokens = values.filter((value) => value.startsWith('u-'));
  const [local] = tokens[0]!.split('@');
  expect(tokens.sort()).toEqual([`${local}@redacted.example.com`, `${local}@redacted.invalid`]);
});
