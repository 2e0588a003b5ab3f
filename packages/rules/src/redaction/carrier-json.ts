// JSON, redacted as text in one pass: values are judged by their keys and by their shape, every other byte stays (spacing,
// numbers, order, duplicates). Takes invalid and cut-off JSON for what can be understood of it; what stands outside
// strings and is no JSON is judged as text afterwards. No recursion but into strings that hold documents.
import type { SecretKind } from '../rules-document.ts';
import type { Inspection } from './inspection.ts';
import type { KeyNames } from './key-names.ts';
import { NAMED, NAMING } from './known-keys.ts';
import { Splice } from './splice.ts';

/** Deeper levels share the last one's key. */
const MAX_LEVELS = 256;
const MIN_VALUE_LENGTH = 5;
/** Shorter numbers are counts and codes, also under the name of a secret. */
const MIN_NUMBER_DIGITS = 4;
/** Numbers of cards have no less digits. */
const MIN_CARD_DIGITS = 12;
/** Of the values of keys that name others. */
const MAX_NAME = 64;
/** The value of such a pair, from the end of its key, and the name when it comes second. */
const NAME_BEHIND =
  /\s*:\s*"(?:[^"\\]|\\.){0,4000}"\s*,\s*"(?:name|key|field|header|parameter)"\s*:\s*"([^"\\]{1,64})"/y;
/** Whose a password is, is said beside it. */
const NAMES_OWNER = /(?:user|account|member|owner|customer|person|tenant|organi[sz]ation|org)[_-]?id$/i;
/** An id, of one word, and no object or list: what that has below it are passwords still. */
const ID_BEHIND = /\s*:\s*(?:null|\d{1,20}|"[^\s"\\]{0,128}")(?=\s*[,}])/y;
/** Nor is it a secret when something of one happened, as name and value say. */
const NAMES_TIME = /[a-z]At$|_at$|(?:^|_)(?:time|date|timestamp)$|(?:Time|Date|Timestamp)$/;
const TIME_BEHIND =
  /\s*:\s*(?:null|1\d{9}|1\d{12}|"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?")(?=\s*[,}])/y;
/** Kinds that are hardly ever numbers: a time below their name is a time. */
const NO_NUMBERS: ReadonlySet<SecretKind | null> = new Set(['credential', 'secret', 'password']);
/** Milliseconds since 1970, of the years 2014 to 2039. */
const EPOCH_MS = /^(?:1[4-9]|2[01])\d{11}$/;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** What stands outside strings: white space and structure end it, digits and signs make a number of it. */
const DELIMITER = 1;
const DIGIT = 2;
const SIGN = 3;
const BARE = new Uint8Array(128);
for (const char of ' \n\r\t{}[],:"') BARE[char.charCodeAt(0)] = DELIMITER;
for (const char of '0123456789') BARE[char.charCodeAt(0)] = DIGIT;
for (const char of '.-+eE') BARE[char.charCodeAt(0)] = SIGN;

export interface JsonOptions {
  /** Names that are sensitive; those of fields unless told. */
  names?: KeyNames;
  /** What every value without a name of its own is. */
  kind?: SecretKind;
  /** [start, end) of values that stay as they are, in order. */
  kept?: readonly (readonly [number, number])[];
}

/** The text with its sensitive values replaced; the same string when there is none. */
export function redactJson(
  text: string,
  inspection: Inspection,
  depth: number,
  options: JsonOptions = {},
): string {
  const pass = new JsonPass(text, inspection, depth, options);
  inspection.notes.enter(pass);
  const redacted = pass.run();
  inspection.notes.leave();
  return pass.hasForeignText ? inspection.text(redacted, depth) : redacted;
}

class JsonPass {
  hasForeignText = false;
  readonly #text: string;
  readonly #inspection: Inspection;
  readonly #depth: number;
  readonly #names: KeyNames;
  readonly #kept: readonly (readonly [number, number])[];
  readonly #splice: Splice;
  readonly #kinds: (SecretKind | null)[] = [null];
  readonly #keys: string[] = [''];
  readonly #isNaming: boolean[] = [false];
  /** What the name of a pair says of its value, by level. */
  readonly #namedKinds: (SecretKind | null)[] = [null];
  #level = 0;
  /** Whether the name of the value itself says its kind, and not that of an object around it; of a list its name, by level. */
  #isOwnKind = true;
  readonly #ownKinds: boolean[] = [true];
  /** Whether what said the kind is not the object or list itself but one around it, by level. */
  readonly #isDeep: boolean[] = [false];
  #kind: SecretKind | null = null;
  #backslash: number;
  #isUnterminated = false;

  constructor(text: string, inspection: Inspection, depth: number, options: JsonOptions) {
    this.#text = text;
    this.#inspection = inspection;
    this.#depth = depth;
    this.#names = options.names ?? inspection.fields;
    this.#kept = options.kept ?? [];
    this.#kind = this.#kinds[0] = options.kind ?? null;
    this.#splice = new Splice(text);
    this.#backslash = text.indexOf('\\');
  }

  run(): string {
    const text = this.#text;
    const { length } = text;
    for (let at = 0; at < length; ) {
      switch (text.charCodeAt(at)) {
        case QUOTE:
          at = this.#string(at);
          break;
        case 0x7b:
          this.#open('');
          at++;
          break;
        case 0x5b:
          this.#open('[]');
          at++;
          break;
        case 0x7d:
        case 0x5d:
          this.#close();
          at++;
          break;
        case 0x2c:
          this.#kind = this.#kinds[this.#top]!;
          this.#isOwnKind = this.#ownKinds[this.#top]!;
          at++;
          break;
        case 0x3a:
        case 0x20:
        case 0x0a:
        case 0x0d:
        case 0x09:
          at++;
          break;
        default:
          at = this.#bare(at);
      }
    }
    const out = this.#splice.done();
    return this.#isUnterminated ? this.#inspection.tail(out) : out;
  }

  /** Where the pass is: `.user.emails[]`. */
  path(): string {
    let path = '';
    const top = Math.min(this.#level, MAX_LEVELS);
    for (let level = 1; level <= top; level++) {
      const key = this.#keys[level]!;
      if (key !== '') path += key === '[]' ? key : `.${key}`;
    }
    return path;
  }

  #open(key: string): void {
    this.#level++;
    if (this.#level > MAX_LEVELS) return;
    this.#kinds[this.#level] = this.#kind;
    this.#ownKinds[this.#level] = this.#isOwnKind;
    this.#isDeep[this.#level] = !this.#isOwnKind;
    this.#keys[this.#level] = key;
    this.#isNaming[this.#level] = false;
    this.#namedKinds[this.#level] = null;
  }

  #close(): void {
    if (this.#level > 0) this.#level--;
    this.#kind = this.#kinds[Math.min(this.#level, MAX_LEVELS)]!;
  }

  #string(quote: number): number {
    const text = this.#text;
    const start = quote + 1;
    let end = text.indexOf('"', start);
    if (end < 0) end = text.length;
    let isEscaped = false;
    if (this.#backslash >= 0 && this.#backslash < end) {
      end = this.#endOfString(start);
      isEscaped = this.#backslash >= 0 && text.slice(start, end).includes('\\');
      this.#backslash = text.indexOf('\\', end);
    }
    if (end >= text.length) this.#isUnterminated = true;
    const colon = this.#colonAfter(end + 1);
    if (colon >= 0) this.#key(start, end, isEscaped);
    else if (this.#kind === null && this.#isNaming[this.#top] && end - start <= MAX_NAME)
      this.#naming(start, end, isEscaped);
    else if (this.#kind !== null || end - start >= MIN_VALUE_LENGTH || this.#inspection.hasPatterns)
      this.#value(start, end, isEscaped);
    return colon >= 0 ? colon + 1 : end + 1;
  }

  /** The quote that ends a string, over escapes; the end of the text when it was cut. */
  #endOfString(start: number): number {
    const text = this.#text;
    for (let at = start; ; ) {
      const quote = text.indexOf('"', at);
      if (quote < 0) return text.length;
      let before = quote - 1;
      while (before >= start && text.charCodeAt(before) === BACKSLASH) before--;
      if ((quote - before) % 2 === 1) return quote;
      at = quote + 1;
    }
  }

  /** The place of the colon that makes the string before it a key; -1 when it is a value. */
  #colonAfter(at: number): number {
    const text = this.#text;
    for (let next = at; ; next++) {
      const code = text.charCodeAt(next);
      if (code === 0x3a) return next;
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return -1;
    }
  }

  #key(start: number, end: number, isEscaped: boolean): void {
    if (!isEscaped && this.#knownKey(start, end)) return;
    const written = this.#text.slice(start, end);
    const key = isEscaped ? unescaped(written) : written;
    const own = this.#names.kindOf(key);
    this.#isOwnKind = own !== null;
    this.#kind = own ?? this.#inherited(key, end);
    if (this.#kind === null && NAMED.has(key)) this.#nameBeside(end);
    const named = this.#name(key);
    if (named !== key) this.#put(start, end, named);
  }

  /** The same without cutting the key out, for the keys of all days. */
  #knownKey(start: number, end: number): boolean {
    if (this.#names !== this.#inspection.fields) return false;
    const known = this.#inspection.knownKey(this.#text, start, end);
    if (known === null) return false;
    const top = this.#top;
    this.#isOwnKind = known.kind !== null;
    this.#kind = known.kind ?? this.#inherited(known.key, end);
    if (this.#kind === null && known.isNamed) this.#nameBeside(end);
    this.#keys[top] = known.key;
    this.#isNaming[top] = known.isNaming;
    return true;
  }

  /** What an outer name says of everything below it: the fields of a password are passwords, but for whose it is, and since when. */
  #inherited(key: string, end: number): SecretKind | null {
    const kind = this.#kinds[this.#top]!;
    const mayBeTime = NO_NUMBERS.has(kind) && NAMES_TIME.test(key);
    if (kind === null || (mayBeTime && isBehind(TIME_BEHIND, this.#text, end))) return null;
    return kind === 'password' && NAMES_OWNER.test(key) && isBehind(ID_BEHIND, this.#text, end) ? null : kind;
  }

  /** What the name beside a value says is said by its own name. */
  #nameBeside(end: number): void {
    this.#kind = this.#namedKinds[this.#top] ?? this.#nameBehind(end);
    this.#isOwnKind = this.#kind !== null;
  }

  /** A value that may be the name of the value beside it. */
  #naming(start: number, end: number, isEscaped: boolean): void {
    const mayName = this.#names.mayEndAt(this.#text, start, end);
    this.#namedKinds[this.#top] = mayName ? this.#names.kindOf(this.#text.slice(start, end)) : null;
    this.#value(start, end, isEscaped);
  }

  #nameBehind(end: number): SecretKind | null {
    NAME_BEHIND.lastIndex = end + 1;
    const name = NAME_BEHIND.exec(this.#text)?.[1];
    return name === undefined ? null : this.#names.kindOf(name);
  }

  get #top(): number {
    return Math.min(this.#level, MAX_LEVELS);
  }

  /** Goes one step further: paths tell no more than what leaves. */
  #name(key: string): string {
    const top = this.#top;
    this.#keys[top] = '*';
    const named = key.length < MIN_VALUE_LENGTH ? key : this.#inspection.keyText(key);
    this.#keys[top] = named;
    this.#isNaming[top] = NAMING.has(named);
    return named;
  }

  #value(start: number, end: number, isEscaped: boolean): void {
    if (this.#kept.length > 0 && this.#isKept(start)) return;
    const isShown = this.#kind === null && this.#inspection.isShown(this.#text, start, end);
    const isOpen = this.#kind === null && !isEscaped && !isShown;
    if (isOpen && this.#inspection.isPlain(this.#text, start, end)) return;
    const written = this.#text.slice(start, end);
    const value = isEscaped ? unescaped(written) : written;
    const kind = isShown ? 'credential' : this.#kind;
    const isDeep = this.#kind !== null && !this.#isOwnKind && this.#isDeep[this.#top]!;
    const redacted = isDeep
      ? this.#inspection.deepValue(value, kind, this.#depth)
      : this.#inspection.value(value, kind, this.#depth);
    if (redacted !== value) this.#put(start, end, redacted);
  }

  /** Numbers and literals, and whatever else stands outside strings. */
  #bare(start: number): number {
    const text = this.#text;
    let end = start;
    let digits = 0;
    let isNumber = true;
    for (; end < text.length; end++) {
      const code = text.charCodeAt(end);
      const part = code < 128 ? BARE[code]! : 0;
      if (part === DIGIT) digits++;
      else if (part === DELIMITER) break;
      else if (part !== SIGN) isNumber = false;
    }
    if (end === start) return end + 1;
    if (!isNumber && isLiteral(text, start, end)) return end;
    if (isNumber && digits > 0) {
      if (digits >= MIN_NUMBER_DIGITS && !this.#isKept(start)) this.#number(start, end, digits);
    } else if (!this.#isKept(start)) this.#foreign(start, end);
    return end;
  }

  #number(start: number, end: number, digits: number): void {
    if (this.#kind === null && digits < MIN_CARD_DIGITS) return;
    const number = this.#text.slice(start, end);
    if (!this.#isOwnKind && NO_NUMBERS.has(this.#kind) && EPOCH_MS.test(number)) return;
    if (digits < number.length) {
      if (this.#kind !== null && /[1-8]/.test(number)) this.#mask(start, end, number);
      return;
    }
    const found = this.#inspection.findings(number)[0];
    const kind = this.#kind ?? found?.kind;
    if (kind === undefined) return;
    const rule = this.#kind === null ? `shape:${kind}` : `key:${kind}`;
    const token = this.#inspection.mintNumber(found?.kind ?? kind, number, rule);
    if (token !== number) this.#put(start, end, token);
  }

  /** Fractions and powers stay what they are, of nines. */
  #mask(start: number, end: number, number: string): void {
    const exponent = number.search(/e/i);
    const mantissa = exponent < 0 ? number : number.slice(0, exponent);
    const masked = mantissa.replace(/\d/g, '9') + number.slice(mantissa.length);
    if (masked === number) return;
    this.#inspection.notes.masked(this.#kind!, `key:${this.#kind}`);
    this.#put(start, end, masked);
  }

  /** No JSON: an unquoted key, a value of another notation, prose. */
  #foreign(start: number, end: number): void {
    const word = this.#text.slice(start, end);
    this.hasForeignText = true;
    const bare = word.replace(/^'|'$/g, '');
    if (this.#colonAfter(end) >= 0) {
      this.#name(bare);
      this.#kind = this.#names.kindOf(bare) ?? this.#kinds[Math.min(this.#level, MAX_LEVELS)]!;
      return;
    }
    if (this.#kind === null || bare === '') return;
    const redacted = this.#inspection.secret(bare, this.#kind, this.#depth);
    if (redacted !== bare)
      this.#put(
        start,
        end,
        word.replace(bare, () => redacted),
      );
  }

  #isKept(at: number): boolean {
    for (const [start, end] of this.#kept) if (at >= start && at < end) return true;
    return false;
  }

  #put(start: number, end: number, value: string): void {
    this.#splice.put(start, end, escaped(value));
  }
}

/** Whether this follows upon the key that ends there. */
function isBehind(what: RegExp, text: string, end: number): boolean {
  what.lastIndex = end + 1;
  return what.test(text);
}

/** `true`, `false` or `null`. */
function isLiteral(text: string, start: number, end: number): boolean {
  if (end - start === 4) return text.startsWith('true', start) || text.startsWith('null', start);
  return end - start === 5 && text.startsWith('false', start);
}

/** A value as it stands between quotes. */
export function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

/** What stands between quotes as a value; broken escapes are taken as they are. */
export function unescaped(written: string): string {
  return written.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_all, hex: string | undefined, char: string) =>
    hex === undefined ? (ESCAPES[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
