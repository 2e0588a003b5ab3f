// What the worker does for every tenant because time goes by: commands expire, segments that did not arrive are given up,
// replays of which nothing is heard any more end, old answers are forgotten. Database functions do it all.
import type { Clock, Logger } from '@echoplane/runtime';
import type pg from 'pg';

const EVERY_MS = 10_000;
const AGE = 'SELECT expired, lost FROM platform_age($1, $2)';
const END_REPLAYS = 'SELECT platform_end_replays($1) AS ended';

export interface DutyOptions {
  platform: pg.Pool;
  /** How long after it was opened a segment that was not shipped is lost. */
  segmentLostAfterMs: number;
  clock: Clock;
  log: Logger;
}

/** One round of the duties; how many commands expired, segments were given up and replays ended. */
export async function doDuties({
  platform,
  segmentLostAfterMs,
  clock,
  log,
}: DutyOptions): Promise<{ expired: number; lost: number; ended: number }> {
  const now = clock.nowUs();
  const { rows } = await platform.query<{ expired: number; lost: number }>(AGE, [
    now,
    now - segmentLostAfterMs * 1000,
  ]);
  const { expired, lost } = rows[0]!;
  if (lost > 0) log.warn({ segments: lost }, 'segments did not arrive and were given up');
  const { ended } = (await platform.query<{ ended: number }>(END_REPLAYS, [now])).rows[0]!;
  if (ended > 0) log.warn({ replays: ended }, 'replays ended because nothing was heard of them');
  return { expired, lost, ended };
}

/** Does the duties until `signal` aborts. */
export async function keepDuties(options: DutyOptions, signal: AbortSignal): Promise<void> {
  const { clock, log } = options;
  while (!signal.aborted) {
    await doDuties(options).catch((err) => log.error({ err }, 'the duties of time could not be done'));
    await clock.sleep(EVERY_MS, signal);
  }
}
