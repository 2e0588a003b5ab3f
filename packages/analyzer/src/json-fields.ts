// Where the fields of a JSON object stand in its text, so that parts of a recording go into tests as they are, without being
// taken to pieces and put together again. Reads what JSON.stringify prints, without blanks; it checks nothing. Pure.

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** In ASCII the bit by which a curly bracket is another one than the square one. */
const CURLY = 0x20;
const OPENING = 0x7b;
const CLOSING = 0x7d;

/** The fields of one object after the other; those of the latest are known. */
export class JsonFields {
  #text = '';
  readonly #names: string[] = [];
  /** Begin and end of each value. */
  readonly #spans: number[] = [];

  /** Reads the object that begins at `at`. */
  read(text: string, at = 0): this {
    this.#text = text;
    this.#names.length = 0;
    this.#spans.length = 0;
    // Each field begins behind a brace or a comma; an empty object ends at once.
    for (let begin = at + 1; text.charCodeAt(begin) === QUOTE; ) {
      const colon = endOfValue(text, begin);
      const end = endOfValue(text, colon + 1);
      this.#names.push(text.slice(begin + 1, colon - 1));
      this.#spans.push(colon + 1, end);
      if (text.charCodeAt(end) !== COMMA) break;
      begin = end + 1;
    }
    return this;
  }

  /** Where a field's value begins; -1 when there is none. */
  at(name: string): number {
    const n = this.#names.indexOf(name);
    return n < 0 ? -1 : this.#spans[2 * n]!;
  }

  /** The JSON of a field; undefined when there is none. */
  raw(name: string): string | undefined {
    const n = this.#names.indexOf(name);
    return n < 0 ? undefined : this.#text.slice(this.#spans[2 * n], this.#spans[2 * n + 1]);
  }
}

function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (depth === 0) return at + 1;
    } else if ((code | CURLY) === OPENING) depth++;
    else if ((code | CURLY) === CLOSING) {
      // Of a number or word: the end of what it stands in.
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (code === COMMA && depth === 0) return at;
  }
  return text.length;
}

/** Where the closing quote stands. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}
