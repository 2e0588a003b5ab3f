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

test('a telephone number of digits alone is looked for as the tokens of today and of older recordings', () => {
  const tokens = valuesToErase('600123456', KEY).filter((value) => /^\+?(?:000|999)/.test(value));
  expect(tokens).toEqual(
    expect.arrayContaining([expect.stringMatching(/^000\d{6}$/), expect.stringMatching(/^\+999\d{5}$/)]),
  );
});
