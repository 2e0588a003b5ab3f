// Which writes named a thing, when and how: by a parameter of the path, by a text in the body, by an id in the answer. Bounded: a
// name that very many writes have tells no thing from another. It judges nothing. Pure.
import { type Leaf, readTime, type Scalar } from '@echoplane/replay';
import { type Operation, patternOf } from './places.ts';

const MAX_NAMES = 50_000;
const MAX_OF_THING = 64;
const MAX_WRITES = 50_000;
const MAX_TEXTS = 100;
const MAX_SHAPES = 2_000;
/** Writes whose requests are remembered leaf by leaf, and leaves of each. */
const MAX_REMEMBERED = 4_000;
const MAX_LEAVES = 24;
const MAX_CHARS = 60;
/** Clocks and rounding to milliseconds. */
const SKEW_US = 2_000;

/** An exchange as the survey read it; µs since the epoch. */
export interface Exchange {
  operation: Operation;
  fromUs: number;
  toUs: number;
  isWrite: boolean;
  isOk: boolean;
  asked: readonly Leaf[];
  answered: readonly Leaf[];
}

/** A write that named a thing. */
export interface Write {
  fromUs: number;
  toUs: number;
  /** The operation and the fields of its body: writes of one shape do the same. */
  shape: string;
  /** What its request said, by path; short values of so many writes. */
  said: ReadonlyMap<string, Scalar>;
}

const NOTHING: ReadonlyMap<string, Scalar> = new Map();

export class Namings {
  /** By name; empty: too many to tell anything. */
  readonly #names = new Map<string, Write[]>();
  readonly #all: Write[] = [];
  /** One text for each shape, not one for each write. */
  readonly #shapes = new Map<string, string>();
  #longestUs = 0;
  #isFull = false;

  /** A write, by the begin of its request. */
  add({ operation, fromUs, toUs, asked, answered }: Exchange): void {
    if (this.#all.length >= MAX_WRITES) this.#giveUp();
    if (this.#isFull) return;
    const said = this.#all.length < MAX_REMEMBERED ? saidBy(asked) : NOTHING;
    const write: Write = { fromUs, toUs, shape: this.#shape(operation, asked), said };
    this.#all.push(write);
    this.#longestUs = Math.max(this.#longestUs, toUs - fromUs);
    const names = new Set([...pathNames(operation, asked), ...textsOf(asked), ...textsOf(answered)]);
    for (const name of names) {
      const known = this.#names.get(name);
      if (known && known.length >= MAX_OF_THING) known.length = 0;
      else if (known && known.length > 0) known.push(write);
      else if (!known && this.#names.size < MAX_NAMES) this.#names.set(name, [write]);
    }
  }

  /** Whether there are writes that are not known. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Half of the writes tell nothing: what is known of them is let go. */
  #giveUp(): void {
    this.#isFull = true;
    this.#all.length = 0;
    this.#names.clear();
    this.#shapes.clear();
  }

  #shape(operation: Operation, asked: readonly Leaf[]): string {
    const made = shapeOf(operation, asked);
    const known = this.#shapes.get(made);
    if (known === undefined && this.#shapes.size < MAX_SHAPES) this.#shapes.set(made, made);
    return known ?? made;
  }

  /** The writes that named a thing, in order; null when none did, or too many to tell anything. */
  of(name: string): readonly Write[] | null {
    const writes = this.#names.get(name);
    return writes && writes.length > 0 ? writes : null;
  }

  /** All writes within which a time lies. */
  around(us: number): Write[] {
    const found: Write[] = [];
    for (let i = this.#firstAfter(us + SKEW_US) - 1; i >= 0; i--) {
      const write = this.#all[i]!;
      if (write.fromUs < us - this.#longestUs - SKEW_US) break;
      if (isWithin(us, write)) found.push(write);
    }
    return found;
  }

  #firstAfter(us: number): number {
    let [low, high] = [0, this.#all.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#all[middle]!.fromUs <= us) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a time lies within a write. */
export function isWithin(us: number, { fromUs, toUs }: Write): boolean {
  return us >= fromUs - SKEW_US && us <= toUs + SKEW_US;
}

function shapeOf({ key }: Operation, asked: readonly Leaf[]): string {
  const fields = asked.flatMap(({ path, inner }) =>
    path.startsWith('body') && !inner ? [patternOf(path)] : [],
  );
  return `${key} ${[...new Set(fields)].sort().join(' ')}`;
}

function saidBy(asked: readonly Leaf[]): Map<string, Scalar> {
  const said = asked.filter(({ value, inner }) => !inner && String(value).length <= MAX_CHARS);
  return new Map(said.slice(0, MAX_LEAVES).map(({ path, value }) => [path, value]));
}

function textsOf(leaves: readonly Leaf[]): string[] {
  const texts = leaves.flatMap(({ path, value, inner }) =>
    path.startsWith('body') && !inner && isName(value) ? [value] : [],
  );
  return texts.slice(0, MAX_TEXTS);
}

/** The values of a path's parameters. */
export function pathNames({ endpoint }: Operation, asked: readonly Leaf[]): string[] {
  return asked.filter(({ path }) => isParameter(path, endpoint)).map(({ value }) => String(value));
}

/** Whether a leaf is a parameter of the path. */
export function isParameter(path: string, endpoint: string): boolean {
  const at = /^path\[(\d+)\]$/.exec(path)?.[1];
  return at !== undefined && (endpoint.split('/')[Number(at) + 1]?.startsWith('{') ?? false);
}

/** Whether a value may be what a thing is called. */
export function isName(value: Scalar): value is string {
  return typeof value === 'string' && value.length >= 4 && value.length <= 100 && readTime(value) === null;
}
