import { expect, it } from 'vitest';
import { rateOf } from './rates.ts';

it('rateOf() gives the table itself for the euro', () => {
  expect(rateOf('EUR', 'USD')).toBe(1.0842);
});

it('rateOf() crosses two currencies through the euro', () => {
  expect(rateOf('USD', 'GBP')).toBe(0.790168);
  expect(rateOf('GBP', 'GBP')).toBe(1);
});

it('rateOf() does not know a currency outside the table, nor an object property', () => {
  expect(rateOf('EUR', 'XXX')).toBeUndefined();
  expect(rateOf('toString', 'EUR')).toBeUndefined();
});
