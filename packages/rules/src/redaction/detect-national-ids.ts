// Identity numbers of people, of the countries whose numbers have a shape or a check digit strong enough to tell them from
// other numbers: digits by their groups, and codes of letters and digits. Others (eleven bare digits and the like) are
// found by the name of their field or a pattern of the user, not here.
import { classAt, DIGIT, isDigitAt, isWordAt, LETTER, UPPER } from './char-class.ts';
import { isGtin, isMod11Of10, isVerhoeff, weightedSum } from './check-digits.ts';
import type { Finding } from './finding.ts';

/** Rows of digits by the lengths of their groups and the separators between. */
export const NATIONAL_SHAPES: readonly (readonly [string, (digits: string) => boolean])[] = [
  ['3-2-4', isSocialSecurity],
  ['3.3.3-2', isCpf],
  ['4 4 4', isAadhaar],
  ['4-4-4', isAadhaar],
  ['1 2 2 2 3 3 2', isNir],
  ['13 2', isNir],
  ['15', isNir],
  ['2 3 3 3', isSteuerId],
  ['4.2.3', isBsn],
  ['2.2.2-3.2', isBelgian],
  ['3.4.4.2', (digits) => digits.startsWith('756') && isGtin(digits)], // Swiss AHV
  ['6-7', isKorean],
];

/** United States: areas 000, 666 and 900 up were never given, nor group 00 and serial 0000. */
function isSocialSecurity(digits: string): boolean {
  return !/^(?:000|666|9)|^\d{3}00|0000$/.test(digits);
}

/** Brazil: two check digits modulo 11. */
function isCpf(digits: string): boolean {
  if (/^(\d)\1*$/.test(digits)) return false;
  const check = (length: number): number => {
    const weights = Array.from({ length }, (_, index) => length + 1 - index);
    return ((weightedSum(digits, weights) * 10) % 11) % 10;
  };
  return check(9) === Number(digits[9]) && check(10) === Number(digits[10]);
}

function isAadhaar(digits: string): boolean {
  return digits[0]! >= '2' && isVerhoeff(digits);
}

/** France: sex, year, month, department, …, key. */
function isNir(digits: string): boolean {
  const month = Number(digits.slice(3, 5));
  const department = Number(digits.slice(5, 7));
  if (!/^[12378]/.test(digits) || !((month >= 1 && month <= 12) || (month >= 20 && month <= 42)))
    return false;
  return department > 0 && 97 - (Number(digits.slice(0, 13)) % 97) === Number(digits.slice(13));
}

/** Germany: the first ten digits hold one digit twice or thrice, no other twice. */
function isSteuerId(digits: string): boolean {
  const distinct = new Set(digits.slice(0, 10)).size;
  return digits[0] !== '0' && (distinct === 9 || distinct === 8) && isMod11Of10(digits);
}

/** Netherlands: the eleven-proof. */
function isBsn(digits: string): boolean {
  return weightedSum(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 && Number(digits) > 0;
}

/** Belgium: born before or since 2000. */
function isBelgian(digits: string): boolean {
  const check = Number(digits.slice(9));
  const body = digits.slice(0, 9);
  return check > 0 && (97 - (Number(body) % 97) === check || 97 - (Number(`2${body}`) % 97) === check);
}

/** South Korea: a date of birth and the digit of sex and century. */
function isKorean(digits: string): boolean {
  return isMonthDay(digits.slice(2, 6)) && /^[1-4]/.test(digits.slice(6));
}

function isMonthDay(digits: string): boolean {
  return /^(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(digits);
}

const SPANISH = 'TRWAGMYFPDXBNJZSQVHLCKE';
const FINNISH = '0123456789ABCDEFHJKLMNPRSTUVWXY';
const CODICE_ODD = [
  1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
];
const nino = /^(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]( ?)\d{2}\1\d{2}\1\d{2}\1[A-D]$/;
const codice = /^[A-Z]{6}\d{2}[ABCDEHLMPRST]\d{2}[A-Z]\d{3}[A-Z]$/;

/** A code of letters and digits that starts here; what stands before is no part of a word. */
export function nationalCodeAt(text: string, at: number): Finding | undefined {
  const first = classAt(text, at);
  let end = at + 1;
  while (end - at < 20 && isWordAt(text, end)) end += 1;
  const length = end - at;
  if ((first & LETTER) !== 0) {
    if (length === 2 && text.charCodeAt(end) === 0x20 && isDigitAt(text, end + 1))
      return spacedNino(text, at);
    if (length !== 9 && length !== 16) return undefined;
    const code = text.slice(at, end);
    const known = length === 16 ? isCodice(code) : isNie(code) || nino.test(code);
    return known ? { start: at, end, kind: 'national-id' } : undefined;
  }
  if (length === 9 || length === 8) return dniAt(text, at, end);
  if (length === 6 || length === 11) return finnishAt(text, at);
  if (length !== 18) return undefined;
  return isChinese(text.slice(at, end)) ? { start: at, end, kind: 'national-id' } : undefined;
}

function spacedNino(text: string, at: number): Finding | undefined {
  const end = at + 13;
  return nino.test(text.slice(at, end)) && !isWordAt(text, end)
    ? { start: at, end, kind: 'national-id' }
    : undefined;
}

/** Spain: eight digits and the letter of their remainder, a dash between or not. */
function dniAt(text: string, at: number, wordEnd: number): Finding | undefined {
  const letter = wordEnd - at === 9 ? wordEnd - 1 : wordEnd + 1;
  if (letter > wordEnd && text.charCodeAt(wordEnd) !== 0x2d) return undefined;
  if ((classAt(text, letter) & UPPER) === 0 || isWordAt(text, letter + 1)) return undefined;
  for (let index = at; index < at + 8; index++) if (!isDigitAt(text, index)) return undefined;
  if (SPANISH[Number(text.slice(at, at + 8)) % 23] !== text[letter]) return undefined;
  return { start: at, end: letter + 1, kind: 'national-id' };
}

function isNie(code: string): boolean {
  if (!/^[XYZ]\d{7}[A-Z]$/.test(code)) return false;
  return SPANISH[Number(`${'XYZ'.indexOf(code[0]!)}${code.slice(1, 8)}`) % 23] === code[8];
}

/** Italy: the letter that checks the fifteen before it. */
function isCodice(code: string): boolean {
  if (!codice.test(code)) return false;
  let sum = 0;
  for (let index = 0; index < 15; index++) {
    const digit = code.charCodeAt(index) - 0x30;
    const value = digit < 10 ? digit : digit - 17;
    sum += index % 2 === 0 ? CODICE_ODD[value]! : value;
  }
  return sum % 26 === code.charCodeAt(15) - 0x41;
}

/** Finland: date of birth, sign of the century, three digits, check character. */
function finnishAt(text: string, at: number): Finding | undefined {
  const end = at + 11;
  const code = text.slice(at, end);
  const parts = /^(\d{6})[-+A-FU-Y](\d{3})([0-9A-Y])$/.exec(code);
  if (parts === null || isWordAt(text, end) || (classAt(text, end) & DIGIT) !== 0) return undefined;
  if (!isMonthDay(code.slice(2, 4) + code.slice(0, 2))) return undefined;
  return FINNISH[Number(parts[1]! + parts[2]!) % 31] === parts[3]
    ? { start: at, end, kind: 'national-id' }
    : undefined;
}

/** China: region, date of birth, serial, check character modulo 11. */
function isChinese(code: string): boolean {
  if (!/^[1-8]\d{5}(?:19|20)\d{9}[\dX]$/.test(code) || !isMonthDay(code.slice(10, 14))) return false;
  const sum = weightedSum(code, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
  return '10X98765432'[sum % 11] === code[17];
}
