// Limits in time on the injected clock, so that silence and slowness can be tested without waiting for them.
import type { Clock } from '@echoplane/runtime';

/** The failure of work that took too long; the message names the work. */
export class TookTooLong extends Error {}

export interface Limit {
  clock: Clock;
  ms: number;
  /** Of the message: "… took longer than 5000 ms". */
  what: string;
}

/**
 * What `work` gives, when it does so within `ms`; else its signal is aborted and TookTooLong thrown, whether or not it
 * listens. An abort of `signal` is passed on to it.
 */
export async function within<T>(
  { clock, ms, what }: Limit,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const done = new AbortController();
  const timeout = clock.sleep(ms, AbortSignal.any([done.signal, signal])).then(() => {
    signal.throwIfAborted();
    if (done.signal.aborted) return new Promise<never>(() => {});
    const err = new TookTooLong(`${what} took longer than ${ms} ms`);
    late.abort(err);
    throw err;
  });
  try {
    return await Promise.race([work(AbortSignal.any([signal, late.signal])), timeout]);
  } finally {
    done.abort();
  }
}
