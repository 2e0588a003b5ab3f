// Where generated values and credentials occur: one line per occurrence, which sorts by value and then by time, so that a
// value's whole life is read in one go. A long value is sorted by its digest, and stands in full only where it was made.
// Pure.
import { hash } from 'node:crypto';
import {
  type Atom,
  atomsIn,
  atomsOfText,
  isExactEpoch,
  isWordChar,
  type Leaf,
  Recent,
} from '@echoplane/replay';
import { type HttpRequest, header, headerValues, type ValueKind } from '@echoplane/traffic';
import { sortable } from './workspace.ts';

/** In the order in which occurrences at one instant happen: who answers has said it before anybody repeats it. */
export const ROLE = {
  /** A dependency's answer. */
  dependency: 'a',
  /** The service's outbound request. */
  outbound: 'b',
  /** The service's answer. */
  service: 'c',
  /** A client's request. */
  client: 'd',
  /** A client's request, as its credential; `kind` is that of the credential. */
  credential: 'e',
} as const;
export type Role = (typeof ROLE)[keyof typeof ROLE];

/** `word`: a random word or an ordinary one, which only its place tells. */
export type PieceKind = ValueKind | 'word';

export interface ValueEvent {
  key: string;
  timeUs: number;
  role: Role;
  /** Number of the pair in the recording. */
  pair: number;
  kind: string;
  /** Id of the pair. */
  id: string;
  path: string;
  /** Service's answers only: the request, as people name it, and the value in full. */
  where: string;
  value: string;
}

const MAX_KEY_CHARS = 64;
const MAX_LONG = 1_000;
const MAX_TEXT_CHARS = 64 << 10;
const CREDENTIAL = 'credential';
const MIN_EPOCH_DIGITS = 13;
const MAX_EPOCH_TEXT = 512;
const EPOCH_DIGITS = /\d{13}/;
/** Kinds that make a longer piece, in which they stand with something else, generated as a whole. */
export const GLUED: ReadonlySet<string> = new Set(['uuid', 'jwt', 'hex', 'token']);

export function eventLine({ key, timeUs, role, pair, kind, id, path, where, value }: ValueEvent): string {
  // A key that is the value itself need not be there twice.
  const rest = value === key ? '' : value;
  return `${key}\t${sortable(timeUs)}\t${role}\t${pair}\t${kind}\t${id}\t${path}\t${where}\t${rest}`;
}

type Fields = [string, string, Role, string, string, string, string, string, string];

export function parseEvent(line: string): ValueEvent {
  const [key, time, role, pair, kind, id, path, where, value] = line.split('\t') as Fields;
  return { key, timeUs: Number(time), role, pair: Number(pair), kind, id, path, where, value: value || key };
}

/** What values are sorted by; remembers the latest long ones, which come with every request of a session. */
export class ValueKeys {
  readonly #long = new Recent<string, string>(MAX_LONG);

  of(value: string): string {
    if (value.length <= MAX_KEY_CHARS && !hasControl(value)) return value;
    const known = this.#long.get(value);
    if (known !== undefined) return known;
    const key = `#${hash('sha256', value, 'base64url').slice(0, 24)}`;
    this.#long.set(value, key, 1);
    return key;
  }
}

export interface Piece {
  value: string;
  kind: PieceKind;
  path: string;
}

/** Words that are known to be generated, whatever they look like. */
export interface KnownWords {
  readonly size: number;
  has(word: string): boolean;
}

/** The generated pieces of leaves, and words that may be, with the leaf path that addresses each. */
export function piecesOf(leaves: readonly Leaf[], known?: KnownWords): Piece[] {
  const found: Piece[] = [];
  for (const { path, value } of leaves) {
    if (typeof value === 'number' && isExactEpoch(value) && !hasControl(path))
      found.push({ value: String(value), kind: 'epoch', path });
    if (typeof value !== 'string' || value.length < 8 || value.length > MAX_TEXT_CHARS || hasControl(path))
      continue;
    const atoms = atomsIn(value);
    if (atoms.length === 1 && atoms[0]!.value === value) found.push({ value, kind: atoms[0]!.kind, path });
    else if (atoms.length > 0) {
      const isWhole = isCookie(path) && !hasControl(value);
      if (isWhole) found.push({ value, kind: 'token', path });
      for (const piece of piecesWith(atoms, value, path))
        if (!isWhole || piece.value !== value) found.push(piece);
    } else if (known && known.size > 0 && addKnown(found, value, path, known)) continue;
    else if (value.length >= MIN_HIDDEN_CHARS && mayHoldHiddenWord(value)) addWords(found, value, path);
    if (value.length >= MIN_EPOCH_DIGITS && value.length <= MAX_EPOCH_TEXT) addEpochs(found, value, path);
  }
  return found;
}

/** Times written as numbers, in pieces of a text: an entity tag that is one, `since=` in a link. What a cookie counts is its own. */
function addEpochs(found: Piece[], value: string, path: string): void {
  if (path.startsWith('cookie') || !EPOCH_DIGITS.test(value)) return;
  for (const [n, piece] of atomsOfText(value).entries())
    if (/^\d+$/.test(piece) && isExactEpoch(Number(piece)))
      found.push({ value: piece, kind: 'epoch', path: piece === value ? path : `${path}#${n}` });
}

/** A cookie's value, which comes back as it was set: what is signed or sealed holds only as a whole. */
function isCookie(path: string): boolean {
  return path.startsWith('cookie.') && !path.includes(';');
}

/** The addressable pieces of a text that are atoms, or that are glued of some: `2c5e….9f01…`, `sess.2c5e…`. */
function piecesWith(atoms: readonly Atom[], text: string, path: string): Piece[] {
  const found: Piece[] = [];
  const seen = new Set<string>();
  let at = 0;
  let from = 0;
  for (const [n, value] of atomsOfText(text).entries()) {
    const start = text.indexOf(value, from);
    from = start + value.length;
    while (at < atoms.length && atoms[at]!.index < start) at++;
    const atom = atoms[at];
    if (!atom || atom.index >= from || seen.has(value)) continue;
    const isWhole = atom.value === value;
    if (!isWhole && (atom.index + atom.value.length > from || !GLUED.has(atom.kind))) continue;
    seen.add(value);
    const whole = value.length === text.length;
    found.push({ value, kind: isWhole ? atom.kind : 'token', path: whole ? path : `${path}#${n}` });
  }
  return found;
}

/** Whether any was found. */
function addKnown(found: Piece[], text: string, path: string, known: KnownWords): boolean {
  const before = found.length;
  for (const [n, value] of atomsOfText(text).entries())
    if (known.has(value))
      found.push({ value, kind: 'token', path: value.length === text.length ? path : `${path}#${n}` });
  return found.length > before;
}

function addWords(found: Piece[], value: string, path: string): void {
  if (isHiddenWord(value)) found.push({ value, kind: 'word', path });
  else if (value.length < 512) {
    for (const [i, piece] of atomsOfText(value).entries())
      if (piece.length < value.length && isHiddenWord(piece))
        found.push({ value: piece, kind: 'word', path: `${path}#${i}` });
  }
}

const MIN_HIDDEN_CHARS = 12;
const MIN_CHANGES = 4;
const ONE_CASE = /^(?:[A-Z0-9]+|[a-z0-9]+)$/;

/** Whether a piece of a text may be a hidden word: most texts are told from it without being taken to pieces. */
function mayHoldHiddenWord(text: string): boolean {
  let length = 0;
  let changes = 0;
  let digits = 0;
  let wasUpper = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!isWordChar(code)) {
      length = changes = digits = 0;
      continue;
    }
    const upper = code >= 0x41 && code <= 0x5a;
    if (length++ > 0 && upper !== wasUpper) changes++;
    if (code >= 0x30 && code <= 0x39) digits++;
    wasUpper = upper;
    const isMixed = digits > 0 && digits < length;
    if (length >= MIN_HIDDEN_CHARS && (changes >= MIN_CHANGES || isMixed)) return true;
  }
  return false;
}

/**
 * Letters of both cases that change often, as in random words that happen to hold no digit; or letters of one case, with digits
 * among them, as in random codes that happen to hold few.
 */
function isHiddenWord(text: string): boolean {
  if (text.length < MIN_HIDDEN_CHARS || !/^[A-Za-z0-9_-]+$/.test(text)) return false;
  if (ONE_CASE.test(text)) return /\d/.test(text) && /\D/.test(text);
  let changes = 0;
  for (let i = 1; i < text.length; i++) if (isUpper(text, i) !== isUpper(text, i - 1)) changes++;
  return changes >= MIN_CHANGES;
}

function isUpper(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x41 && code <= 0x5a;
}

export interface Credential {
  kind: 'jwt' | 'bearer' | 'basic' | 'cookie';
  value: string;
}

/** The credentials a request carries: of its Authorization header, else its generated cookie values. */
export function credentialsOf(request: HttpRequest): Credential[] {
  const authorization = header(request.headers, 'authorization');
  if (authorization) {
    const space = authorization.indexOf(' ');
    const scheme = authorization.slice(0, Math.max(0, space)).toLowerCase();
    const value = authorization.slice(space + 1).trim();
    if (scheme === 'basic') return [{ kind: 'basic', value }];
    const [atom] = atomsIn(value);
    return [
      { kind: atom?.kind === 'jwt' ? 'jwt' : 'bearer', value: atom?.value === value ? atom.value : value },
    ];
  }
  return headerValues(request.headers, 'cookie')
    .flatMap((text) => text.split(';'))
    .flatMap((part) => {
      const value = part.slice(part.indexOf('=') + 1).trim();
      const [piece] = piecesOf([{ path: 'cookie', value }]);
      return piece && piece.kind !== 'word' ? [{ kind: 'cookie' as const, value: piece.value }] : [];
    });
}

/** The event of a credential's use. */
export function credentialEvent(
  { kind }: Credential,
  at: Pick<ValueEvent, 'key' | 'timeUs' | 'pair' | 'id'>,
): ValueEvent {
  return { ...at, role: ROLE.credential, kind, path: CREDENTIAL, where: '', value: '' };
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 0x20) return true;
  return false;
}
