// Gives a sensitive value its token: the same for the same value and key (HMAC-SHA-256), of the value's own format where
// programs check formats, and never again a finding of the detectors. It knows nothing of where values come from.
//
//   credential password secret jwt pattern …   rdx_ + 20 of a-z 0-9, or the value's length
//   email   u-<12>@redacted.example.com        card   9999 99…, Luhn-valid, digits and separators kept
//   iban    ZZ…, check digits valid            phone  +999…, length and separators kept; 000… of digits alone
//   US SSN  000-…                              PEM    BEGIN and END lines around a token
import { createHmac } from 'node:crypto';
import { TOKEN_DOMAIN } from '@echoplane/traffic';
import type { SecretKind } from '../rules-document.ts';
import { luhnRemainder, mod97 } from './check-digits.ts';
import { isBarePhoneToken, isTokenShape, TOKEN_PREFIX } from './token-shape.ts';

/** Values whose token is remembered; past that the oldest is forgotten. */
const CACHE_VALUES = 10_000;
/** Longer values are not remembered: their tokens are made anew each time. */
const CACHED_LENGTH = 1_024;
const OPAQUE_LENGTH = 20;
/** Below this a token that keeps the length would say nothing. */
const MIN_KEPT_LENGTH = 8;
const MAX_KEPT_LENGTH = 8_192;
/** A telephone number that is written without separators, as the name of its field tells alone. */
const BARE_PHONE = /^\d{9,15}$/;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

export class TokenMinter {
  readonly #key: Uint8Array;
  readonly #keepLength: boolean;
  readonly #tokens = new Map<string, string>();

  /** `key`: 32 bytes; with `keepLength` tokens without a format have the length of the value, from 8 characters on. */
  constructor(key: Uint8Array, options: { keepLength?: boolean } = {}) {
    this.#key = key;
    this.#keepLength = options.keepLength ?? false;
  }

  /** Whether a whole value is a token, of whatever key. */
  static isToken(value: string): boolean {
    return isTokenShape(value);
  }

  /** How many values are remembered. */
  get remembered(): number {
    return this.#tokens.size;
  }

  /** The token of a value; a token is its own. */
  mint(kind: SecretKind, value: string): string {
    if (isTokenShape(value) || (kind === 'phone' && isBarePhoneToken(value))) return value;
    if (value.length > CACHED_LENGTH) return this.#make(kind, value);
    const known = `${kind} ${value}`;
    const cached = this.#tokens.get(known);
    if (cached !== undefined) return cached;
    const token = this.#make(kind, value);
    if (this.#tokens.size >= CACHE_VALUES) this.#tokens.delete(this.#tokens.keys().next().value!);
    this.#tokens.set(known, token);
    return token;
  }

  /** Token characters of exactly this length for the signature of a JWT whose claims were redacted one by one. */
  signature(value: string, length: number): string {
    const token = TOKEN_PREFIX + this.#characters(value, Math.max(0, length - TOKEN_PREFIX.length));
    return token.slice(0, length);
  }

  /** What older recordings have for a telephone number of digits alone. */
  olderPhoneToken(value: string): string | undefined {
    return BARE_PHONE.test(value) ? this.#groupedPhone(value) : undefined;
  }

  #make(kind: SecretKind, value: string): string {
    switch (kind) {
      case 'email':
        return this.#email(value);
      case 'card':
        return this.#card(value) ?? this.#opaque(value);
      case 'iban':
        return this.#iban(value) ?? this.#opaque(value);
      case 'phone':
        return this.#phone(value) ?? this.#opaque(value);
      case 'national-id':
        return /^\d{3}-\d{2}-\d{4}$/.test(value) ? this.#refill(value, '000') : this.#opaque(value);
      case 'private-key':
        return this.#privateKey(value) ?? this.#opaque(value);
      default:
        return this.#opaque(value);
    }
  }

  #opaque(value: string): string {
    const kept = this.#keepLength && value.length >= MIN_KEPT_LENGTH;
    const length = kept ? Math.min(value.length, MAX_KEPT_LENGTH) - TOKEN_PREFIX.length : OPAQUE_LENGTH;
    return TOKEN_PREFIX + this.#characters(value, length);
  }

  /** Case is not part of an address; `%40` stays as it was written. */
  #email(value: string): string {
    const at = value.includes('@') ? '@' : '%40';
    return `u-${this.#characters(value.replace(/%40/, '@').toLowerCase(), 12)}${at}${TOKEN_DOMAIN}`;
  }

  /** A card has the same digits in its token however it is grouped. */
  #card(value: string): string | undefined {
    const digits = value.replace(/\D/g, '');
    if (digits.length < 13 || digits.length > 19) return undefined;
    return pour(value, checked(`999999${this.#digits(digits, digits.length - 7)}`));
  }

  #iban(value: string): string | undefined {
    const compact = value.replace(/ /g, '').toUpperCase();
    if (compact.length < 15 || compact.length > 34) return undefined;
    const account = this.#digits(compact, compact.length - 4);
    const check = 98 - mod97(`${account}ZZ00`);
    return pour(value.replace(/[A-Za-z]/g, '0'), `ZZ${String(check).padStart(2, '0')}${account}`);
  }

  #phone(value: string): string | undefined {
    // Programs that take digits only refuse a plus. No country's numbers begin with three zeros.
    if (BARE_PHONE.test(value)) return checked(`000${this.#digits(value, value.length - 4)}`);
    return this.#groupedPhone(value);
  }

  /** The prefix takes the place of the first four characters, brackets become digits; separators stay. */
  #groupedPhone(value: string): string | undefined {
    const plus = /^%2b/i.exec(value)?.[0] ?? '+';
    const digits = value.replace(/^%2b/i, '').replace(/\D/g, '');
    if (digits.length < 8) return undefined;
    const tail = value.slice(plus.length + 3).replace(/[()]/g, '0');
    return `${plus}999${pour(tail, this.#digits(digits, tail.length))}`;
  }

  #privateKey(value: string): string | undefined {
    const lines = /^(-----BEGIN [A-Z0-9 ]+-----)(\s+|(?:\\[nr])+)/.exec(value);
    if (lines === null) return undefined;
    const [, begin, newline] = lines;
    return `${begin}${newline}${TOKEN_PREFIX}${this.#characters(value, OPAQUE_LENGTH)}${newline}${begin!.replace('BEGIN', 'END')}`;
  }

  #refill(value: string, start: string): string {
    const digits = value.replace(/\D/g, '');
    return pour(value, start + this.#digits(digits, digits.length - start.length));
  }

  /** Letters and digits, at least one of them a digit so that a token never reads as a word. */
  #characters(value: string, length: number): string {
    let text = '';
    for (const byte of this.#bytes(value, length)) text += ALPHABET[byte % 36]!;
    if (length === 0 || /\d/.test(text)) return text;
    return `${text.slice(0, -1)}${text.charCodeAt(length - 1) % 10}`;
  }

  #digits(value: string, length: number): string {
    let text = '';
    for (const byte of this.#bytes(value, length)) text += String(byte % 10);
    return text;
  }

  #bytes(value: string, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0, block = 0; at < length; at += 32, block++) {
      const hmac = createHmac('sha256', this.#key).update(value);
      if (block > 0) hmac.update(`\0${block}`);
      bytes.set(hmac.digest().subarray(0, length - at), at);
    }
    return bytes;
  }
}

/** Digits with the check digit of Luhn behind them. */
function checked(digits: string): string {
  return digits + ((10 - luhnRemainder(`${digits}0`)) % 10);
}

/** Puts characters in the places of a value's digits; everything else stays. */
function pour(value: string, characters: string): string {
  let next = 0;
  return value.replace(/\d/g, () => characters[next++]!);
}
