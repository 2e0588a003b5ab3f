// What a service changes of a thing by itself, between two reads of it that other requests stand between: the second read shows a
// time at which no write was under way, and whatever changed beside it changed then. How soon that is, is the service's doing.
// Told only where the clock of the service agrees with ours, as the times in answers to writes show. Bounded. Pure.
import { type Leaf, readTime, type Scalar } from '@echoplane/replay';

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
  /** Times that are new. */
  times: readonly number[];
  dueUs: number;
}

export class OwnSteps {
  readonly #reads = new Map<string, Read>();
  #writes: { names: readonly string[]; fromUs: number; toUs: number }[] = [];
  readonly #sent = new Set<string>();
  #waiting: Waiting[] = [];
  #explained = 0;

  /** The next exchange; `stateOf` gives the leaves that may be a state. Gives the steps that are now known. */
  observe(step: Step, stateOf: (answered: readonly Leaf[]) => ReadonlyMap<string, Scalar>): OwnStep[] {
    for (const { value } of step.asked)
      if (this.#sent.size < MAX_SENT && exactTime(value) !== null) this.#sent.add(String(value));
    const found = this.#judge(step.fromUs);
    if (step.request === null) this.#write(step);
    else if (step.answered.length <= MAX_LEAVES) this.#read(step, step.request, stateOf(step.answered));
    return found;
  }

  #write({ fromUs, toUs, asked, answered }: Step): void {
    this.#writes.push({ names: namesOf(asked), fromUs, toUs });
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
    const changes = [...leaves].filter(([at, value]) => last.leaves.has(at) && last.leaves.get(at) !== value);
    if (changes.length > MAX_CHANGES || this.#waiting.length >= MAX_WAITING) return;
    const times = changes.flatMap(([, value]) => {
      const us = this.#sent.has(String(value)) ? null : exactTime(value);
      return us !== null && isWithin(us, last.fromUs, toUs) ? [us] : [];
    });
    if (times.length === 0 || this.#isNamed(namesOf(asked).at(-1), last.fromUs)) return;
    const step = { operation, pair: last.pair, changes, was: last.leaves };
    this.#waiting.push({ step, times, dueUs: toUs });
  }

  /** Whether a write since then named the thing that a path ends with. */
  #isNamed(name: string | undefined, sinceUs: number): boolean {
    if (name === undefined || name.length < MIN_NAME_CHARS) return true;
    return this.#writes.some(({ toUs, names }) => toUs >= sinceUs && names.includes(name));
  }

  /** All writes are known that began before a read ended when the next exchange begins later. */
  #judge(nowUs: number): OwnStep[] {
    const due = this.#waiting.filter(({ dueUs }) => dueUs < nowUs);
    if (due.length === 0) return [];
    this.#waiting = this.#waiting.filter(({ dueUs }) => dueUs >= nowUs);
    if (this.#explained < MIN_EXPLAINED) return [];
    const isFree = (us: number) => !this.#writes.some(({ fromUs, toUs }) => isWithin(us, fromUs, toUs));
    return due.filter(({ times }) => times.every(isFree)).map(({ step }) => step);
  }
}

function isWithin(us: number | null, fromUs: number, toUs: number): boolean {
  return us !== null && us >= fromUs - SKEW_US && us <= toUs + SKEW_US;
}

/** The words of a path. */
function namesOf(asked: readonly Leaf[]): string[] {
  return asked.flatMap(({ path, value }) => (path.startsWith('path[') ? [String(value)] : []));
}

/** A time with a fraction of a second. */
function exactTime(value: Scalar): number | null {
  const us = typeof value === 'string' ? (readTime(value)?.us ?? null) : null;
  return us === null || us % SECOND_US === 0 ? null : us;
}
