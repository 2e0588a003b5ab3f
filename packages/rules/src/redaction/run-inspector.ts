// Looks into a run the scanner stopped at: where values can start in it, which detector is asked there, and what is left for
// entropy. Every place is looked at once, and a detector reads a bounded distance from it, so that no text is slow.

import { TOKEN_DOMAIN } from '@echoplane/traffic';
import type { SecretKind } from '../rules-document.ts';
import {
  AT,
  classAt,
  DIGIT,
  escapeTail,
  isDigitAt,
  isHexAt,
  isWordAt,
  LETTER,
  PERCENT,
} from './char-class.ts';
import { addressAt, emailAt, emailTokenStart } from './detect-addresses.ts';
import { connectionSecretAt } from './detect-connection-strings.ts';
import { ibanAt, ibanTokenEnd } from './detect-iban.ts';
import { jwtAt, providerKeyAt } from './detect-keys.ts';
import { nationalCodeAt } from './detect-national-ids.ts';
import { numberAt } from './detect-numbers.ts';
import { pemAt } from './detect-pem.ts';
import { bracketedAt, internationalAt, phoneTokenEnd } from './detect-phones.ts';
import {
  base64End,
  isBase64Content,
  isDigest,
  isFile,
  isRandomBase64,
  isRandomWord,
  looksRandom,
  MAX_RANDOM,
  MIN_BASE64_DATA,
  MIN_RANDOM,
} from './entropy.ts';
import type { Finding } from './finding.ts';
import { isTokenShape, TOKEN_PREFIX } from './token-shape.ts';

const DASH = 0x2d;
const DOT = 0x2e;
const EQUALS = 0x3d;
export const UUID_LENGTH = 36;
const HEX = new Uint8Array(128);
for (const char of '0123456789abcdefABCDEF') HEX[char.charCodeAt(0)] = 1;
const BASE64_MARK = 'base64,';

export class RunInspector {
  readonly found: Finding[] = [];
  readonly #text: string;
  readonly #off: ReadonlySet<SecretKind>;
  readonly #guesses: boolean;
  /** Everything before is settled: found, or a token to be left alone. */
  #floor = 0;

  constructor(text: string, { off, guesses = true }: { off: ReadonlySet<SecretKind>; guesses?: boolean }) {
    this.#text = text;
    this.#off = off;
    this.#guesses = guesses;
  }

  /** Looks for values in a run and returns where the scanner goes on: its end, or the end of a value that goes further. */
  run(start: number, end: number, classes: number): number {
    if (end - start === UUID_LENGTH && isUuid(this.#text, start)) return end;
    let from = Math.max(start + escapeTail(this.#text, start), this.#floor);
    if ((classes & (AT | PERCENT)) !== 0) from = this.#addresses(from, end, addressAt);
    if (from < end && !this.#base64(from, end)) this.#part(from, end, this.#text.length);
    return Math.max(end, this.#floor);
  }

  /** Base64 is one value, where anything in it looks like one, and none where it is a file; false: it is not such. */
  #base64(start: number, end: number): boolean {
    if (end - start < MIN_BASE64_DATA) return false;
    if (isFile(this.#text, start)) return true;
    const wholeEnd = base64End(this.#text, start, end);
    if (wholeEnd === 0) return false;
    if (end - start > MAX_RANDOM) return true;
    const before = this.found.length;
    this.#part(start, end, this.#text.length);
    if (this.found.length === before || this.#off.has('secret')) return true;
    this.found.length = before;
    this.#take({ start, end: wholeEnd, kind: 'secret' });
    return true;
  }

  /** Takes the addresses and what stands between them; returns where the last one ends. */
  #addresses(start: number, end: number, find: typeof addressAt): number {
    let from = start;
    for (let at = from; at < end; at++) {
      const width = this.#atSign(at);
      if (width === 0 || at < from) continue;
      const token = emailTokenStart(this.#text, at, width);
      if (token >= from) {
        this.#part(from, token, token);
        from = at + width + TOKEN_DOMAIN.length;
        this.#floor = from;
        continue;
      }
      const address = find(this.#text, at, width, this.#floor);
      if (address === undefined) continue;
      // The name before a password may be an address, or hold some.
      if (address.start > at) from = this.#addresses(from, address.start, emailAt);
      this.#part(from, Math.max(from, address.start), address.start);
      this.#take(address);
      from = address.end;
    }
    return from;
  }

  /** Steps over the PEM block whose BEGIN ends a run; returns where to go on, `otherwise` without one. */
  pem(begin: number, otherwise: number): number {
    const block = pemAt(this.#text, begin);
    if (block === undefined) return otherwise;
    if (block.finding !== undefined) this.#take(block.finding);
    this.#floor = block.end;
    return block.end;
  }

  /** The value after an `=`; returns where to go on, `otherwise` without one. */
  assignment(equals: number, otherwise: number): number {
    const finding = connectionSecretAt(this.#text, equals);
    if (finding === undefined) return otherwise;
    this.#take(finding);
    return finding.end;
  }

  /** The width of an `@` or `%40` at a place, 0 for neither. */
  #atSign(at: number): 0 | 1 | 3 {
    const code = this.#text.charCodeAt(at);
    if (code === 0x40) return 1;
    return code === 0x25 && this.#text.startsWith('40', at + 1) ? 3 : 0;
  }

  /** Values in a part of a run without addresses, none of them ending beyond `limit`. */
  #part(start: number, end: number, limit: number): void {
    let rest = start;
    for (let at = start; at < end; at = this.#nextStart(at, end)) {
      const token = this.#tokenEnd(at);
      const value = token > 0 ? undefined : this.#valueAt(at);
      if (token === 0 && (value === undefined || value.end > limit)) continue;
      this.#random(rest, value?.start ?? at);
      if (value === undefined) this.#floor = token;
      else this.#take(value);
      rest = this.#floor;
      at = this.#floor - 1;
    }
    this.#random(rest, end);
  }

  /** The next place behind a sign or a percent escape, where a value may start. */
  #nextStart(at: number, end: number): number {
    const text = this.#text;
    if (text.charCodeAt(at) === 0x25 && isHexAt(text, at + 1) && isHexAt(text, at + 2)) return at + 3;
    let next = at + 1;
    while (next < end && isWordAt(text, next) && isWordAt(text, next - 1)) next += 1;
    return next;
  }

  #tokenEnd(at: number): number {
    const text = this.#text;
    const code = text.charCodeAt(at);
    if (code === 0x72 && text.startsWith(TOKEN_PREFIX, at)) {
      let end = at + TOKEN_PREFIX.length;
      while (isWordAt(text, end)) end += 1;
      return end;
    }
    if (code === 0x5a) return ibanTokenEnd(text, at);
    if (code === 0x2b) return phoneTokenEnd(text, at + 1);
    return 0;
  }

  #valueAt(at: number): Finding | undefined {
    const text = this.#text;
    const code = text.charCodeAt(at);
    const kind = classAt(text, at);
    if (code === 0x2b) return this.#standsFree(at) ? internationalAt(text, at, at + 1) : undefined;
    if (code === 0x25)
      return /^%2b/i.test(text.slice(at, at + 3)) ? internationalAt(text, at, at + 3) : undefined;
    if (isWordAt(text, at - 1) && at > this.#floor && !this.#afterEscape(at)) return undefined;
    if ((kind & DIGIT) !== 0) {
      if (text.charCodeAt(at - 1) === 0x28) {
        const bracketed = bracketedAt(text, at - 1);
        if (bracketed !== undefined) return bracketed;
      }
      if (this.#goesOn(at)) return undefined;
      return numberAt(text, at, this.#floor) ?? nationalCodeAt(text, at) ?? this.#afterLetters(at);
    }
    if ((kind & LETTER) === 0) return undefined;
    return this.#key(at) ?? ibanAt(text, at) ?? nationalCodeAt(text, at);
  }

  /** `AB 12 34 56 C`: a code that began with a run of letters the scanner passed by. */
  #afterLetters(at: number): Finding | undefined {
    const start = at - 3;
    const spaced = this.#text.charCodeAt(at - 1) === 0x20 && this.#text.charCodeAt(at + 2) === 0x20;
    const free = start >= this.#floor && (!isWordAt(this.#text, start - 1) || this.#afterEscape(start));
    return spaced && free ? nationalCodeAt(this.#text, start) : undefined;
  }

  /** A `+` behind a letter, a digit or another `+` belongs to base64 or a sum. */
  #standsFree(at: number): boolean {
    if (isWordAt(this.#text, at - 1)) return this.#afterEscape(at);
    return this.#text.charCodeAt(at - 1) !== 0x2b;
  }

  #afterEscape(at: number): boolean {
    const tail = escapeTail(this.#text, at - 1) === 1 || escapeTail(this.#text, at - 5) === 5;
    return tail || (this.#text.charCodeAt(at - 3) === 0x25 && isHexAt(this.#text, at - 1));
  }

  /** Digits behind `1-` or `1.` are the middle of a number. */
  #goesOn(at: number): boolean {
    const before = this.#text.charCodeAt(at - 1);
    return (before === DASH || before === DOT) && isDigitAt(this.#text, at - 2);
  }

  /** Keys hold dashes themselves: one behind a dash would be the rest of one already read, and be read again. */
  #key(at: number): Finding | undefined {
    if (this.#text.charCodeAt(at - 1) === DASH) return undefined;
    return jwtAt(this.#text, at) ?? providerKeyAt(this.#text, at);
  }

  /** Words of a part that look drawn by lot. */
  #random(start: number, end: number): void {
    const text = this.#text;
    if (!this.#guesses || end - start < MIN_RANDOM || end - start > MAX_RANDOM || isDigest(text, start))
      return;
    if (text.charCodeAt(start - 1) === 0x2c && text.startsWith(BASE64_MARK, start - BASE64_MARK.length))
      return;
    if (isEntityTag(text, start, end)) return;
    if (isSigned(text, start, end)) {
      this.#take({ start, end, kind: 'secret' });
      return;
    }
    if (isRandomBase64(text, start, end)) {
      this.#takeRandom(start, end);
      return;
    }
    let from = start;
    for (let at = start; at <= end; at++) {
      if (at < end && (isWordAt(text, at) || text.charCodeAt(at) === DASH)) continue;
      if (at - from >= MIN_RANDOM && isRandomWord(text, from, at) && !isBase64Content(text, from, at)) {
        // What stands beside it is looked at as it will be when a token is in its place.
        if (from > start) this.#random(start, from);
        this.#takeRandom(from, at);
        this.#random(this.#floor, end);
        return;
      }
      from = at + 1;
    }
  }

  #takeRandom(start: number, wordEnd: number): void {
    const text = this.#text;
    if (isBase64Content(text, start, wordEnd)) return;
    let end = wordEnd;
    while (end < wordEnd + 2 && text.charCodeAt(end) === EQUALS) end += 1;
    this.#take({ start, end, kind: 'secret' });
  }

  #take(finding: Finding): void {
    this.#floor = finding.end;
    if (this.#off.has(finding.kind)) return;
    if (finding.kind === 'jwt' && isTokenShape(this.#text.slice(finding.start, finding.end))) return;
    this.found.push(finding);
  }
}

/** What was said, when, and the signature, as web frameworks sign them; the last is that of SHA-1, SHA-256 or SHA-512. */
const SIGNED = /^\.?[\w-]{2,}\.[\w-]{5,7}\.([\w-]{27}|[\w-]{43}|[\w-]{86})$/;

/** `ImFiYyI.awJAlQ.b0Xk…`: one value, which a header may carry as a whole under a name that says that it is a credential. */
function isSigned(text: string, start: number, end: number): boolean {
  const signature = SIGNED.exec(text.slice(start, end))?.[1];
  // Of a length that is known, no word at its front or end is taken off it.
  return signature !== undefined && looksRandom(text, end - signature.length, end);
}

/** `"5a-Vd9zR0wGz6bMKNHIpOEeYkDfDzY"`: length in hex and a digest, as web servers make them. */
function isEntityTag(text: string, start: number, end: number): boolean {
  if (text.charCodeAt(start - 1) !== 0x22 || text.charCodeAt(end) !== 0x22 || end - start > 40) return false;
  return /^[0-9a-f]{1,8}-[\w+/]{27}$/.test(text.slice(start, end));
}

/** The commonest long run that is no secret. */
export function isUuid(text: string, start: number): boolean {
  for (let dash = start + 8; dash <= start + 23; dash += 5) if (text.charCodeAt(dash) !== DASH) return false;
  let dashes = 0;
  for (let at = start; at < start + UUID_LENGTH; at++) {
    const code = text.charCodeAt(at);
    if (code === DASH) dashes++;
    else if (code > 127 || HEX[code] === 0) return false;
  }
  return dashes === 4;
}
