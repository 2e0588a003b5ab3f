// Asking again until it is so, with a deadline and a sentence when it never was.
import { setTimeout as delay } from 'node:timers/promises';
import { OperatingError } from '@echoplane/runtime';

const INTERVAL_MS = 150;

export interface PollOptions {
  deadlineMs: number;
  /** What is waited for, for the error. */
  what: string;
  signal: AbortSignal;
}

/** The first answer of `ask` for which `done` holds. Throws OperatingError at the deadline or when interrupted. */
export async function pollUntil<T>(
  ask: () => Promise<T>,
  done: (answer: T) => boolean,
  options: PollOptions,
): Promise<T> {
  const deadline = performance.now() + options.deadlineMs;
  for (;;) {
    const answer = await ask();
    if (done(answer)) return answer;
    if (options.signal.aborted)
      throw new OperatingError('stopping', `Interrupted while waiting for ${options.what}.`);
    if (performance.now() > deadline) {
      throw new OperatingError(
        'too_late',
        `${options.what} did not come within ${options.deadlineMs / 1000} s; the last state was ${JSON.stringify(answer).slice(0, 400)}`,
      );
    }
    await delay(INTERVAL_MS);
  }
}
