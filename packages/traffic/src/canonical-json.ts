// Whether a text is JSON exactly as `JSON.stringify` writes it, found in one pass without building a value: what parses
// and prints back to the same bytes may be stored as JSON. Where a pass cannot be sure (long numbers, unicode escapes, keys
// that look like numbers or are there twice) it says so, and the caller parses. Pure; no allocation but for keys.
export type Canonical = 'yes' | 'no' | 'unsure';

/** Deeper JSON is kept as text: readers may walk it by recursion. */
export const MAX_JSON_DEPTH = 100;
/** A double prints every decimal of so many digits as it was written. */
const EXACT_DIGITS = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const UNDERSCORE = 0x5f;
const LOWER_U = 0x75;
const NINE = 0x39;
/** `"`, `\`, b, f, n, r, t after a backslash: what `JSON.stringify` escapes in short. */
const SHORT_ESCAPES = new Set([0x22, 0x5c, 0x62, 0x66, 0x6e, 0x72, 0x74]);
/** Keys of one object that are compared with each other. */
const MAX_KEYS = 64;

/** Between tokens they would not be printed, in strings they would be escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROL = /[\x00-\x1f]/;

/** For a text that begins with `{` or `[`. */
export function canonicalJson(text: string): Canonical {
  return CONTROL.test(text) ? 'no' : new Pass(text).run();
}

class Pass {
  readonly #text: string;
  #at = 0;
  #isUnsure = false;
  /** Without a backslash a string ends at the next quote. */
  readonly #hasEscapes: boolean;

  constructor(text: string) {
    this.#text = text;
    this.#hasEscapes = text.includes('\\');
  }

  run(): Canonical {
    const isSound = this.#container(1) && this.#at === this.#text.length;
    if (this.#isUnsure) return 'unsure';
    return isSound ? 'yes' : 'no';
  }

  /** An array or object; false when it is not as it would be printed. */
  #container(depth: number): boolean {
    if (depth > MAX_JSON_DEPTH) return false;
    const isObject = this.#text.charCodeAt(this.#at++) === OPEN_OBJECT;
    const close = isObject ? CLOSE_OBJECT : CLOSE_ARRAY;
    if (this.#text.charCodeAt(this.#at) === close) return this.#step();
    const keys: string[] = [];
    for (;;) {
      if (isObject && !this.#key(keys)) return false;
      if (!this.#value(depth)) return false;
      const code = this.#text.charCodeAt(this.#at++);
      if (code === close) return true;
      if (code !== COMMA) return false;
    }
  }

  #step(): true {
    this.#at++;
    return true;
  }

  #key(keys: string[]): boolean {
    const start = this.#at + 1;
    const first = this.#text.charCodeAt(start);
    if (!this.#string() || this.#text.charCodeAt(this.#at) !== COLON) return false;
    const key = this.#text.slice(start, this.#at++ - 1);
    // Keys that look like numbers are printed first, whatever their order; one that is there twice only once. A key
    // `__proto__` does not survive every reader's copy: who parses looks for it.
    if ((first >= ZERO && first <= NINE) || first === UNDERSCORE || keys.includes(key)) return this.#unsure();
    // Looking through them must not take longer than parsing.
    if (keys.push(key) > MAX_KEYS) return this.#unsure();
    return true;
  }

  #unsure(): false {
    this.#isUnsure = true;
    return false;
  }

  #value(depth: number): boolean {
    const code = this.#text.charCodeAt(this.#at);
    if (code === QUOTE) return this.#string();
    if (code === OPEN_OBJECT || code === OPEN_ARRAY) return this.#container(depth + 1);
    if (code === MINUS || (code >= ZERO && code <= NINE)) return this.#number();
    return this.#word('true') || this.#word('false') || this.#word('null');
  }

  #word(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #string(): boolean {
    const text = this.#text;
    if (text.charCodeAt(this.#at) !== QUOTE) return false;
    if (!this.#hasEscapes) {
      this.#at = text.indexOf('"', this.#at + 1) + 1;
      return this.#at > 0;
    }
    for (let at = this.#at + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (code !== BACKSLASH) continue;
      const escaped = text.charCodeAt(++at);
      if (escaped === LOWER_U) return this.#unsure();
      if (!SHORT_ESCAPES.has(escaped)) return false;
    }
    return false;
  }

  #number(): boolean {
    const text = this.#text;
    const start = this.#at;
    let at = text.charCodeAt(start) === MINUS ? start + 1 : start;
    const firstDigit = at;
    while (isDigit(text.charCodeAt(at))) at++;
    if (at === firstDigit) return false;
    const isZero = text.charCodeAt(firstDigit) === ZERO;
    if (isZero && at > firstDigit + 1) return false;
    let digits = at - firstDigit;
    if (text.charCodeAt(at) === POINT) {
      const point = at++;
      while (isDigit(text.charCodeAt(at))) at++;
      if (at === point + 1 || text.charCodeAt(at - 1) === ZERO) return false;
      digits += at - point - 1;
      // 0.000001 is printed so, 0.0000001 as 1e-7.
      if (isZero && text.startsWith('00000', point + 1)) return this.#unsure();
    } else if (isZero && firstDigit > start) return false;
    const next = text.charCodeAt(at) | 0x20;
    if (digits > EXACT_DIGITS || next === 0x65) return this.#unsure();
    this.#at = at;
    return true;
  }
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}
