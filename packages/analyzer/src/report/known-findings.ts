// What the baseline of a replay found too: a race or a job in the background that one recording cannot tell from a fault shows in
// a replay of the build that is known to be good. Counts, never results; what grows beyond chance is no longer known. Pure.
import type { Finding } from '@echoplane/traffic';

/** A finding of the baseline. */
export interface KnownFinding {
  id: string;
  count: number;
  /** Assertions it was looked for in. */
  of: number;
}

/** Standard deviations that two counts of the same thing differ by once in two thousand times. */
const MANY_DEVIATIONS = 3.3;
/** Sets of findings that tests had; tests of others count as failed. */
const MAX_SETS = 10_000;

/** Whether a count is higher than it was by more than chance explains: what varies by itself hides no fault beside it. */
export function rises(before: number, after: number): boolean {
  return after - before > MANY_DEVIATIONS * Math.sqrt(after + before);
}

export class KnownFindings {
  readonly #known: ReadonlyMap<string, KnownFinding>;
  /** How many tests had nothing but these findings. */
  readonly #tests = new Map<string, { ids: readonly string[]; count: number }>();

  constructor(known: readonly KnownFinding[]) {
    this.#known = new Map(known.map((one) => [one.id, one]));
  }

  /** A test failed by these findings, and no other. */
  failed(ids: ReadonlySet<string>): void {
    if (ids.size === 0 || ![...ids].every((id) => this.#known.has(id))) return;
    const sorted = [...ids].sort();
    const key = sorted.join('\n');
    const before = this.#tests.get(key);
    if (before) before.count++;
    else if (this.#tests.size < MAX_SETS) this.#tests.set(key, { ids: sorted, count: 1 });
  }

  /** What the baseline had of a finding, where this run has no more of it than chance explains; else null. */
  of({ id = '', count, of }: Finding): KnownFinding | null {
    const before = this.#known.get(id);
    if (!before) return null;
    const expected = before.of > 0 ? (before.count * of) / before.of : before.count;
    return rises(expected, count) ? null : before;
  }

  /** Tests that failed by nothing but findings with these ids. */
  testsOf(ids: ReadonlySet<string>): number {
    return [...this.#tests.values()].reduce(
      (sum, { ids: had, count }) => (had.every((id) => ids.has(id)) ? sum + count : sum),
      0,
    );
  }
}
