// What the worker does for every tenant because time goes by: commands expire, segments that did not arrive are given up,
// old answers are forgotten. The database function does it all and lets one worker at a time.
import type { Clock, Logger } from '@echoplane/runtime';
import type pg from 'pg';

const EVERY_MS = 10_000;
const AGE = 'SELECT expired, lost FROM platform_age($1, $2)';

export interface DutyOptions {
  platform: pg.Pool;
  /** How long after it was opened a segment that was not shipped is lost. */
  segmentLostAfterMs: number;
  clock: Clock;
  log: Logger;
}

/** One round of the duties; how many commands expired and segments were given up. */
export async function doDuties({
  platform,
  segmentLostAfterMs,
  clock,
  log,
}: DutyOptions): Promise<{ expired: number; lost: number }> {
  const now = clock.nowUs();
  const { rows } = await platform.query<{ expired: number; lost: number }>(AGE, [
    now,
    now - segmentLostAfterMs * 1000,
  ]);
  const { expired, lost } = rows[0]!;
  if (lost > 0) log.warn({ segments: lost }, 'segments did not arrive and were given up');
  return { expired, lost };
}

/** Does the duties until `signal` aborts. */
export async function keepDuties(options: DutyOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    await doDuties(options).catch((err) => log.error({ err }, 'the duties of time could not be done'));
    await clock.sleep(EVERY_MS, signal);
  }
}
