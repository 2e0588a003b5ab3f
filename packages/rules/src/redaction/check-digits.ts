// Check digits: the sums that tell a card, an account or an identity number from any other row of digits. Pure
// arithmetic over strings of digits; what the numbers mean is the detectors'.

const digit = (text: string, at: number): number => text.charCodeAt(at) - 0x30;

/** The sum of Luhn (ISO/IEC 7812-1) modulo 10; 0 where the check digit is right. */
export function luhnRemainder(digits: string): number {
  let sum = 0;
  for (let index = digits.length - 1, double = false; index >= 0; index--, double = !double) {
    const value = digit(digits, index);
    sum += double ? (value > 4 ? value * 2 - 9 : value * 2) : value;
  }
  return sum % 10;
}

/** Whether the check digit of an article number (GTIN-8 to 14, also Swiss AHV numbers) is right. */
export function isGtin(digits: string): boolean {
  let sum = 0;
  for (let index = digits.length - 1, weight = 1; index >= 0; index--, weight = 4 - weight) {
    sum += digit(digits, index) * weight;
  }
  return sum % 10 === 0;
}

/** Digits and letters (A = 10 … Z = 35) read as one decimal number, modulo 97 (ISO/IEC 7064). */
export function mod97(text: string): number {
  let rest = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    rest = code < 0x3a ? (rest * 10 + code - 0x30) % 97 : (rest * 100 + code - 0x37) % 97;
  }
  return rest;
}

/** The sum of digits times weights; digits without a weight do not count. */
export function weightedSum(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + digit(digits, index) * weight, 0);
}

/** Whether the last of eleven digits checks the others by ISO/IEC 7064 MOD 11,10 (German tax numbers). */
export function isMod11Of10(digits: string): boolean {
  let product = 10;
  for (let index = 0; index < digits.length - 1; index++) {
    const sum = (digit(digits, index) + product) % 10 || 10;
    product = (sum * 2) % 11;
  }
  return (11 - product) % 10 === digit(digits, digits.length - 1);
}

const TURN = '0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258'.split(
  ' ',
);
const MULTIPLY =
  '0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210'.split(
    ' ',
  );

/** Whether the last digit is right by Verhoeff's dihedral check (Aadhaar). */
export function isVerhoeff(digits: string): boolean {
  let check = 0;
  for (let index = 0; index < digits.length; index++) {
    const turned = digit(TURN[index % 8]!, digit(digits, digits.length - 1 - index));
    check = digit(MULTIPLY[check]!, turned);
  }
  return check === 0;
}
