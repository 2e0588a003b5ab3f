// Partitions by day, made ahead of the rows: at start, daily, and when ingest meets a day that is not there yet. The
// database function does the work and holds the bound; this remembers what exists, so that ingest asks once a day. And
// how readers go through them: from the newest day back, a few days to a transaction, so that few tables are locked.
import type { Clock, Logger } from '@echoplane/runtime';
import type pg from 'pg';
import { ProblemError } from './problems.ts';

export const DAY_US = 86_400_000_000;
const HOUR_US = 3_600_000_000;
/** Rows beyond these are refused: a broken clock must not make a thousand tables. The data plane's own bounds are an
 * hour ahead and 30 days back; the rest is for clocks that differ and for the way. */
export const MAX_AHEAD_US = 2 * HOUR_US;
export const MAX_DAYS_BACK = 31;
const MAX_NEW_DAYS = 3;
const MAX_SPAN_DAYS = 8;

export function dayOf(tsUs: number): string {
  return new Date(tsUs / 1000).toISOString().slice(0, 10);
}

/** Yesterday to the day after tomorrow: always made. */
export function daysAround(nowUs: number): [string, string] {
  return [dayOf(nowUs - DAY_US), dayOf(nowUs + 2 * DAY_US)];
}

/** Times in µs, `to` exclusive. */
export interface Span {
  from: number;
  to: number;
}

const startOfDay = (tsUs: number) => Math.floor(tsUs / DAY_US) * DAY_US;

/** The part of a range in which a tenant can have rows. */
export function keptSpan(
  range: { from?: number | undefined; to?: number | undefined },
  retentionDays: number,
  nowUs: number,
): Span {
  const oldest = startOfDay(nowUs - Math.max(retentionDays, MAX_DAYS_BACK) * DAY_US);
  return {
    from: Math.max(range.from ?? oldest, oldest),
    to: Math.min(range.to ?? Number.POSITIVE_INFINITY, nowUs + MAX_AHEAD_US),
  };
}

/** A span newest first, cut at midnights into pieces of 1, 2, 4, 8, 8, … days: what is asked for is mostly recent. */
export function* newestFirst({ from, to }: Span): Iterable<Span> {
  for (let end = to, days = 1; end > from; days = Math.min(2 * days, MAX_SPAN_DAYS)) {
    const start = Math.max(from, startOfDay(end - 1) - (days - 1) * DAY_US);
    yield { from: start, to: end };
    end = start;
  }
}

export class PartitionKeeper {
  readonly #pool: pg.Pool;
  readonly #known = new Set<string>();

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /**
   * Makes sure that rows of these times can be stored; what is beyond the bounds is the caller's to refuse. A call makes
   * few days: with more it throws `unavailable`, and the same batch goes on from there when it comes again.
   */
  async ensure(retentionDays: number, timesUs: Iterable<number>): Promise<void> {
    let newDays = 0;
    for (const day of new Set(Array.from(timesUs, dayOf))) {
      const name = `${retentionDays}/${day}`;
      if (this.#known.has(name)) continue;
      if (newDays === MAX_NEW_DAYS)
        throw new ProblemError(
          'unavailable',
          'These rows are of many new days; send them again in a moment.',
        );
      const { rows } = await this.#pool.query<{ made: number }>('SELECT make_partitions($1, $1) AS made', [
        day,
      ]);
      this.#known.add(name);
      if (rows[0]!.made > 0) newDays += 1;
    }
  }

  /** Keeps the days around now in being until `signal` aborts. */
  async keep(clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const days = daysAround(clock.nowUs());
      await this.#pool
        .query('SELECT make_partitions($1, $2)', days)
        .catch((err) => log.error({ err, days }, 'partitions could not be made'));
      await clock.sleep(HOUR_US / 1000, signal);
    }
  }
}
