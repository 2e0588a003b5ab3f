// What every carrier asks: is this name sensitive, what is this value, what is its token. Opens values that hold other
// texts, to a bounded depth, and notes what it replaced. A value that is given back the same is untouched.

import { encodeLike, openBase64 } from '@echoplane/traffic';
import type { SecretKind } from '../rules-document.ts';
import { MAX_DEPTH } from './bounds.ts';
import { redactAuthorization, startsWithScheme } from './carrier-authorization.ts';
import { redactJson } from './carrier-json.ts';
import { isJwt, redactJwt } from './carrier-jwt.ts';
import { insertsInto, redactSql } from './carrier-sql.ts';
import { redactTail, redactText } from './carrier-text.ts';
import { redactXml } from './carrier-xml.ts';
import type { Finding } from './finding.ts';
import type { KeyNames } from './key-names.ts';
import { type KnownKey, KnownKeys } from './known-keys.ts';
import type { Notes } from './notes.ts';
import { ownCopy } from './own-copy.ts';
import type { Patterns } from './patterns.ts';
import { isPlain } from './plain-value.ts';
import { SaidWords } from './said-words.ts';
import { type ScanOptions, scan } from './scan.ts';
import { ShownSecrets } from './shown-secrets.ts';
import { Splice } from './splice.ts';
import { StoodInDigests } from './stood-in-digests.ts';
import { TokenMinter } from './token-minter.ts';
import { TOKEN_PREFIX } from './token-shape.ts';

/** No detector has anything to say about less. */
const MIN_SHAPE_LENGTH = 5;
/** Kinds that a name alone does not make: a `phone` may be a model, a `pan` a way to cook. */
const NEEDS_DIGITS: Partial<Record<SecretKind, number>> = { card: 4, iban: 4, phone: 6, 'national-id': 4 };
const NO_SECRETS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'undefined']);
/** Kinds that an answer gives to its client, to be sent back. */
const SHOWN: ReadonlySet<SecretKind> = new Set(['credential', 'secret']);
/** Names that were found to hold nothing; past the bound all are forgotten. */
const MAX_CLEAN_KEYS = 4_096;
const MAX_CLEAN_KEY_LENGTH = 128;
/** Digits that open the number which stands for a number. */
const MIN_TELLING_DIGITS = 9;
const NUMBER_PREFIX = '999999';

export interface InspectionParts {
  notes: Notes;
  minter: TokenMinter;
  off: ReadonlySet<SecretKind>;
  patterns: Patterns;
  fields: KeyNames;
  claims: KeyNames;
}

export class Inspection {
  readonly notes: Notes;
  readonly fields: KeyNames;
  readonly claims: KeyNames;
  /** What is read of the service's exchanges with its clients: its answers show them secrets, which their requests carry. */
  side: 'request' | 'answer' | null = null;
  /** Of files that were replaced. */
  readonly digests = new StoodInDigests();
  readonly #shown = new ShownSecrets();
  readonly #said = new SaidWords();
  readonly #minter: TokenMinter;
  readonly #off: ReadonlySet<SecretKind>;
  readonly #patterns: Patterns;
  readonly #scanOptions: { off: ReadonlySet<SecretKind> };
  readonly #plainOptions: ScanOptions;
  readonly #cleanKeys = new Set<string>();
  readonly #knownKeys: KnownKeys;

  constructor(parts: InspectionParts) {
    this.notes = parts.notes;
    this.fields = parts.fields;
    this.claims = parts.claims;
    this.#minter = parts.minter;
    this.#off = parts.off;
    this.#patterns = parts.patterns;
    this.#scanOptions = { off: parts.off };
    this.#plainOptions = { off: parts.off, guesses: false };
    this.#knownKeys = new KnownKeys(
      (key) => this.fields.kindOf(key),
      (key) => key.length >= MIN_SHAPE_LENGTH && scan(key, this.#scanOptions).length > 0,
    );
  }

  /** Whether `value` would give back this part of a text, kind null, as it is; false says nothing. */
  isPlain(text: string, start: number, end: number): boolean {
    return this.#patterns.isEmpty && isPlain(text, start, end, this.fields);
  }

  /** Whether this part of a request's text is a secret that an answer showed. */
  isShown(text: string, start: number, end: number): boolean {
    return this.side === 'request' && this.#shown.isAt(text, start, end);
  }

  /** How many secrets answers showed so far. */
  get shownSecrets(): number {
    return this.#shown.count;
  }

  /** Notes a text that stays as it is and that no name tells anything of. */
  stays(text: string): void {
    if (this.side === 'answer') this.#said.add(text, this.notes.pairId);
  }

  /** What is known of the name of a field without cutting it out; null: nothing, or it holds data itself. */
  knownKey(text: string, start: number, end: number): KnownKey | null {
    return this.#patterns.isEmpty ? this.#knownKeys.at(text, start, end) : null;
  }

  /** A whole value; `kind` is what its name says, null when it says nothing. */
  value(value: string, kind: SecretKind | null, depth: number): string {
    if (kind !== null) return this.secret(value, kind, depth);
    return this.isPlain(value, 0, value.length) ? value : this.judged(value, depth);
  }

  /** The same of a value far below the name that says its kind: it may be another thing's id, which stands openly elsewhere. */
  deepValue(value: string, kind: SecretKind | null, depth: number): string {
    const { side } = this;
    this.side = null;
    const redacted = this.value(value, kind, depth);
    this.side = side;
    return redacted;
  }

  /** The long way of a value without a kind. */
  judged(value: string, depth: number): string {
    if (value.length < MIN_SHAPE_LENGTH && this.#patterns.isEmpty) return value;
    if (looksLikeJson(value))
      return depth < MAX_DEPTH ? redactJson(value, this, depth + 1) : this.mint('secret', value, 'depth');
    if (BEARER.test(value)) return redactAuthorization(value, this);
    if (looksLikeXml(value) && depth < MAX_DEPTH) return redactXml(value, this, depth + 1);
    if (insertsInto(value)) return redactSql(value, this, depth);
    return redactText(value, this, depth);
  }

  /** A value that its name, or its place, makes sensitive. */
  secret(value: string, kind: SecretKind, depth: number, rule = `key:${kind}`): string {
    if (value === '' || NO_SECRETS.has(value) || TokenMinter.isToken(value) || isMasked(value)) return value;
    const wanted = NEEDS_DIGITS[kind];
    if (wanted !== undefined && digitsOf(value) < wanted) return this.value(value, null, depth);
    if (isJwt(value)) return redactJwt(value, this, depth);
    if (startsWithScheme(value)) return redactAuthorization(value, this);
    const opened = openBase64(value);
    if (opened !== null) {
      if (TokenMinter.isToken(opened.text)) return value;
      const wrapped = encodeLike(this.mint(kind, opened.text, rule), opened);
      this.notes.alsoSealed(wrapped, value);
      return wrapped;
    }
    return this.mint(this.#wholeShape(value) ?? kind, value, rule);
  }

  /** Free text that may stand in any other. */
  text(text: string, depth: number): string {
    return redactText(text, this, depth);
  }

  /** A text that was cut: see `redactTail`. */
  tail(text: string): string {
    return redactTail(text, this);
  }

  /** What has the shape of something sensitive, and what users' patterns match. */
  shapes(text: string): string {
    const matched = this.#patterns.isEmpty ? text : this.#patterns.replace(text, this);
    const findings = scan(matched, this.#scanOptions);
    return findings.length === 0 ? matched : this.#replaceFindings(matched, findings);
  }

  /** What has a shape that is nothing else, in texts that look drawn by lot themselves: digests, hosts, traces. */
  plainShapes(text: string): string {
    const findings = scan(text, this.#plainOptions);
    return findings.length === 0 ? text : this.#replaceFindings(text, findings);
  }

  /** A name that holds data: maps have e-mail addresses for keys. */
  keyText(key: string): string {
    if (this.#cleanKeys.has(key)) return key;
    const redacted = this.shapes(key);
    if (redacted !== key || key.length > MAX_CLEAN_KEY_LENGTH) return redacted;
    if (this.#cleanKeys.size >= MAX_CLEAN_KEYS) this.#cleanKeys.clear();
    this.#cleanKeys.add(ownCopy(key));
    return key;
  }

  /** Where the detectors see something; users' patterns are not asked. */
  findings(text: string): readonly Finding[] {
    return scan(text, this.#scanOptions);
  }

  get hasPatterns(): boolean {
    return !this.#patterns.isEmpty;
  }

  isOff(kind: SecretKind): boolean {
    return this.#off.has(kind);
  }

  /** The token of a value, noted. */
  mint(kind: SecretKind, value: string, rule: string): string {
    const token = this.#minter.mint(kind, value);
    const shown = this.side === 'request' && SHOWN.has(kind) ? this.#said.markOf(value) : undefined;
    if (token !== value) this.notes.replaced({ kind, rule, token, value, shown });
    if (this.side === 'answer' && SHOWN.has(kind)) this.#shown.add(value);
    return token;
  }

  /** The token of what is not noted: bytes that stand in for others are marked with it. */
  mark(value: string): string {
    return this.#minter.mint('secret', value);
  }

  /** Digits that stand for the digits of a number: as many, and the same for the same; all nines where they are few. */
  mintNumber(kind: SecretKind, digits: string, rule: string): string {
    if (isNumberToken(digits)) return digits;
    const token = this.#numberToken(digits);
    if (digits.length < MIN_TELLING_DIGITS) this.notes.masked(kind, rule);
    else this.notes.replaced({ kind, rule, token, value: digits });
    return token;
  }

  /** What takes the place of a JWT's signature. */
  signature(jwt: string, length: number): string {
    return this.#minter.signature(jwt, length);
  }

  #numberToken(digits: string): string {
    if (digits.length >= 13 && digits.length <= 19) return this.#minter.mint('card', digits);
    if (digits.length < MIN_TELLING_DIGITS) return '9'.repeat(digits.length);
    const rest = this.#minter.signature(digits, digits.length);
    let token = NUMBER_PREFIX;
    for (let at = NUMBER_PREFIX.length; at < digits.length; at++) token += rest.charCodeAt(at) % 10;
    return token;
  }

  #wholeShape(value: string): SecretKind | null {
    const [first, second] = scan(value, this.#scanOptions);
    if (first === undefined || second !== undefined) return null;
    return first.start === 0 && first.end === value.length && first.kind !== 'jwt' ? first.kind : null;
  }

  #replaceFindings(text: string, findings: readonly Finding[]): string {
    const splice = new Splice(text);
    for (const { start, end, kind } of findings) {
      // A token behind a lone backslash is no `\\r`.
      if (text.startsWith(TOKEN_PREFIX, start - 1)) continue;
      const value = text.slice(start, end);
      const token = this.#tokenOf(kind, value);
      if (token !== value) splice.put(start, end, token);
    }
    return splice.done();
  }

  /** An encoded text that looks random was opened on its own before; only what is inside it counts. */
  #tokenOf(kind: SecretKind, value: string): string {
    if (TokenMinter.isToken(value)) return value;
    if (kind === 'jwt')
      return isJwt(value) ? redactJwt(value, this, 0) : this.mint('secret', value, 'shape:jwt');
    if (kind === 'secret' && openBase64(value) !== null) return value;
    return this.mint(kind, value, `shape:${kind}`);
  }
}

/** An object, a list, or a string in quotes, which may hold one. */
function looksLikeJson(value: string): boolean {
  const first = value.charCodeAt(0);
  if (first === 0x7b || first === 0x5b) return true;
  if (first === 0x22) return value.length > 1 && value.endsWith('"');
  return (first === 0x20 || first === 0x0a) && /^\s+[{[]/.test(value);
}

/** A credential that stands alone with its scheme; `Basic authentication` is none. */
const BEARER = /^(?:bearer|basic) +(?=\S*\d)\S{8,}$/i;

function looksLikeXml(value: string): boolean {
  return value.charCodeAt(0) === 0x3c && /^<[?!A-Za-z]/.test(value) && value.includes('>');
}

function isMasked(value: string): boolean {
  for (let at = 0; at < value.length; at++) if (value.charCodeAt(at) !== 0x2a) return false;
  return true;
}

function isNumberToken(digits: string): boolean {
  if (digits.length >= MIN_TELLING_DIGITS) return digits.startsWith(NUMBER_PREFIX);
  return digits === '9'.repeat(digits.length);
}

function digitsOf(value: string): number {
  let digits = 0;
  for (let at = 0; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code >= 0x30 && code <= 0x39) digits++;
  }
  return digits;
}
