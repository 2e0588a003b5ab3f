// What transforms are told from outside: times, randomness, where secrets, files and data sets are, and what one virtual
// user has stored. Nothing here reaches out by itself.
import { Substitution } from '@echoplane/replay';
import type { Value } from './value.ts';

/** Where embedded values come from; undefined: there is no such thing. */
export interface Lookups {
  secret?(name: string, key: string): string | undefined;
  env?(name: string): string | undefined;
  file?(path: string): string | undefined;
  /** CSV text of a data set, with a header line. */
  data?(name: string): string | undefined;
}

export interface TransformContext {
  /** µs since the epoch, of the live exchange. */
  nowUs: number;
  /** µs to add to a recorded time so that it stands to now as it stood to its recording. */
  shiftUs: number;
  /** In [0, 1), seeded by the caller: the same seed gives the same run. */
  random(): number;
  /** Of one virtual user (generator) or of the whole responder. */
  state: TransformState;
  lookups?: Lookups;
  /** Hears of each recorded value whose replacement was learned, for those who follow live values themselves. */
  replaceLive?(recorded: string, live: string): void;
  /** Without it no changes are noted, which is cheaper. */
  trace?: boolean;
}

/** A stored value, and the names of the secrets that went into it. */
export interface Stored {
  value: Value;
  secrets: readonly string[];
}

const MAX_VARIABLES = 10_000;
const MAX_CURSORS = 1_000;
const MAX_LEARNED_SECRETS = 10_000;

/** Variables, learned replacements and cursors. Bounded: what is oldest goes. */
export class TransformState {
  readonly learned = new Substitution();
  readonly #variables = new Map<string, Stored>();
  readonly #cursors = new Map<string, number>();
  readonly #learnedSecrets = new Map<string, readonly string[]>();
  readonly #shared: Pick<TransformState, 'nextOf'> | null;

  /** `shared`: has the cursors of all virtual users, so that two of them never get the same row of a data set. */
  constructor(shared: Pick<TransformState, 'nextOf'> | null = null) {
    this.#shared = shared;
  }

  variable(name: string): Stored | undefined {
    return this.#variables.get(name);
  }

  setVariable(name: string, stored: Stored): void {
    setBounded(this.#variables, name, stored, MAX_VARIABLES);
  }

  /** 0, 1, 2, … for each name. */
  nextOf(cursor: string): number {
    if (this.#shared) return this.#shared.nextOf(cursor);
    const at = this.#cursors.get(cursor) ?? 0;
    setBounded(this.#cursors, cursor, at + 1, MAX_CURSORS);
    return at;
  }

  learn(recorded: string, live: string, secrets: readonly string[]): void {
    this.learned.set(recorded, live);
    if (secrets.length > 0) setBounded(this.#learnedSecrets, live, secrets, MAX_LEARNED_SECRETS);
  }

  /** Names of the secrets that went into any learned replacement that `text` holds. */
  secretsIn(text: string): string[] {
    const names: string[] = [];
    for (const [live, secrets] of this.#learnedSecrets) if (text.includes(live)) names.push(...secrets);
    return names;
  }
}

function setBounded<V>(map: Map<string, V>, key: string, value: V, limit: number): void {
  if (!map.has(key) && map.size >= limit) map.delete(map.keys().next().value!);
  map.set(key, value);
}

/** Numbers in [0, 1) from a seed (mulberry32): enough for test data, not for keys. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
