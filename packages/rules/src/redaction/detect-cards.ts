// Payment cards: issuer ranges with the lengths they are issued in, and Luhn. Numbers that start with 1 or 9 (clocks in
// milli-, micro- and nanoseconds, snowflake ids) and our own tokens are in no range.
import { isGtin, luhnRemainder } from './check-digits.ts';

/** First and last prefix of a range (same number of digits), and the lengths of its cards. */
type IssuerRange = readonly [first: string, last: string, lengths: readonly number[]];

const ISSUERS: readonly IssuerRange[] = [
  ['4', '4', [13, 16, 19]], // Visa
  ['51', '55', [16]], // Mastercard
  ['2221', '2720', [16]],
  ['34', '34', [15]], // American Express
  ['37', '37', [15]],
  ['300', '305', [14, 16]], // Diners Club
  ['3095', '3095', [14, 16]],
  ['36', '36', [14]],
  ['38', '39', [14, 16]],
  ['6011', '6011', [16, 19]], // Discover
  ['644', '649', [16, 19]],
  ['65', '65', [16, 19]], // Discover, RuPay, Elo
  ['3528', '3589', [16, 19]], // JCB
  ['62', '62', [16, 17, 18, 19]], // UnionPay
  ['81', '82', [16]], // UnionPay, RuPay
  ['2200', '2204', [16, 19]], // Mir
  ['60', '60', [16]], // RuPay
  ['508', '509', [16]], // RuPay, Elo
  ['5018', '5018', [16, 18, 19]], // Maestro
  ['5020', '5020', [16, 18, 19]],
  ['5038', '5038', [16, 18, 19]],
  ['5067', '5067', [16]], // Elo
  ['5893', '5893', [16, 18, 19]],
  ['6304', '6304', [16, 18, 19]],
  ['6363', '6363', [16]],
  ['6759', '6763', [16, 18, 19]],
  ['9792', '9792', [16]], // Troy
];

/** Whether 13 to 19 digits are the number of a card. */
export function isCardNumber(digits: string): boolean {
  if (!ISSUERS.some((range) => isIn(range, digits)) || luhnRemainder(digits) !== 0) return false;
  // Thirteen digits that start with 4 are more often the bar code of a German or Japanese article.
  return digits.length !== 13 || !isGtin(digits);
}

function isIn([first, last, lengths]: IssuerRange, digits: string): boolean {
  if (!lengths.includes(digits.length)) return false;
  const prefix = digits.slice(0, first.length);
  return prefix >= first && prefix <= last;
}
