// JSON that people wrote: parsed as JSON.parse does, and with the place of every value, so that an error in the third rule
// points at the third rule. Repeated keys are refused: the first one would vanish without a word. Bounded in size and depth.

/** A place in a text; both count from 1. */
export interface Place {
  line: number;
  column: number;
}

/** What is wrong with a text that is no JSON. */
export class JsonTextError extends Error {
  readonly place: Place;
  constructor(message: string, text: string, offset: number) {
    super(message);
    this.place = placeOf(text, offset);
  }
}

export interface JsonText {
  value: unknown;
  /** Where the value at a path begins, or the innermost value around it that there is. */
  placeOf(path: readonly PropertyKey[]): Place;
}

const MAX_DEPTH = 64;
const SPACE = /[ \t\n\r]*/y;
const NUMBER_OR_WORD = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Throws JsonTextError. */
export function parseJsonText(text: string): JsonText {
  const reader = new Reader(text);
  const value = reader.document();
  return {
    value,
    placeOf(path) {
      for (let length = path.length; length > 0; length--) {
        const offset = reader.offsets.get(keyOf(path.slice(0, length)));
        if (offset !== undefined) return placeOf(text, offset);
      }
      return placeOf(text, reader.offsets.get(keyOf([]))!);
    },
  };
}

class Reader {
  /** Where each value begins, by path. */
  readonly offsets = new Map<string, number>();
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): unknown {
    const value = this.#value([]);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error('the document ends before this; remove what follows');
    return value;
  }

  #value(path: (string | number)[]): unknown {
    this.#skipSpace();
    if (path.length > MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH}; make it flatter`);
    this.offsets.set(keyOf(path), this.#at);
    const sign = this.#text[this.#at];
    if (sign === '{') return this.#object(path);
    if (sign === '[') return this.#array(path);
    if (sign === '"') return this.#string('a text');
    const literal = this.#match(NUMBER_OR_WORD);
    if (literal === null)
      throw this.#error(
        `a value is missing here${this.#text[this.#at] === "'" ? '; use double quotes' : ''}`,
      );
    return JSON.parse(literal);
  }

  #object(path: (string | number)[]): object {
    const entries: [string, unknown][] = [];
    const seen = new Set<string>();
    this.#items('}', () => {
      const offset = this.#at;
      const key = this.#string('a key in double quotes');
      if (seen.has(key)) throw this.#error(`the key "${key}" is there twice; remove one`, offset);
      seen.add(key);
      this.#skipSpace();
      if (this.#text[this.#at] !== ':') throw this.#error(`a : is missing behind the key "${key}"`);
      this.#at++;
      entries.push([key, this.#value([...path, key])]);
    });
    return Object.fromEntries(entries);
  }

  #array(path: (string | number)[]): unknown[] {
    const items: unknown[] = [];
    this.#items(']', () => {
      items.push(this.#value([...path, items.length]));
    });
    return items;
  }

  /** Items separated by commas, from behind the opening bracket to behind the closing one. */
  #items(close: string, readItem: () => void): void {
    this.#at++;
    this.#skipSpace();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      this.#skipSpace();
      readItem();
      this.#skipSpace();
      const sign = this.#text[this.#at];
      if (sign !== ',' && sign !== close) throw this.#error(`a comma or ${close} is missing here`);
      this.#at++;
      if (sign === close) return;
    }
  }

  #string(what: string): string {
    const start = this.#at;
    if (this.#text[start] !== '"')
      throw this.#error(
        `${what} is missing here${this.#text[start] === '}' ? '; remove the comma before it' : ''}`,
      );
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    this.#at = end + 1;
    try {
      return JSON.parse(this.#text.slice(start, end + 1)) as string;
    } catch {
      const reason = 'this text has no closing quote, or a line break or unknown \\ sequence in it';
      throw this.#error(reason, start);
    }
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    this.#match(SPACE);
  }

  #error(message: string, offset = this.#at): JsonTextError {
    const reason = offset >= this.#text.length ? `the document ends too early; ${message}` : message;
    return new JsonTextError(reason, this.#text, offset);
  }
}

function keyOf(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

function placeOf(text: string, offset: number): Place {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: offset - lineStart + 1 };
}
