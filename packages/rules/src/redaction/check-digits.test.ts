// Check digits against published examples.
import { expect, test } from 'vitest';
import { isGtin, isMod11Of10, isVerhoeff, luhnRemainder, mod97, weightedSum } from './check-digits.ts';

test.each([
  ['Luhn: 7992739871 takes 3', luhnRemainder('79927398713') === 0 && luhnRemainder('79927398710') !== 0],
  ['GTIN-13', isGtin('4006381333931') && !isGtin('4006381333932')],
  ['GTIN-8', isGtin('73513537') && !isGtin('73513536')],
  ['IBAN: DE89…', mod97('370400440532013000DE89') === 1 && mod97('370400440532013000DE88') !== 1],
  ['MOD 11,10: 86095742719', isMod11Of10('86095742719') && !isMod11Of10('86095742718')],
  ['Verhoeff: 236 takes 3', isVerhoeff('2363') && !isVerhoeff('2364')],
  ['weights beyond the digits given do not count', weightedSum('123', [1, 10]) === 21],
])('%s', (_, holds) => {
  expect(holds).toBe(true);
});
