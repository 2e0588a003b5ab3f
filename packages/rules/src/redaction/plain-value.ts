// Whether a value is plain: told from its characters in one look, in place and without a copy, that no carrier opens it and
// no detector is even asked. Most values are: words, names, ids, dates, prices. It may say no to a plain value, never yes to
// another: what it does not know goes the long way, which stays the one place that decides.
import { MIN_BASE64_LENGTH, mayBeBase64 } from '@echoplane/traffic';
import { insertsInto } from './carrier-sql.ts';
import { CLASS, DIGIT, JOIN, LETTER, LOWER, UNDERSCORE } from './char-class.ts';
import { MIN_RANDOM } from './entropy.ts';
import type { KeyNames } from './key-names.ts';
import { isUuid, UUID_LENGTH } from './run-inspector.ts';
import { isHarmless, MAY_HOLD_VALUE, PEM_BEGIN } from './scan.ts';

/** Lower-case hex of so many characters is a digest: no key has such a prefix, no account or code is so long. */
const MIN_DIGEST = 32;
/** Shorter words assign nothing. */
const MIN_NAME = 3;
/** More than names have, so that none is missed. */
const IN_NAME = LETTER | DIGIT | UNDERSCORE | JOIN;
const SPACE = 0x20;
const SLASH = 0x2f;
const COLON = 0x3a;
const LAST_OF_BEGIN = 0x4e;
const QUOTE = 0x27;
const EQUALS = 0x3d;
/** What a document begins with. */
const OPENING = new Uint8Array(128).fill(1, 0, 0x21);
for (const char of '{["<') OPENING[char.charCodeAt(0)] = 1;

/** Whether nothing in [start, end) concerns anybody; `names` are the names whose assigned values do. */
export function isPlain(text: string, start: number, end: number, names: KeyNames): boolean {
  if (start === end) return true;
  if (end - start === UUID_LENGTH && isUuid(text, start)) return true;
  const first = text.charCodeAt(start);
  if (first < 128 && OPENING[first] === 1) return false;
  let all = 0;
  let isSpaced = false;
  let isQuoting = false;
  for (let at = start; at < end; at++) {
    const from = at;
    let classes = 0;
    for (; at < end; at++) {
      const kind = CLASS[text.charCodeAt(at)]!;
      if (kind === 0) break;
      classes |= kind;
    }
    const next = at < end ? text.charCodeAt(at) : 0;
    if (at - from >= MIN_BASE64_LENGTH || (classes & MAY_HOLD_VALUE) !== 0) {
      if (at - from >= MIN_RANDOM) {
        if (!isId(text, from, at, classes)) return false;
      } else {
        if ((classes & MAY_HOLD_VALUE) !== 0 && !isHarmless(text, from, at, classes, next, end)) return false;
        if (at - from >= MIN_BASE64_LENGTH && mayHoldBase64(text, from, at)) return false;
      }
    }
    all |= classes;
    if (next === SPACE) {
      isSpaced = true;
      if (text.charCodeAt(at - 1) === LAST_OF_BEGIN && text.startsWith(PEM_BEGIN, at - PEM_BEGIN.length))
        return false;
    } else if (next === COLON) {
      if (mayAssign(text, start, at, end, names)) return false;
    } else if (next === EQUALS) return false;
    else if (next === QUOTE) isQuoting = true;
  }
  // `Bearer x1…`, `Basic x1…`
  if (isSpaced && (all & DIGIT) !== 0 && (first | 0x20) === 0x62) return false;
  return !isQuoting || !insertsInto(text.slice(start, end));
}

/** A UUID (its first dash makes a byte that no text holds, were it base64) or a digest: the commonest long runs. */
function isId(text: string, start: number, end: number, classes: number): boolean {
  if (end - start === UUID_LENGTH && isUuid(text, start)) return true;
  if (end - start < MIN_DIGEST || (classes & ~(DIGIT | LOWER)) !== 0) return false;
  for (let at = start; at < end; at++) if (text.charCodeAt(at) > 0x66) return false;
  return !mayBeBase64(text, start, end);
}

/** Whether a run, or a piece of it between `/`, `.` and `~`, may be an encoded text. */
function mayHoldBase64(text: string, start: number, end: number): boolean {
  let run = start;
  let piece = start;
  for (let at = start; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : 0;
    const endsRun = at === end || code === 0x2e || code === 0x7e;
    if (!endsRun && code !== SLASH) continue;
    if (mayBeBase64(text, piece, at)) return true;
    if (endsRun && piece !== run && mayBeBase64(text, run, at)) return true;
    piece = at + 1;
    if (endsRun) run = piece;
  }
  return false;
}

/** Whether the word before a colon may be the name of a value; `://` and `::` assign nothing, `10:15` has no name. */
function mayAssign(text: string, start: number, colon: number, end: number, names: KeyNames): boolean {
  const next = colon + 1 < end ? text.charCodeAt(colon + 1) : 0;
  if (next === SLASH || next === COLON) return false;
  if (colon === start) return false;
  if ((CLASS[text.charCodeAt(colon - 1)]! & (LETTER | DIGIT)) === 0) return true;
  let from = colon - 1;
  while (from > start && colon - from < MIN_NAME && (CLASS[text.charCodeAt(from - 1)]! & IN_NAME) !== 0)
    from--;
  return colon - from >= MIN_NAME && names.mayEndAt(text, from, colon);
}
