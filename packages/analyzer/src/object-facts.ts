// What stands beside an id in the same object: the words by which one recognises the thing again, and whether its times say
// that it was made during the recording. Tells ids of one thing from those of another that are equal by chance. Pure.
import { type Leaf, readTime } from '@echoplane/replay';
import { digestOf } from './text-digest.ts';

const MAX_MARKS = 8;
const MIN_MARK_CHARS = 8;
const MAX_MARK_CHARS = 200;
/** A text that holds an object or a list of some size. */
const HELD_JSON = /^[{[].{30}/s;
/** The thing's own making: what it is about may be older, as what a feed has published. */
const MAKING = /^\.(?:created|inserted|added|creation)(?:[_-]?(?:at|on|time|date|timestamp))?$/i;

export interface ObjectFacts {
  /** Digests of the object's own words, each with its key. */
  marks: readonly number[];
  /** It was made during the recording, as the time of its making says, or else all of its times. */
  isFresh: boolean;
  /** It has a `value`: its `key` is a name. */
  isPair: boolean;
}

export const NO_FACTS: ObjectFacts = { marks: [], isFresh: false, isPair: false };

/** The objects of a message: what is said of one is read when it is asked for. */
export class MessageObjects {
  readonly #leaves: readonly Leaf[];
  readonly #fromUs: number;
  readonly #sent: readonly Leaf[];
  #held: Map<string, Leaf[]> | null = null;
  readonly #facts = new Map<string, ObjectFacts>();

  /** `fromUs`: begin of the recording; `sent`: what a write said, of an answer to it. */
  constructor(leaves: readonly Leaf[], fromUs: number, sent: readonly Leaf[] = []) {
    this.#leaves = leaves;
    this.#fromUs = fromUs;
    this.#sent = sent;
  }

  /** The facts of the object that holds a leaf; undefined outside of bodies. */
  around(path: string): ObjectFacts | undefined {
    const holder = holderOf(path);
    const known = this.#facts.get(holder);
    if (known) return known;
    this.#held ??= byHolder(this.#leaves);
    const leaves = this.#held.get(holder);
    if (!leaves) return undefined;
    const said = factsOf(leaves, holder, this.#fromUs);
    // An answer that is nothing but an id is of what was written.
    const isBare = holder === 'body' && said.marks.length === 0 && leaves.length === 1;
    const facts = isBare ? { ...said, marks: this.#marksSent() } : said;
    this.#facts.set(holder, facts);
    return facts;
  }

  #marksSent(): readonly number[] {
    const leaves = byHolder(this.#sent).get('body') ?? [];
    return factsOf(leaves, 'body', this.#fromUs).marks;
  }
}

/** The leaves of a body by the objects that they are directly in; '' holds a body that is none. */
export function byHolder(leaves: readonly Leaf[]): Map<string, Leaf[]> {
  const held = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    if (!leaf.path.startsWith('body')) continue;
    const holder = holderOf(leaf.path);
    const list = held.get(holder);
    if (list) list.push(leaf);
    else held.set(holder, [leaf]);
  }
  return held;
}

function factsOf(leaves: readonly Leaf[], holder: string, fromUs: number): ObjectFacts {
  const marks: number[] = [];
  let times = 0;
  let [isOld, isPair] = [false, false];
  let isMadeNow: boolean | null = null;
  for (const { path, value } of leaves) {
    isPair ||= path.length === holder.length + 6 && path.endsWith('.value');
    const time = readTime(value);
    if (time) {
      times++;
      const isBefore = time.us + time.precisionUs < fromUs;
      isOld ||= isBefore;
      if (MAKING.test(path.slice(holder.length))) isMadeNow = !isBefore;
    } else if (typeof value === 'string' && isMark(value) && marks.length < MAX_MARKS)
      marks.push(digestOf(path.slice(holder.length) + value));
  }
  return { marks, isFresh: isMadeNow ?? (times > 0 && !isOld), isPair };
}

const HOLDERS = new Map<string, string>();
const MAX_HOLDERS = 20_000;

/** The path of the object that holds a leaf. */
export function holderOf(path: string): string {
  let holder = HOLDERS.get(path);
  if (holder === undefined) {
    const end = path.search(/#\d/);
    const whole = end < 0 ? path : path.slice(0, end);
    holder = whole.slice(0, Math.max(0, whole.lastIndexOf('.')));
    if (HOLDERS.size >= MAX_HOLDERS) HOLDERS.clear();
    HOLDERS.set(path, holder);
  }
  return holder;
}

/** Null when nothing can be said. */
export function isSameThing(a: readonly number[], b: readonly number[]): boolean | null {
  if (a.length === 0 || b.length === 0) return null;
  return a.some((mark) => b.includes(mark));
}

/** Words that two things do not share by chance. */
function isMark(value: string): boolean {
  return (
    value.length >= MIN_MARK_CHARS &&
    value.length <= MAX_MARK_CHARS &&
    (/\d/.test(value) || /\S\s+\S/.test(value) || HELD_JSON.test(value))
  );
}
