// What a service changes of a thing by itself, between two reads of it that other requests stand between: the second read shows a
// time at which no write was under way, and whatever changed beside it changed then. When writes between the two named the thing,
// only the time tells that it came later, where there was none before. How soon that is, is the service's doing.
// Told only where the clock of the service agrees with ours, as the times in answers to writes show. Bounded. Pure.
import { type Leaf, readTime, type Scalar } from '@echoplane/replay';
import { digestOf } from './text-digest.ts';

const MAX_READS = 1_000;
/** More are no reading of one thing. */
const MAX_LEAVES = 200;
const MAX_WAITING = 2_000;
const MAX_WRITES = 4_000;
const MAX_SENT = 20_000;
/** More than this was changed by somebody. */
const MAX_CHANGES = 4;
/** Times within their own writes that prove that the clocks agree. */
const MIN_EXPLAINED = 3;
const SKEW_US = 2_000;
const SECOND_US = 1_000_000;
const MIN_NAME_CHARS = 8;
const MAX_NAME_CHARS = 100;
/** Texts of a write that may name things, of its request and of its answer. */
const MAX_NAMES = 40;

/** An exchange; `request` tells equal reads, null for a write. */
export interface Step {
  operation: string;
  pair: number;
  fromUs: number;
  toUs: number;
  request: string | null;
  asked: readonly Leaf[];
  answered: readonly Leaf[];
}

/** A read, and what the next one of the same request said otherwise. */
export interface OwnStep {
  operation: string;
  pair: number;
  changes: readonly (readonly [path: string, later: Scalar])[];
  was: ReadonlyMap<string, Scalar>;
}

interface Read {
  pair: number;
  fromUs: number;
  toUs: number;
  leaves: ReadonlyMap<string, Scalar>;
}

interface Waiting {
  step: OwnStep;
  /** Digest of what the thing is called that both reads are of. */
  name: number;
  /** Whether a write between them named it. */
  isNamed: boolean;
  /** Times that are new. */
  times: readonly number[];
  dueUs: number;
}

interface Written {
  /** Digests of what it named. */
  names: Int32Array;
  fromUs: number;
  toUs: number;
}

export class OwnSteps {
  readonly #reads = new Map<string, Read>();
  #writes: Written[] = [];
  readonly #sent = new Set<string>();
  #waiting: Waiting[] = [];
  #explained = 0;

  /** The next exchange; `leaves`: those of a read's answer that may be a state. Gives the steps that are now known. */
  observe(step: Step, leaves: ReadonlyMap<string, Scalar> | null): OwnStep[] {
    for (const { value } of step.asked)
      if (this.#sent.size < MAX_SENT && exactTime(value) !== null) this.#sent.add(String(value));
    const found = this.#judge(step.fromUs);
    if (step.request === null) this.#write(step);
    else if (leaves && step.answered.length <= MAX_LEAVES) this.#read(step, step.request, leaves);
    return found;
  }

  #write({ fromUs, toUs, asked, answered }: Step): void {
    const names = Int32Array.from([...textsOf(asked), ...textsOf(answered)], digestOf);
    this.#writes.push({ names, fromUs, toUs });
    if (this.#writes.length > MAX_WRITES) this.#writes = this.#writes.slice(MAX_WRITES / 2);
    const isOwn = ({ value }: Leaf) => isWithin(exactTime(value), fromUs, toUs);
    if (this.#explained < MIN_EXPLAINED && answered.some(isOwn)) this.#explained++;
  }

  #read(
    { operation, pair, fromUs, toUs, asked }: Step,
    request: string,
    leaves: ReadonlyMap<string, Scalar>,
  ): void {
    const last = this.#reads.get(request);
    this.#reads.delete(request);
    this.#reads.set(request, { pair, fromUs, toUs, leaves });
    if (this.#reads.size > MAX_READS) this.#reads.delete(this.#reads.keys().next().value!);
    if (!last || last.toUs > fromUs) return;
    const name = textsOf(asked.filter(({ path }) => path.startsWith('path['))).at(-1);
    if (name === undefined || this.#waiting.length >= MAX_WAITING) return;
    const digest = digestOf(name);
    const isNamed = this.#writes.some((write) => write.toUs >= last.fromUs && write.names.includes(digest));
    const changes = [...leaves].filter(([at, value]) => {
      const was = last.leaves.get(at);
      return was !== undefined && was !== value && (!isNamed || (was === null && exactTime(value) !== null));
    });
    if (changes.length > MAX_CHANGES) return;
    const times = changes.flatMap(([, value]) => {
      const us = this.#sent.has(String(value)) ? null : exactTime(value);
      return us !== null && isWithin(us, last.fromUs, toUs) ? [us] : [];
    });
    if (times.length === 0) return;
    const step = { operation, pair: last.pair, changes, was: last.leaves };
    this.#waiting.push({ step, name: digest, isNamed, times, dueUs: toUs });
  }

  /** All writes are known that began before a read ended when the next exchange begins later. */
  #judge(nowUs: number): OwnStep[] {
    const due = this.#waiting.filter(({ dueUs }) => dueUs < nowUs);
    if (due.length === 0) return [];
    this.#waiting = this.#waiting.filter(({ dueUs }) => dueUs >= nowUs);
    if (this.#explained < MIN_EXPLAINED) return [];
    return due.filter((one) => one.times.every((us) => this.#isFree(us, one))).map(({ step }) => step);
  }

  /** Whether a time lies outside of all writes; of those to the thing itself, behind the last that had begun before it was read. */
  #isFree(us: number, { name, isNamed, dueUs }: Waiting): boolean {
    return this.#writes.every((write) => {
      if (isWithin(us, write.fromUs, write.toUs)) return isNamed && !write.names.includes(name);
      return !isNamed || write.toUs < us || write.fromUs > dueUs || !write.names.includes(name);
    });
  }
}

function isWithin(us: number | null, fromUs: number, toUs: number): boolean {
  return us !== null && us >= fromUs - SKEW_US && us <= toUs + SKEW_US;
}

/** Texts that may be what something is called. */
function textsOf(leaves: readonly Leaf[]): string[] {
  const isName = (value: Scalar) =>
    typeof value === 'string' && value.length >= MIN_NAME_CHARS && value.length <= MAX_NAME_CHARS;
  return leaves
    .filter(({ value, inner }) => !inner && isName(value))
    .slice(0, MAX_NAMES)
    .map(({ value }) => String(value));
}

/** A time with a fraction of a second. */
function exactTime(value: Scalar): number | null {
  const us = typeof value === 'string' ? (readTime(value)?.us ?? null) : null;
  return us === null || us % SECOND_US === 0 ? null : us;
}
