// Generated values: uuids, timestamps, tokens. What a value *is like* decides whether it may differ between a recording
// and a replay, so that nobody has to list volatile fields. Pure, and free of any product's names.
import type { ValueKind } from '@echoplane/traffic';
import { mayHoldAtoms } from './may-hold-atoms.ts';

export type Scalar = string | number | boolean | null;

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const JWT = 'eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*';
/** The basic format of ISO 8601, with its zone: `20261123T001049Z`. */
const BASIC_TIME =
  '(?:19|20)\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])T[0-2]\\d[0-5]\\d[0-6]\\dZ(?![A-Za-z0-9])';
const ISO_TIME = `\\d{4}-\\d{2}-\\d{2}[T .]\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d+)?)?(?:Z|[+-]\\d{2}:?\\d{2})?`;
const HTTP_DATE =
  '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d{1,2}[ -][A-Z][a-z]{2}[ -]\\d{4} \\d{2}:\\d{2}:\\d{2} (?:GMT|UTC|[+-]\\d{4})';
/** What redaction puts in place of a credential, and of an e-mail address; a redacted JWT is still a JWT. */
const REDACTED = 'rdx_[a-z0-9]{4,}';
const REDACTED_EMAIL = 'u-[a-z0-9]{12}(?:@|%40)redacted\\.(?:example\\.com|invalid)';
/** A run of token characters; whether it is random enough is judged by `isRandom`. */
const WORD = '[A-Za-z0-9_-]{12,}';
const ATOM = new RegExp(
  `(${JWT})|(${UUID})|(${ISO_TIME}|${HTTP_DATE})|(${REDACTED_EMAIL})|(${REDACTED})|(${WORD})`,
  'g',
);
const BEGINS_AS_TIME = new RegExp(`^${BASIC_TIME}`);
/** What is before the `%3A` of an encoded time: a time, and no token. */
const ENCODED_TIME = /^\d{4}-\d\d-\d\dT\d\d$/;
const ENCODED_TIME_CHARS = 13;
/** Where its `T` stands. */
const BASIC_DATE_CHARS = 8;
const BASIC_TIME_CHARS = 16;
const WHOLE_JWT = new RegExp(`^${JWT}$`);
const GLUED_UUID = new RegExp(UUID);
const GLUED_REDACTED = new RegExp(REDACTED);
const WHOLE_REDACTED = new RegExp(`^(?:${REDACTED}|${REDACTED_EMAIL}|[\\w-]+\\.[\\w-]+\\.rdx_[a-z0-9]*)$`);
const UUID_CHARS = 36;
const MIN_ATOM_CHARS = 8;
const EPOCH_FROM_S = 1_000_000_000; // 2001
const EPOCH_TO_S = 4_000_000_000; // 2096

/** Words known to be generated although one cannot see it. */
export interface Vocabulary {
  has(word: string): boolean;
}

export interface Atom {
  kind: Exclude<ValueKind, 'sequence' | 'mixed'>;
  value: string;
  /** Where in the text it begins. */
  index: number;
}

/**
 * The generated pieces inside a text, in order; ordinary words and numbers are not among them. A random word may happen
 * to hold no digit: `vocabulary` tells of such.
 */
export function atomsIn(text: string, vocabulary?: Vocabulary): readonly Atom[] {
  if (text.length < MIN_ATOM_CHARS) return NO_ATOMS;
  if (!mayHoldAtoms(text)) return NO_ATOMS;
  if (vocabulary || text.length > MAX_KNOWN_CHARS) return findAtoms(text, vocabulary);
  const slot = slotOf(text);
  if (KNOWN_TEXTS[slot] === text) return KNOWN_ATOMS[slot]!;
  const atoms = findAtoms(text);
  KNOWN_TEXTS[slot] = text;
  KNOWN_ATOMS[slot] = atoms;
  return atoms;
}

const NO_ATOMS: readonly Atom[] = [];
/** The atoms of the latest texts: one message's texts are asked about again and again. One text to a slot, the latest wins. */
const SLOTS = 1 << 9;
const MAX_KNOWN_CHARS = 1_024;
const KNOWN_TEXTS = new Array<string>(SLOTS).fill('');
const KNOWN_ATOMS = new Array<readonly Atom[]>(SLOTS).fill(NO_ATOMS);

/** By its length and a few characters, most of them at the end, where texts differ. */
function slotOf(text: string): number {
  const { length } = text;
  let slot = length;
  for (let i = length >> 1; i < length; i += 1 + (length >> 4))
    slot = (Math.imul(slot, 31) + text.charCodeAt(i)) | 0;
  return (Math.imul(slot, 31) + text.charCodeAt(length - 1)) & (SLOTS - 1);
}

function findAtoms(text: string, vocabulary?: Vocabulary): Atom[] {
  const atoms: Atom[] = [];
  for (const match of text.matchAll(ATOM)) {
    const [value, jwt, uuid, time, email, redacted] = match;
    const kind = jwt
      ? 'jwt'
      : uuid
        ? 'uuid'
        : time
          ? 'timestamp'
          : email
            ? 'email'
            : redacted
              ? 'token'
              : null;
    if (kind) atoms.push({ kind, value, index: match.index });
    else addWord(value, match.index, vocabulary, atoms);
  }
  return atoms;
}

/** A word, or, when a uuid or a redacted value is glued to other text (`order-2c5e…`), that. */
function addWord(word: string, index: number, vocabulary: Vocabulary | undefined, atoms: Atom[]): void {
  if (word[BASIC_DATE_CHARS] === 'T' && BEGINS_AS_TIME.test(word)) {
    atoms.push({ kind: 'timestamp', value: word.slice(0, BASIC_TIME_CHARS), index });
    return;
  }
  if (word.length === ENCODED_TIME_CHARS && ENCODED_TIME.test(word)) return;
  const isKnown = vocabulary?.has(word) ?? false;
  const kind = isKnown ? 'token' : kindOfWord(word);
  const uuid = word.length > UUID_CHARS && !isKnown ? GLUED_UUID.exec(word) : null;
  const glued = uuid ?? (isKnown ? null : GLUED_REDACTED.exec(word));
  if (glued) atoms.push({ kind: uuid ? 'uuid' : 'token', value: glued[0], index: index + glued.index });
  else if (kind) atoms.push({ kind, value: word, index });
}

/** Whether a whole value is a JWT. */
export function isJwt(value: string): boolean {
  return WHOLE_JWT.test(value);
}

/** Whether a whole value is what redaction puts in place of a credential or an e-mail address. */
export function isRedacted(value: string): boolean {
  return WHOLE_REDACTED.test(value);
}

const ONE_WORD = /^[\w+/=-]{16,}$/;

/** Whether a text is one word of base64 of which redaction took the whole or pieces: which, depends on what they happen to look like. */
export function isHidden(text: string): boolean {
  return ONE_WORD.test(text) && GLUED_REDACTED.test(text);
}

/** Whether a text may stand for one that is hidden: a word as random, or hidden as well. */
export function mayBeHidden(text: string): boolean {
  return isHidden(text) || (ONE_WORD.test(text) && isRandomWord(text.replace(/[+/=]/g, '')));
}

/** Characters in which two generated values differ, at least. */
const MIN_CHANGED = 3;

/**
 * Whether a value is nearly another one: cut, in other letters, or with one or two characters changed. What is generated anew
 * never is; what is counted up differs in its last digits only, and may be.
 */
export function isNearly(value: string, other: string): boolean {
  if (value.startsWith(other) || other.startsWith(value)) return true;
  if (value.toLowerCase() === other.toLowerCase()) return true;
  if (value.length !== other.length) return false;
  const changed = [...value].flatMap((char, i) => (char === other[i] ? [] : [i]));
  if (changed.length >= MIN_CHANGED) return false;
  const isCounted = /^\d+$/.test(value.slice(changed[0]) + other.slice(changed[0]));
  return !isCounted;
}

/** 64-bit ids in decimal; shorter ones are numbers of cards, accounts and articles. */
const LONG_NUMBER = /^\d{17,20}$/;

function kindOfWord(word: string): 'hex' | 'token' | null {
  if (LONG_NUMBER.test(word)) return 'token';
  if (/^[0-9a-f]+$/.test(word) || /^[0-9A-F]+$/.test(word))
    return word.length >= 16 && (isRandom(word) || isHexId(word)) ? 'hex' : null;
  return isRandom(word) ? 'token' : null;
}

/** Digits of ids and digests, of 8, 10, 12, 16, 20, 24, 32 and 64 bytes. */
const HEX_IDS: ReadonlySet<number> = new Set([16, 20, 24, 32, 40, 48, 64, 128]);

/** One of a hundred ids has but one letter, `782e246174317246`; what is counted up has noughts in a row. */
function isHexId(word: string): boolean {
  return HEX_IDS.has(word.length) && /\d[a-f]+\d|[a-f]\d+[a-f]/i.test(word) && !/(.)\1{5}/.test(word);
}

/** Letters and digits mixed so that no dictionary word or version number looks alike: many changes of character class. */
function isRandom(word: string): boolean {
  return /\d/.test(word) && /[A-Za-z]/.test(word) && isRandomWord(word);
}

/** The same of a word that may hold no digit: not proof enough alone, but where a random one stood before. */
export function isRandomWord(word: string): boolean {
  if (!/^[\w-]+$/.test(word)) return false;
  const body = word.replace(/^[a-z]{1,12}_/, '');
  let changes = 0;
  for (let i = 1; i < body.length; i++) if (classOf(body[i]!) !== classOf(body[i - 1]!)) changes++;
  return body.length >= 10 && changes >= Math.max(3, body.length / 6);
}

function classOf(c: string): number {
  if (c >= '0' && c <= '9') return 0;
  if (c >= 'a' && c <= 'z') return 1;
  if (c >= 'A' && c <= 'Z') return 2;
  return 3;
}

/** The kind of a whole value: of its one atom when it is nothing else, `mixed` when atoms stand inside other text. */
export function kindOf(value: Scalar): ValueKind | null {
  if (typeof value === 'number') return isEpoch(value) ? 'epoch' : null;
  if (typeof value !== 'string') return null;
  const atoms = atomsIn(value);
  if (atoms.length === 0) return null;
  return atoms.length === 1 && atoms[0]!.value === value ? atoms[0]!.kind : 'mixed';
}

function isEpoch(n: number): boolean {
  return [1, 1e3, 1e6].some(
    (unit) => Number.isInteger(n) && n >= EPOCH_FROM_S * unit && n <= EPOCH_TO_S * unit,
  );
}

/** Whether a number is an instant in milliseconds or finer: two things hardly share one by chance. */
export function isExactEpoch(n: number): boolean {
  return n >= EPOCH_FROM_S * 1e3 && isEpoch(n);
}

/** The text with every generated piece replaced by its kind: `/r/ch_3kTa91…` → `/r/{token}`. Two texts of one shape differ only in generated values. */
export function shapeOf(text: string): string {
  return shapeWith(text, atomsIn(text));
}

/** The same when the generated pieces are known. */
export function shapeWith(text: string, atoms: readonly Atom[]): string {
  let shape = '';
  let at = 0;
  for (const atom of atoms) {
    shape += `${text.slice(at, atom.index)}{${atom.kind}}`;
    at = atom.index + atom.value.length;
  }
  return shape + text.slice(at);
}

const SLOT = /\{(uuid|timestamp|jwt|token|hex|email)\}/g;
const SLOT_PATTERNS = {
  uuid: UUID,
  timestamp: `${ISO_TIME}|${BASIC_TIME}|${HTTP_DATE}`,
  jwt: JWT,
  token: '[A-Za-z0-9_-]{8,}',
  hex: '[0-9a-fA-F]{8,}',
  email: REDACTED_EMAIL,
};

/** A test for texts of a shape, with one group for each generated piece. It is looser than `shapeOf`: any word fits a `{token}`. */
export function shapePattern(shape: string): RegExp {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  let pattern = '';
  let at = 0;
  for (const slot of shape.matchAll(SLOT)) {
    pattern += `${literal(shape.slice(at, slot.index))}(${SLOT_PATTERNS[slot[1] as keyof typeof SLOT_PATTERNS]})`;
    at = slot.index + slot[0].length;
  }
  return new RegExp(`^${pattern}${literal(shape.slice(at))}$`);
}
