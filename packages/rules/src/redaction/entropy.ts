// Whether a word looks drawn by lot. Every pair of neighbouring characters is weighed: pairs of letters that words are made
// of weigh nothing, changes of case, of letters and digits, and pairs no word has weigh a bit or two. The mean over the
// word tells a key from a name. Ids that only look random (hex, UUID, ULID and the like) are named and left alone.
import { CLASS, classAt, DIGIT, isHexAt, LETTER, LOWER, UPPER } from './char-class.ts';

/** The letters that follow a, b, … z in words of documentation and code (nineteen in twenty pairs). */
const FOLLOWERS = (
  'bcdgiklmnprstuvwxy aeijlorsu acehiklorstu acdeiloprsu abcdefghilmnopqrstvwxy aefilortuy aeghilnorsu aeiort ' +
  'abcdefglmnoprstvz es eins adeilostuvy abeilmopsu acdefgiklnopstuvy abcdfgiklmnoprstuvw aeiloprstu u ' +
  'acdefgiklmnoprstuvy acdehilmnopstuy abcdefhilmoprstuy abcdegilmnprst aeio aehinors acipt nopst eo'
).split(' ');

/** Weight of a pair of characters by their codes. */
const WEIGHTS = new Uint8Array(128 * 128);
const ODD_LETTERS = 2;
for (let first = 0; first < 128; first++) {
  for (let second = 0; second < 128; second++) WEIGHTS[first * 128 + second] = weigh(first, second);
}

function weigh(first: number, second: number): number {
  const before = CLASS[first]!;
  const after = CLASS[second]!;
  if ((before & LETTER) !== 0 && (after & LETTER) !== 0) {
    // camelCase is a word's end and a word's start; a capital before a small letter mostly starts one.
    if (before === LOWER && after === UPPER) return 2;
    const follows = FOLLOWERS[(first | 0x20) - 0x61]!.includes(String.fromCharCode(second | 0x20));
    return follows ? 0 : ODD_LETTERS;
  }
  if ((before & LETTER) !== 0 && (after & DIGIT) !== 0) return 2;
  if ((before & DIGIT) !== 0 && (after & LETTER) !== 0) return 2;
  return 0;
}

/** Characters of a secret at least. */
export const MIN_RANDOM = 20;
/** Longer words are data: files, images, ciphertexts. */
export const MAX_RANDOM = 4_096;
/**
 * Mean weights in hundredths. Of 18,000 words of twenty characters and more in code and documentation the names reach 65;
 * of random ones, of whatever alphabet, one in a hundred stays below 84.
 */
const RANDOM_MEAN = 80;
/** Words without digits must be stranger, words of one case stranger and longer. */
const LETTERS_MEAN = 90;
const ONE_CASE_MEAN = 100;
const ONE_CASE_LENGTH = 24;
const WORDY_MEAN = 60;
/** Of base64 that `/` and `+` cut into pieces; where `=` fills it up, less will do. */
const MIN_BASE64 = 32;
const MIN_PADDED_BASE64 = 22;
const MIN_DISTINCT = 10;

/** Mean weight of the pairs of a word, in hundredths. */
export function meanWeight(text: string, start: number, end: number): number {
  let sum = 0;
  let before = text.charCodeAt(start);
  for (let at = start + 1; at < end; at++) {
    const code = text.charCodeAt(at);
    sum += WEIGHTS[before * 128 + code]!;
    before = code;
  }
  return (100 * sum) / (end - start - 1);
}

/** Whether a word of ASCII without `/` and `.` is a key or password rather than a name or an id. */
export function isRandomWord(text: string, start: number, end: number): boolean {
  if (end - start < MIN_RANDOM) return false;
  const from = coreStart(text, start, end);
  const to = coreEnd(text, from, end);
  return (
    to - from >= MIN_RANDOM &&
    looksRandom(text, from, to) &&
    !isKnownId(text.slice(from, to), text.slice(start, from))
  );
}

/** Whether a run is base64 of random bytes with `/` or `+` in it: none of its longer parts may be a word or hex. */
export function isRandomBase64(text: string, start: number, end: number): boolean {
  const padded = text.charCodeAt(end) === 0x3d;
  if (end - start < (padded ? MIN_PADDED_BASE64 : MIN_BASE64) || !hasBase64Sign(text, start, end))
    return false;
  if (!looksRandom(text, start, end)) return false;
  let from = start;
  for (let at = start; at <= end; at++) {
    const code = at < end ? text.charCodeAt(at) : SLASH;
    if (code !== SLASH && code !== 0x2b) {
      if ((classAt(text, at) & (LETTER | DIGIT)) === 0) return false;
      continue;
    }
    if (at - from >= 5 && (isPlain(text, from, at) || meanWeight(text, from, at) < WORDY_MEAN)) return false;
    from = at + 1;
  }
  return true;
}

function hasBase64Sign(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === SLASH || code === 0x2b) return true;
  }
  return false;
}

/** Whether the whole of a word is mixed as one that is drawn by lot. */
export function looksRandom(text: string, start: number, end: number): boolean {
  let classes = 0;
  let sequential = 0;
  let distinct = 0;
  seen.fill(0);
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    classes |= CLASS[code]!;
    if (at > start && code === text.charCodeAt(at - 1) + 1) sequential += 1;
    if (seen[code] === 0) distinct += 1;
    seen[code] = 1;
  }
  if (distinct < MIN_DISTINCT || sequential * 3 > end - start || (classes & LETTER) === 0) return false;
  const mean = meanWeight(text, start, end);
  if ((classes & DIGIT) !== 0) return mean >= RANDOM_MEAN;
  if ((classes & LETTER) === LETTER) return mean >= LETTERS_MEAN;
  return mean >= ONE_CASE_MEAN && end - start >= ONE_CASE_LENGTH;
}

const seen = new Uint8Array(128);
const SLASH = 0x2f;

/** Steps over words, numbers and hex groups at the front: `order_`, `2026-`, the groups of a UUID. */
function coreStart(text: string, start: number, end: number): number {
  let from = start;
  for (;;) {
    let partEnd = from;
    while (partEnd < end && !isHyphen(text, partEnd)) partEnd += 1;
    if (!isPlain(text, from, partEnd)) return from;
    if (partEnd === end) return end;
    from = partEnd + 1;
  }
}

function coreEnd(text: string, start: number, end: number): number {
  let to = end;
  for (;;) {
    let partStart = to;
    while (partStart > start && !isHyphen(text, partStart - 1)) partStart -= 1;
    if (partStart === start || !isPlain(text, partStart, to)) return to;
    to = partStart - 1;
  }
}

function isHyphen(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x2d || code === 0x5f;
}

/** Nothing, a word, a number, or hex: not a part of a secret by itself. */
function isPlain(text: string, start: number, end: number): boolean {
  if (end - start < 2) return true;
  let classes = 0;
  let hex = true;
  for (let at = start; at < end; at++) {
    classes |= classAt(text, at);
    hex &&= isHexAt(text, at);
  }
  if (classes === DIGIT) return true;
  if (hex && (classes & LETTER) !== LETTER && (end - start >= 4 || (classes & DIGIT) === 0)) return true;
  return (classes & DIGIT) === 0 && meanWeight(text, start, end) < WORDY_MEAN;
}

/** ULID and TypeID, KSUID, CUID. */
const SORTABLE_ID =
  /^(?:[0-7][0-9A-HJKMNP-TV-Z]{25}|0[0-9a-hjkmnp-tv-z]{25}|[0-3][0-9A-Za-z]{26}|c[0-9a-z]{24})$/;
/** Ids of Stripe's objects, which end in 24 characters drawn by lot. */
const ENTITY_PREFIX =
  /^(?:acct|ba|bt|card|ch|cn|cus|evt|fee|file|ii|il|in|mandate|pi|plan|pm|po|price|prod|promo|py|pyr|re|req|seti|setatt|si|src|sub|tr|tax|txn|txr|us)_$/;
/** Files by their first bytes in base64: PNG, JPEG, GIF, WebP, SVG, PDF, ZIP, gzip, WebAssembly, fonts. */
const FILE_START =
  /^(?:iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|PHN2Zy|PD94bW|JVBERi|UEsDB|H4sI|AGFzbQ|d09G|AAEAAAA|T1RUTw)/;
/** Hex, with its `0x` or without. */
const HEX = /^(?:0?x)?(?:[0-9a-f]+|[0-9A-F]+)$/;
/** A piece of the outline of a drawing: `207v123h210v40h-256V13`. */
const SVG_PATH = /^[\d-]*(?:[MmLlHhVvCcSsQqTtAaZz]{1,2}[\d-]+)+[Zz]?$/;
const DIGEST_PREFIX = /^sha(?:1|256|384|512)-/;

function isKnownId(core: string, before: string): boolean {
  if (HEX.test(core) || SORTABLE_ID.test(core) || SVG_PATH.test(core)) return true;
  if (core.length <= 24 && ENTITY_PREFIX.test(before)) return true;
  // A prefix that is no word (`evt_`) was taken for a part of the core.
  const mark = core.indexOf('_') + 1;
  return core.length - mark <= 24 && ENTITY_PREFIX.test(core.slice(0, mark));
}

/** `sha512-…`, the integrity of a script or a package: no secret, whatever it looks like. */
export function isDigest(text: string, start: number): boolean {
  return text.charCodeAt(start) === 0x73 && DIGEST_PREFIX.test(text.slice(start, start + 7));
}

/** A file, as base64 from here on. */
export function isFile(text: string, start: number): boolean {
  return FILE_START.test(text.slice(start, start + LONGEST_FILE_START));
}

const LONGEST_FILE_START = 12;
/** Shorter words with a `+` or a `=` may be sums and queries. */
export const MIN_BASE64_DATA = 64;

/**
 * Where base64 ends that is one value and not a path or a sum of several: it has a `+` or is padded, and is made of whole groups. A
 * piece of it that looks drawn by lot is no value, and what is left of the others could not be decoded. 0: it is none.
 */
export function base64End(text: string, start: number, wordEnd: number): number {
  let end = wordEnd;
  while (end < wordEnd + 2 && text.charCodeAt(end) === 0x3d) end += 1;
  if ((end - start) % 4 !== 0) return 0;
  let hasSign = end > wordEnd;
  for (let at = start; at < wordEnd; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2b) hasSign = true;
    else if (code !== SLASH && (classAt(text, at) & (LETTER | DIGIT)) === 0) return 0;
  }
  return hasSign ? end : 0;
}

/** Whether base64 stands for a file or for text: both are looked into, not replaced. */
export function isBase64Content(text: string, start: number, end: number): boolean {
  const head = text.slice(start, Math.min(end, start + 64));
  if (isFile(text, start)) return true;
  const bytes = Buffer.from(head.slice(0, head.length - (head.length % 4)), 'base64');
  return (
    bytes.length >= 12 && bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13))
  );
}
