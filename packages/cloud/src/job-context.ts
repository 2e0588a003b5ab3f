// What a job's work is given, and the ways it can end: a result to be stored, a wait, or a failure a person can act on.
import { type Clock, type ObjectStore, OperatingError } from '@echoplane/runtime';
import type { Db } from './db.ts';
import type { HeldJob } from './jobs.ts';
import type { WithTenant } from './tenancy.ts';

export interface JobContext {
  job: HeldJob;
  withTenant: WithTenant;
  store: ObjectStore;
  clock: Clock;
  /** Aborts when the lease is lost or the worker stops. */
  signal: AbortSignal;
  /**
   * 0..1 and what is being done, which renews the lease; written at most twice a second. Throws when the lease is lost.
   * `busySeconds`: how long what follows may keep the thread, during which nothing renews the lease; always written.
   */
  progress(share: number, message: string, busySeconds?: number): Promise<void>;
  /** What to take back when the result is not stored: the lease was lost, the work failed, or the worker stops. */
  ifNotStored(undo: () => Promise<void>): void;
}

/** Does the work and returns what is to be stored in the transaction that ends the job. */
export type JobWork = (context: JobContext) => Promise<(db: Db) => Promise<void>>;

/** Not yet: to be tried again in a moment. */
export class JobWait extends Error {}

/** How long a job waits for segments and results. A segment ships when it is 60 s old; the rest is for the upload. */
export const WAIT_LIMIT_MS = 90_000;

/** A failure that trying again would not change, as a sentence that says what to do. */
export function jobFailure(message: string): OperatingError {
  return new OperatingError('job_failed', message);
}
