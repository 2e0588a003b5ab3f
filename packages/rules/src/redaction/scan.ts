// The scanner: one pass over the characters of a text that reads them as runs, and stops only at runs that can be or begin a
// sensitive value. Clean text costs a table look-up a character; the detectors see what is left. Texts may be whole bodies,
// JSON with its quotes and escapes included, or single values: a value ends where words end.
import type { SecretKind } from '../rules-document.ts';
import { AT, CLASS, DIGIT, PERCENT, PLUS, UPPER, WORD } from './char-class.ts';
import { MIN_RANDOM } from './entropy.ts';
import type { Finding } from './finding.ts';
import { RunInspector } from './run-inspector.ts';

/** Goes up whenever the detectors find something they did not, or no longer find something they did. */
export const DETECTOR_VERSION = 5;

export interface ScanOptions {
  /** Kinds that are not reported; their values are stepped over. */
  off: ReadonlySet<SecretKind>;
  /** False: nothing is a secret only because it looks drawn by lot. */
  guesses?: boolean;
}

const NOTHING: readonly Finding[] = [];
const ALL_ON: ScanOptions = { off: new Set() };
/** `a@b.cd`. */
const SHORTEST_VALUE = 6;
/** Digits and letters of a code or of a number in one run. */
const SHORTEST_CODE = 8;
export const PEM_BEGIN = '-----BEGIN';
const LAST_OF_BEGIN = 0x4e;
const SPACE = 0x20;
const DASH = 0x2d;
const EQUALS = 0x3d;
/** Classes with which a run of fewer characters than a random secret has can hold or begin a value. */
export const MAY_HOLD_VALUE = DIGIT | AT | PERCENT | PLUS;
/** `030/123456` */
const SHORTEST_GROUPED = 10;
const SHORTEST_CARD = 13;
/** Digits of a value at least, be it a number or a code of letters and digits. */
const FEWEST_DIGITS = 5;

/** Sensitive values in a text, left to right, not overlapping. */
export function scan(text: string, options: ScanOptions = ALL_ON): readonly Finding[] {
  const length = text.length;
  if (length < SHORTEST_VALUE) return NOTHING;
  let inspector: RunInspector | undefined;
  let at = 0;
  while (at < length) {
    const start = at;
    let classes = 0;
    for (; at < length; at++) {
      const kind = CLASS[text.charCodeAt(at)]!;
      if (kind === 0) break;
      classes |= kind;
    }
    const code = at < length ? text.charCodeAt(at) : 0;
    if (
      (at - start >= MIN_RANDOM || (classes & MAY_HOLD_VALUE) !== 0) &&
      !isHarmless(text, start, at, classes, code, length)
    ) {
      inspector ??= new RunInspector(text, options);
      at = inspector.run(start, at, classes);
    } else if (
      code === SPACE &&
      text.charCodeAt(at - 1) === LAST_OF_BEGIN &&
      text.startsWith(PEM_BEGIN, at - PEM_BEGIN.length)
    ) {
      inspector ??= new RunInspector(text, options);
      at = inspector.pem(at - PEM_BEGIN.length, at + 1);
    } else if (code === EQUALS) {
      inspector ??= new RunInspector(text, options);
      at = inspector.assignment(at, at + 1);
    } else {
      at += 1;
    }
  }
  return inspector === undefined || inspector.found.length === 0 ? NOTHING : inspector.found;
}

/**
 * The cheap questions that spare most runs with digits the detectors: numbers, dates, names with a number behind. The text
 * is taken to end at `limit`.
 */
export function isHarmless(
  text: string,
  start: number,
  end: number,
  classes: number,
  next: number,
  limit: number,
): boolean {
  const length = end - start;
  if (
    length >= MIN_RANDOM ||
    (classes & (AT | PERCENT | PLUS)) !== 0 ||
    continues(text, start, end, next, limit)
  )
    return false;
  if (length < SHORTEST_CODE) return true;
  if (classes === DIGIT)
    return length < SHORTEST_CARD || (isClock(text, start) && length !== 15 && length !== 18);
  if ((classes & WORD) === DIGIT) return length < SHORTEST_GROUPED || (length === 10 && isDate(text, start));
  if (length === 13 && isDate(text, start)) return true;
  let digits = 0;
  for (let at = start; at < end; at++) if (CLASS[text.charCodeAt(at)] === DIGIT) digits += 1;
  return digits < FEWEST_DIGITS;
}

/** Whether a few characters can go on behind the run: `4111 1111`, `(555) 123`, `GB29 NWBK`. */
function continues(text: string, start: number, end: number, next: number, limit: number): boolean {
  if (next === 0x29) return text.charCodeAt(start - 1) === 0x28;
  if (next !== SPACE || end + 1 === limit) return false;
  const beyond = CLASS[text.charCodeAt(end + 1)]!;
  if (beyond === DIGIT) return true;
  return beyond === UPPER && end - start >= 4 && CLASS[text.charCodeAt(end - 4)] === UPPER;
}

/** Milli-, micro- and nanoseconds since 1970 start with 1, as no card does. */
function isClock(text: string, start: number): boolean {
  return text.charCodeAt(start) === 0x31;
}

/** `2026-11-21`, alone or before a `T10`. */
function isDate(text: string, start: number): boolean {
  return text.charCodeAt(start + 4) === DASH && text.charCodeAt(start + 7) === DASH;
}
