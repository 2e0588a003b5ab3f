// What the responder counts and remembers of its own work: answers by how they were found, and the latest misses.
import type { Sample } from '@echoplane/runtime';

const MAX_MISSES = 100;

/** One request that found no mock, as `/misses` shows it. */
export interface MissRecord {
  /** Id of the RRPair. */
  id: string;
  /** µs since the epoch. */
  ts: number;
  method: string;
  host: string;
  target: string;
  /** Id of the nearest recording. */
  nearest: string | null;
  difference: string | null;
}

export class Tally {
  readonly #counts = { exact: 0, volatile: 0, miss: 0 };
  readonly #misses: MissRecord[] = [];

  /** Counts an answer; a miss comes with what is to be remembered of it. */
  count(match: 'exact' | 'volatile'): void;
  count(match: 'miss', miss: MissRecord): void;
  count(match: 'exact' | 'volatile' | 'miss', miss?: MissRecord): void {
    this.#counts[match]++;
    if (!miss) return;
    this.#misses.push(miss);
    if (this.#misses.length > MAX_MISSES) this.#misses.shift();
  }

  counts(): { exact: number; volatile: number; miss: number } {
    return { ...this.#counts };
  }

  /** The latest 100, oldest first. */
  misses(): readonly MissRecord[] {
    return this.#misses;
  }

  samples(): Sample[] {
    const values = Object.entries(this.#counts).map(([match, value]) => ({ labels: { match }, value }));
    return [
      {
        name: 'echoplane_responder_answers_total',
        help: 'Requests answered, by how a mock was found.',
        type: 'counter',
        values,
      },
    ];
  }
}
