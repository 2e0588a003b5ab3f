// What the responder counts and remembers of its own work: answers by how they were found, and the latest misses.
import type { Sample } from '@echoplane/runtime';
import type { MatchKind } from './reply.ts';

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

/** Why a connection was closed before it was known whom it is for. */
export type Refusal = 'proxy-header' | 'bad-request';

type Counts = Record<'exact' | 'volatile' | 'miss', number> & Partial<Record<MatchKind, number>>;

export class Tally {
  /** The others appear when there are any. */
  readonly #counts: Counts = { exact: 0, volatile: 0, miss: 0 };
  #asked = 0;
  readonly #misses: MissRecord[] = [];
  readonly #refused: Record<Refusal, number> = { 'proxy-header': 0, 'bad-request': 0 };

  /** Counts a request that was read whole. */
  ask(): void {
    this.#asked++;
  }

  /** Counts an answer; a miss comes with what is to be remembered of it. */
  count(match: Exclude<MatchKind, 'miss'>): void;
  count(match: 'miss', miss: MissRecord): void;
  count(match: MatchKind, miss?: MissRecord): void {
    this.#counts[match] = (this.#counts[match] ?? 0) + 1;
    if (!miss) return;
    this.#misses.push(miss);
    if (this.#misses.length > MAX_MISSES) this.#misses.shift();
  }

  /** Counts a connection that was not served. */
  refuse(reason: Refusal): void {
    this.#refused[reason]++;
  }

  counts(): Counts {
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
        name: 'echoplane_responder_requests_total',
        help: 'Requests read whole; those not among the answers are under way, or their client left.',
        type: 'counter',
        values: [{ value: this.#asked }],
      },
      {
        name: 'echoplane_responder_answers_total',
        help: 'Requests answered, by how a mock was found.',
        type: 'counter',
        values,
      },
      {
        name: 'echoplane_responder_refused_connections_total',
        help: 'Connections that were closed before it was known whom they are for.',
        type: 'counter',
        values: Object.entries(this.#refused).map(([reason, value]) => ({ labels: { reason }, value })),
      },
    ];
  }
}
