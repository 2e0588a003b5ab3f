// Reads that a client repeats until the answer says what it waits for: `state: queued`, again, `state: done`. How often it has
// to ask is the service's doing, so what changes between two of them may have changed earlier in a replay. Bounded: the latest
// read of so many clients. What changed behind other requests is told apart: own-steps.ts, read-back.ts, lagging-numbers.ts. Pure.
import { kindOf, type Leaf, type Scalar } from '@echoplane/replay';
import type { AwaitedState, SettlingLeaf } from '@echoplane/traffic';
import { LaggingNumbers } from './lagging-numbers.ts';
import { OwnSteps, type Step } from './own-steps.ts';
import { ReadBack } from './read-back.ts';

const MAX_CLIENTS = 2_000;
const MAX_CHAIN = 50;
/** More than this is no state that somebody waits for. */
const MAX_CHANGES = 8;
const MAX_LEAVES = 2_000;
const MAX_CHARS = 200;
const MAX_OPERATIONS = 1_000;
/** Leaves of one operation that are known as states. */
const MAX_STATES = 32;
/** States that one leaf goes through. */
const MAX_LATER = 16;
const NO_LEAVES: ReadonlyMap<string, Scalar> = new Map();

interface LastRead {
  request: string;
  /** The same read over and over: numbers of its pairs. */
  chain: number[];
  leaves: ReadonlyMap<string, Scalar>;
}

/** A pair whose answer was asked for again, and the leaves that were others then. */
export interface Settling {
  pair: number;
  changes: readonly Change[];
  /** Nobody waited for it: the field of which numbers may lag. */
  field?: string;
}
type Change = readonly [path: string, later: Scalar];

export class Polls {
  readonly #last = new Map<string, LastRead>();
  readonly #ownSteps = new OwnSteps();
  readonly #readBack = new ReadBack();
  readonly lagging = new LaggingNumbers();
  /** What leaves were while clients asked on, by operation and path. */
  readonly #states = new Map<string, Map<string, Set<Scalar>>>();

  /** With what reads of each operation were asked for again. */
  get states(): Map<string, AwaitedState[]> {
    const statesOf = (leaves: ReadonlyMap<string, ReadonlySet<Scalar>>): AwaitedState[] =>
      Array.from(leaves, ([path, until]) => ({ path, until: [...until] }));
    return new Map(Array.from(this.#states, ([operation, leaves]) => [operation, statesOf(leaves)]));
  }

  /** The next pair of a client. Gives what is now known of earlier ones. */
  observe(step: Step & { client: string }): Settling[] {
    const leaves = step.answered.length > MAX_LEAVES ? null : stateOf(step.answered);
    const own = this.#ownSteps.observe(step, leaves).map(({ operation, pair, changes, was }): Settling => {
      this.#remember(operation, was, changes);
      return { pair, changes };
    });
    const { request, answered, ...rest } = step;
    const late = this.#readBack.observe({ ...rest, leaves: leaves ?? NO_LEAVES, isWrite: request === null });
    const lagging = this.lagging.observe(step.pair, step.operation, answered, late);
    return [...own, ...this.#again(step, leaves), ...lagging];
  }

  #again(
    { client, operation, pair, request }: Step & { client: string },
    leaves: ReadonlyMap<string, Scalar> | null,
  ): Settling[] {
    const last = this.#last.get(client);
    this.#last.delete(client);
    if (request === null || leaves === null) return [];
    const isAgain = last?.request === request;
    const before = isAgain ? last.chain.slice(-MAX_CHAIN) : [];
    this.#last.set(client, { request, chain: [...before, pair], leaves });
    for (const [oldest] of this.#last) {
      if (this.#last.size <= MAX_CLIENTS) break;
      this.#last.delete(oldest);
    }
    if (!isAgain) return [];
    const changes = [...leaves].filter(([path, value]) => isStep(last.leaves.get(path), value));
    if (changes.length === 0 || changes.length > MAX_CHANGES) return [];
    this.#remember(operation, last.leaves, changes);
    return before.map((one) => ({ pair: one, changes }));
  }

  #remember(operation: string, was: ReadonlyMap<string, Scalar>, changes: readonly Change[]): void {
    const states = this.#states.get(operation) ?? new Map<string, Set<Scalar>>();
    if (states.size === 0 && this.#states.size >= MAX_OPERATIONS) return;
    this.#states.set(operation, states);
    for (const [path] of changes) {
      const until = states.get(path) ?? new Set();
      if (until.size >= MAX_LATER || (until.size === 0 && states.size >= MAX_STATES)) continue;
      states.set(path, until.add(was.get(path)!));
    }
  }
}

/** The leaves of one thing's body that may be its state: not those of lists, nor long texts. */
function stateOf(answered: readonly Leaf[]): Map<string, Scalar> {
  const isState = ({ path, value, inner }: Leaf) =>
    !inner && path.startsWith('body.') && !path.includes('[') && String(value).length <= MAX_CHARS;
  return new Map(answered.filter(isState).map(({ path, value }) => [path, value]));
}

/** From one state to another: of two generated values nobody waits for the second. */
function isStep(before: Scalar | undefined, after: Scalar): boolean {
  if (before === undefined || before === after) return false;
  return kindOf(before) === null || kindOf(after) === null;
}

/** What the edges of one pair say, read one after the other. */
export class SettlingLeaves {
  readonly #later = new Map<string, Scalar[]>();
  readonly #awaited = new Set<string>();

  /** `isAwaited`: the client asked for it again. */
  add(path: string, value: Scalar, isAwaited = true): void {
    if (isAwaited) this.#awaited.add(path);
    const later = this.#later.get(path) ?? [];
    this.#later.set(path, later);
    if (later.includes(value)) return;
    const numbers = later.filter((one) => typeof one === 'number');
    if (typeof value === 'number' && numbers.length > 1) {
      const outermost = [Math.min(...numbers, value), Math.max(...numbers, value)];
      later.splice(0, later.length, ...later.filter((one) => typeof one !== 'number'), ...outermost);
    } else if (later.length < MAX_LATER) later.push(value);
  }

  list(): SettlingLeaf[] {
    return [...this.#later].map(([path, later]) =>
      this.#awaited.has(path) ? { path, later } : { path, later, lags: true },
    );
  }
}
