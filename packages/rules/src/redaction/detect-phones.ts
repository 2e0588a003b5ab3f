// Telephone numbers: international ones by their `+` and country code, national ones only in the groups people write
// them in. Bare rows of digits are never telephone numbers here: fields that hold them have a name.
import { isDigitAt, isWordAt } from './char-class.ts';
import type { Finding } from './finding.ts';

const NANP = /^[2-9]\d{2}[2-9]\d{6}$/;
const french = (digits: string): boolean => /^0[1-9]/.test(digits);
const trunk = french;

/** National numbers by the lengths of their groups and the separators between. */
export const PHONE_SHAPES: readonly (readonly [string, (digits: string) => boolean])[] = [
  ['3-3-4', (digits) => NANP.test(digits)],
  ['3.3.4', (digits) => NANP.test(digits)],
  ['1-3-3-4', (digits) => digits[0] === '1' && NANP.test(digits.slice(1))],
  ['2 2 2 2 2', french],
  ['2.2.2.2.2', french],
  ['2-2-2-2-2', french],
  ['3 2 2 2', (digits) => /^[6-9]/.test(digits)], // Spain
  ['3 4 4', (digits) => trunk(digits) || /^1[3-9]/.test(digits)], // London, Japan; China
  ['3-4-4', (digits) => trunk(digits) || /^1[3-9]/.test(digits)],
  ['2-4-4', trunk],
  ['2 4 4', trunk],
  ['4 3 3', trunk],
  ['4 3 4', trunk],
  ['4-3-4', trunk],
  ...['3 6', '3 7', '3 8', '4 6', '4 7', '4 8', '5 5', '5 6', '5 7'].flatMap((shape) => [
    [shape, trunk] as const,
    [shape.replace(' ', '/'), trunk] as const,
  ]),
];

/** Two-digit country codes; all others that start like them have three. 1 and 7 have one. */
const TWO_DIGITS = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(
    ' ',
  ),
);
/** First two digits of the three-digit codes that are given. */
const THREE_DIGITS = new Set(
  '21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99'.split(' '),
);
/** Digits after the country code at most, where numbers are often followed by others. */
const NATIONAL_DIGITS: Readonly<Record<string, number>> = {
  1: 10,
  7: 10,
  31: 9,
  32: 9,
  33: 9,
  34: 9,
  39: 11,
  41: 9,
  44: 10,
  45: 8,
  46: 10,
  47: 8,
  48: 9,
  49: 11,
  55: 11,
  61: 9,
  81: 10,
  86: 11,
  91: 10,
};
const MAX_LENGTH = 28;

/** The international number whose country code starts here; `start` is where its `+` or `%2B` stands. */
export function internationalAt(text: string, start: number, at: number): Finding | undefined {
  const country = countryCode(text.slice(at, at + 3));
  if (country === undefined) return undefined;
  const most = country.length + (NATIONAL_DIGITS[country] ?? 15 - country.length);
  let digits = 0;
  let end = at;
  let next = at;
  let grouped = false;
  while (next - at < MAX_LENGTH) {
    let groupEnd = next;
    while (isDigitAt(text, groupEnd) && groupEnd - next < 16) groupEnd += 1;
    // `+44 (0)20`: the bracketed zero is dialled at home only.
    const bracketed = text.charCodeAt(groupEnd) === 0x29 && groupEnd - next === 1;
    const more = bracketed && text.charCodeAt(next) === 0x30 ? 0 : groupEnd - next;
    if (digits + more > most) break;
    digits += more;
    end = groupEnd;
    const gap = separatorLength(text, groupEnd);
    if (gap === 0) break;
    grouped = true;
    next = groupEnd + gap;
  }
  const enough = country === '1' ? digits === 11 : digits >= (grouped ? 8 : 9);
  return enough && !isWordAt(text, end) ? { start, end, kind: 'phone' } : undefined;
}

/** A number whose area code stands in brackets: `(555) 123-4567`; `at` is the bracket. */
export function bracketedAt(text: string, at: number): Finding | undefined {
  const parts = /^\((\d{2,5})\)[ -]?(\d{3,8})(?:([ -])(\d{3,5}))?/.exec(text.slice(at, at + 24));
  if (parts === null) return undefined;
  const end = at + parts[0].length;
  const [, area = '', first = '', , second = ''] = parts;
  if (isWordAt(text, end) || (text.charCodeAt(end) === 0x2d && isWordAt(text, end + 1))) return undefined;
  const digits = area + first + second;
  const american = area.length === 3 && first.length + second.length === 7 && NANP.test(digits);
  const brazilian = area.length === 2 && second.length === 4 && (first.length === 4 || first.length === 5);
  const trunked = trunk(area) && digits.length >= 9 && digits.length <= 12;
  return american || brazilian || trunked ? { start: at, end, kind: 'phone' } : undefined;
}

/** The end of one of our own telephone tokens, which must not be read as anything else; 0 when there is none. */
export function phoneTokenEnd(text: string, at: number): number {
  if (!text.startsWith('999', at)) return 0;
  let end = at + 3;
  while (end - at < MAX_LENGTH) {
    if (isDigitAt(text, end)) end += 1;
    else {
      const gap = separatorLength(text, end);
      if (gap === 0) return end;
      end += gap;
    }
  }
  return end;
}

function countryCode(digits: string): string | undefined {
  if (digits[0] === '1' || digits[0] === '7') return digits[0];
  const two = digits.slice(0, 2);
  if (TWO_DIGITS.has(two)) return two;
  return THREE_DIGITS.has(two) && digits !== '999' ? digits : undefined;
}

/** Characters between two groups, a digit after them: one separator, or a bracket with a space or a dash. */
function separatorLength(text: string, at: number): number {
  if (isSeparator(text.charCodeAt(at))) {
    if (isDigitAt(text, at + 1)) return 1;
    if (isBracketOrSpace(text, at, at + 1) && isDigitAt(text, at + 2)) return 2;
  }
  return 0;
}

function isSeparator(code: number): boolean {
  // space ( ) - . /
  return code === 0x20 || code === 0x28 || code === 0x29 || (code >= 0x2d && code <= 0x2f);
}

/** ` (`, `) ` and `)-`. */
function isBracketOrSpace(text: string, first: number, second: number): boolean {
  const one = text.charCodeAt(first);
  const two = text.charCodeAt(second);
  return (one === 0x20 && two === 0x28) || (one === 0x29 && (two === 0x20 || two === 0x2d));
}
