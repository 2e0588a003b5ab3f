// Generated values: uuids, timestamps, tokens. What a value *is like* decides whether it may differ between a recording
// and a replay, so that nobody has to list volatile fields. Pure, and free of any product's names.
import type { ValueKind } from './snapshot.ts';

export type Scalar = string | number | boolean | null;

const UUID = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';
const JWT = 'eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]*';
const ISO_TIME = '\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d+)?)?(?:Z|[+-]\\d{2}:?\\d{2})?';
const HTTP_DATE = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \\d{2} [A-Z][a-z]{2} \\d{4} \\d{2}:\\d{2}:\\d{2} GMT';
/** What redaction puts in place of a credential, and of an e-mail address; a redacted JWT is still a JWT. */
const REDACTED = 'rdx_[a-z0-9]{4,}';
const REDACTED_EMAIL = 'u-[a-z0-9]{12}(?:@|%40)redacted\\.invalid';
/** A run of token characters; whether it is random enough is judged by `isRandom`. */
const WORD = '[A-Za-z0-9_-]{12,}';
const ATOM = new RegExp(
  `(${JWT})|(${UUID})|(${ISO_TIME}|${HTTP_DATE})|(${REDACTED_EMAIL})|(${REDACTED})|(${WORD})`,
  'g',
);
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
export function atomsIn(text: string, vocabulary?: Vocabulary): Atom[] {
  if (text.length < MIN_ATOM_CHARS) return [];
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
  const isKnown = vocabulary?.has(word) ?? false;
  const kind = isKnown ? 'token' : kindOfWord(word);
  const uuid = word.length > UUID_CHARS && !isKnown ? GLUED_UUID.exec(word) : null;
  const glued = uuid ?? (isKnown ? null : GLUED_REDACTED.exec(word));
  if (glued) atoms.push({ kind: uuid ? 'uuid' : 'token', value: glued[0], index: index + glued.index });
  else if (kind) atoms.push({ kind, value: word, index });
}

/** Whether a whole value is what redaction puts in place of a credential or an e-mail address. */
export function isRedacted(value: string): boolean {
  return WHOLE_REDACTED.test(value);
}

function kindOfWord(word: string): 'hex' | 'token' | null {
  if (/^[0-9a-f]+$/.test(word) || /^[0-9A-F]+$/.test(word))
    return word.length >= 16 && isRandom(word) ? 'hex' : null;
  return isRandom(word) ? 'token' : null;
}

/** Letters and digits mixed so that no dictionary word or version number looks alike: many changes of character class. */
function isRandom(word: string): boolean {
  if (!/\d/.test(word) || !/[A-Za-z]/.test(word)) return false;
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

/** The text with every generated piece replaced by its kind: `/r/ch_3kTa91…` → `/r/{token}`. Two texts of one shape differ only in generated values. */
export function shapeOf(text: string): string {
  let shape = '';
  let at = 0;
  for (const atom of atomsIn(text)) {
    shape += `${text.slice(at, atom.index)}{${atom.kind}}`;
    at = atom.index + atom.value.length;
  }
  return shape + text.slice(at);
}

const SLOT = /\{(uuid|timestamp|jwt|token|hex|email)\}/g;
const SLOT_PATTERNS = {
  uuid: UUID,
  timestamp: `${ISO_TIME}|${HTTP_DATE}`,
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
