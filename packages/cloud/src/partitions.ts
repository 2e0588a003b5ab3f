// Partitions by day, made ahead of the rows: at start, daily, and when ingest meets a day that is not there yet. The
// database function does the work and holds the bound; this remembers what exists, so that ingest asks once a day.
import type { Clock, Logger } from '@echoplane/runtime';
import type pg from 'pg';

const DAY_US = 86_400_000_000;
const HOUR_MS = 3_600_000;
/** Rows further away from now than this are refused: a broken clock must not make a thousand tables. */
export const MAX_DAYS_AWAY = 400;

export function dayOf(tsUs: number): string {
  return new Date(tsUs / 1000).toISOString().slice(0, 10);
}

/** Yesterday to the day after tomorrow: always made. */
export function daysAround(nowUs: number): [string, string] {
  return [dayOf(nowUs - DAY_US), dayOf(nowUs + 2 * DAY_US)];
}

export class PartitionKeeper {
  readonly #pool: pg.Pool;
  readonly #known = new Set<string>();

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Makes sure that rows of these times can be stored. Times beyond MAX_DAYS_AWAY are the caller's to refuse. */
  async ensure(retentionDays: number, timesUs: Iterable<number>): Promise<void> {
    for (const day of new Set(Array.from(timesUs, dayOf))) {
      const name = `${retentionDays}/${day}`;
      if (this.#known.has(name)) continue;
      await this.#pool.query('SELECT make_partitions($1, $1)', [day]);
      this.#known.add(name);
    }
  }

  /** Keeps the days around now in being until `signal` aborts. */
  async keep(clock: Clock, log: Logger, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const days = daysAround(clock.nowUs());
      await this.#pool
        .query('SELECT make_partitions($1, $2)', days)
        .catch((err) => log.error({ err, days }, 'partitions could not be made'));
      await clock.sleep(HOUR_MS, signal);
    }
  }
}
