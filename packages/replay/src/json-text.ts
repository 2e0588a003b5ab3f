// JSON texts as values, without losing digits, and as values with their places. Pure.
import { isDeeper } from '@echoplane/traffic';
import { ExactNumber, Spot, type TreeNode } from './tree.ts';

const JSON_START = /^\s*["[{\d\-tfn]/;
/** More digits than a double is sure to hold. */
const LONG_NUMBER = /\d{16}|\d\.\d{15}/;

/** Bodies nested deeper are texts: whoever walks a tree walks it by calling itself. */
const MAX_DEPTH = 200;

/** The value of a JSON text, numbers that a double does not hold with their digits; undefined when it is no JSON, or too deep. */
export function parseJson(text: string): TreeNode | undefined {
  if (!JSON_START.test(text) || isTooDeep(text)) return undefined;
  try {
    return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether a JSON text may be nested deeper than trees are walked; brackets inside strings count too. */
export function isTooDeep(text: string): boolean {
  return text.length > 2 * MAX_DEPTH && isDeeper(text, MAX_DEPTH);
}

/** Newer than the type of JSON.parse: `context.source` are the digits as written. */
function keepDigits(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || context?.source === undefined) return value;
  return /\d{16}/.test(context.source.replace('.', '')) && String(value) !== context.source
    ? new ExactNumber(value, context.source)
    : value;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const WORDS: [string, TreeNode][] = [
  ['true', true],
  ['false', false],
  ['null', null],
];

/** A text known to be JSON, as a tree whose leaves are `Spot`s. */
export function jsonSpots(text: string): TreeNode {
  return new JsonScan(text).value();
}

class JsonScan {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): TreeNode {
    const start = this.#skipBlanks();
    const first = this.#text[start];
    if (first === '{') return this.#object();
    if (first === '[') return this.#array();
    if (first === '"') return new Spot(JSON.parse(this.#take(STRING)), start, this.#at, 'json');
    const word = WORDS.find(([name]) => this.#text.startsWith(name, start));
    if (!word) return new Spot(Number(this.#take(NUMBER)), start, this.#at, 'json');
    this.#at += word[0].length;
    return new Spot(word[1] as null, start, this.#at, 'json');
  }

  #object(): TreeNode {
    const fields: [string, TreeNode][] = [];
    this.#at++;
    while (!this.#closes('}')) {
      this.#skipBlanks();
      const key = JSON.parse(this.#take(STRING)) as string;
      this.#skipBlanks();
      this.#at++;
      fields.push([key, this.value()]);
    }
    return Object.fromEntries(fields);
  }

  #array(): TreeNode {
    const items: TreeNode[] = [];
    this.#at++;
    while (!this.#closes(']')) items.push(this.value());
    return items;
  }

  /** Steps over a comma; true, and behind it, at the closing bracket. */
  #closes(bracket: string): boolean {
    let next = this.#text[this.#skipBlanks()];
    if (next === ',') {
      this.#at++;
      next = this.#text[this.#skipBlanks()];
    }
    if (next !== bracket && next !== undefined) return false;
    this.#at++;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const taken = pattern.exec(this.#text)![0];
    this.#at += taken.length;
    return taken;
  }

  #skipBlanks(): number {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#at;
  }
}
