// Values that are rows of digits in groups: cards, telephone numbers, identity numbers. A row is read once, its shape
// (`3-2-4`, `4 4 4 4`) is looked up, and only what a check digit, an issuer or an area confirms is a finding: bare numbers
// of whatever length are ids unless their digits say otherwise.
import type { SecretKind } from '../rules-document.ts';
import { classAt, DIGIT, isDigitAt, isWordAt } from './char-class.ts';
import { isCardNumber } from './detect-cards.ts';
import { NATIONAL_SHAPES } from './detect-national-ids.ts';
import { PHONE_SHAPES } from './detect-phones.ts';
import type { Finding } from './finding.ts';

const MAX_GROUPS = 8;
const MAX_DIGITS = 20;
/** The only row without separators that has a shape: French social security. */
const LONE_GROUP = 15;
const SPACE = 0x20;
const DASH = 0x2d;
const DOT = 0x2e;
const SLASH = 0x2f;
const COLON = 0x3a;

/** How cards are printed, by the lengths of their groups. */
const CARD_GROUPS = [
  [4, 4, 4, 4, 3],
  [4, 4, 4, 4],
  [4, 6, 5],
  [4, 6, 4],
  [6, 13],
  [4, 3, 3, 3],
] as const;

type Check = (digits: string) => boolean;
const SHAPES = new Map<string, readonly (readonly [SecretKind, Check])[]>();
for (const [kind, shapes] of [
  ['national-id', NATIONAL_SHAPES],
  ['phone', PHONE_SHAPES],
] as const) {
  for (const [shape, check] of shapes) SHAPES.set(shape, [...(SHAPES.get(shape) ?? []), [kind, check]]);
}

/** The row that was read last: the detectors run one after the other, so one is enough. */
const lengths = new Uint8Array(MAX_GROUPS);
const ends = new Uint32Array(MAX_GROUPS);
const separators = new Uint8Array(MAX_GROUPS);
let groups = 0;

/** The finding that starts at this digit, which follows no other digit or letter; everything before `floor` is settled. */
export function numberAt(text: string, at: number, floor = 0): Finding | undefined {
  const total = readRow(text, at);
  if (total < 9) return undefined;
  if (total >= 13 && isIssuerDigit(text.charCodeAt(at))) {
    const end = cardEnd(text, at);
    if (end > 0 && (at - 1 <= floor || !isTableCell(text, at))) return { start: at, end, kind: 'card' };
  }
  if (groups === 1 && total !== LONE_GROUP) return undefined;
  if (total > 18 || (separators[0] === SPACE && at - 1 > floor && followsDigits(text, at))) return undefined;
  if (separators[0] === SLASH && text.charCodeAt(at - 1) === SLASH) return undefined;
  const end = ends[groups - 1]!;
  if (!isWhole(text, end)) return undefined;
  const checks = SHAPES.get(shape());
  if (checks === undefined) return undefined;
  const digits = digitsOf(text, at, end);
  for (const [kind, check] of checks) if (check(digits)) return { start: at, end, kind };
  return undefined;
}

/** 2 to 6, 8, 9: what cards start with. Clocks start with 1. */
function isIssuerDigit(code: number): boolean {
  return code >= 0x32 && code !== 0x37;
}

/** Groups of digits with single separators between them, all spaces or no space; the number of digits, 0 for too many. */
function readRow(text: string, at: number): number {
  let total = 0;
  let from = at;
  groups = 0;
  separators[0] = 0;
  for (;;) {
    let end = from;
    while (isDigitAt(text, end) && end - from < MAX_DIGITS) end += 1;
    total += end - from;
    lengths[groups] = end - from;
    ends[groups] = end;
    groups += 1;
    const separator = text.charCodeAt(end);
    const spaced = separator === SPACE;
    if (!spaced && separator !== DASH && separator !== DOT && separator !== SLASH) return total;
    if (!isDigitAt(text, end + 1)) return total;
    // A slash groups German telephone numbers; everywhere else it parts one thing from the next.
    if (separator === SLASH && (groups > 1 || text.charCodeAt(at) !== 0x30)) return total;
    if (groups > 1 && spaced !== (separators[0] === SPACE)) return spaced ? total : dropGroup(total);
    if (groups === MAX_GROUPS) return total > 13 ? total : 0;
    separators[groups - 1] = separator;
    from = end + 1;
  }
}

/** `12 34 56-7`: the last group belongs to what follows. */
function dropGroup(total: number): number {
  groups -= 1;
  return total - lengths[groups]!;
}

function shape(): string {
  let text = String(lengths[0]);
  for (let group = 1; group < groups; group++) {
    text += String.fromCharCode(separators[group - 1]!) + String(lengths[group]);
  }
  return text;
}

/** A row of groups that began before this one. */
function followsDigits(text: string, at: number): boolean {
  return text.charCodeAt(at - 1) === SPACE && isDigitAt(text, at - 2);
}

/** Four digits and a space stand before: tables of codes have rows of such groups. */
function isTableCell(text: string, at: number): boolean {
  if (text.charCodeAt(at - 1) !== SPACE || lengths[0] !== 4) return false;
  for (let index = at - 5; index < at - 1; index++) if (!isDigitAt(text, index)) return false;
  return !isWordAt(text, at - 6);
}

/** Nothing goes on behind the row: no letter, no `-x`, no `:30`. */
function isWhole(text: string, end: number): boolean {
  if (isWordAt(text, end)) return false;
  const next = text.charCodeAt(end);
  if (next === DASH) return !isWordAt(text, end + 1);
  return !((next === COLON || next === DOT) && isDigitAt(text, end + 1));
}

/** The end of the card the row starts with, 0 for none. Further groups may follow after a space (a date, a code). */
function cardEnd(text: string, at: number): number {
  if (groups === 1 || separators[0] === SPACE) {
    const end = ends[0]!;
    if (lengths[0]! >= 13 && !isWordAt(text, end) && isCardNumber(digitsOf(text, at, end))) return end;
  }
  for (const pattern of CARD_GROUPS) {
    if (groups < pattern.length || !pattern.every((length, group) => lengths[group] === length)) continue;
    const separator = separators[0]!;
    if (separator !== SPACE && ((separator !== DASH && separator !== DOT) || groups > pattern.length))
      continue;
    if (!pattern.every((_, group) => group === pattern.length - 1 || separators[group] === separator))
      continue;
    const end = ends[pattern.length - 1]!;
    if ((groups > pattern.length || isWhole(text, end)) && isCardNumber(digitsOf(text, at, end))) return end;
  }
  return 0;
}

function digitsOf(text: string, start: number, end: number): string {
  let digits = '';
  for (let at = start; at < end; at++) if ((classAt(text, at) & DIGIT) !== 0) digits += text[at];
  return digits;
}
