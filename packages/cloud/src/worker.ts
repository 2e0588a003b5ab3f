// The worker: claims one job at a time across tenants, does it as the tenant, renews its lease meanwhile. A worker that
// is killed says nothing; its lease runs out and the job is claimed again.
//
//   claim ─▶ work ─▶ store the result and succeed (one transaction)
//              ├─ wait ─▶ queued again, the attempt given back      ├─ failure ─▶ failed, with a sentence
//              ├─ error ─▶ queued again with backoff, five times    └─ lease lost ─▶ nothing is stored
import {
  backoffMs,
  type Clock,
  type Logger,
  type ObjectStore,
  OperatingError,
  type Secret,
} from '@echoplane/runtime';
import type pg from 'pg';
import { connectOnce } from './db.ts';
import { erasePart } from './erasure-job.ts';
import { type JobContext, JobWait, type JobWork } from './job-context.ts';
import {
  finishJob,
  type HeldJob,
  JOB_CHANNEL,
  type JobKind,
  LEASE_SECONDS,
  LeaseLost,
  putBack,
  renewLease,
  reportProgress,
} from './jobs.ts';
import { makeReport } from './report-job.ts';
import { makeSearch } from './search-job.ts';
import { makeSnapshot } from './snapshot-job.ts';
import type { WithTenant } from './tenancy.ts';

const POLL_MS = 1_000;
const RENEW_MS = 20_000;
const PROGRESS_MS = 500;
const WAIT_MS = 500;
const MAX_ATTEMPTS = 5;
const RETRY = { firstMs: 1_000, maxMs: 60_000 };

type Undo = () => Promise<void>;

const WORK: Record<JobKind, JobWork> = {
  snapshot: makeSnapshot,
  report: makeReport,
  search: makeSearch,
  erasure: erasePart,
};

export interface WorkerOptions {
  platform: pg.Pool;
  withTenant: WithTenant;
  store: ObjectStore;
  clock: Clock;
  log: Logger;
}

interface ClaimedRow {
  tenant_id: string;
  id: string;
  kind: string;
  subject: string;
  attempts: number;
  lease: string;
  waiting_since: Date | null;
}

/** The next due job of any tenant, leased for a minute; null when there is none. */
export async function claimJob(platform: pg.Pool, clock: Clock): Promise<HeldJob | null> {
  const claimed = await platform.query<ClaimedRow>(
    'SELECT tenant_id, id, kind, subject, attempts, lease, waiting_since FROM platform_claim_job()',
  );
  const row = claimed.rows[0];
  if (!row) return null;
  const { tenant_id: tenant, waiting_since: since, ...job } = row;
  return { ...job, tenant, waitedMs: since ? Math.max(0, clock.nowUs() / 1000 - since.getTime()) : 0 };
}

/** Claims and does jobs until `signal` aborts. `wake` resolves early when there may be a new job. */
export async function runWorker(
  options: WorkerOptions,
  wake: (ms: number, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { platform, clock, log } = options;
  while (!signal.aborted) {
    const job = await claimJob(platform, clock).catch((err) => {
      log.warn({ err }, 'no job could be claimed');
      return null;
    });
    if (job) await doJob(options, job, signal);
    else await wake(POLL_MS, signal);
  }
}

/** Does one claimed job to one of its ends. Never throws. */
export async function doJob(
  options: WorkerOptions,
  job: HeldJob,
  stop: AbortSignal,
  work: Readonly<Partial<Record<JobKind, JobWork>>> = WORK,
): Promise<void> {
  const { withTenant, log, clock } = options;
  const lost = new AbortController();
  const renewal = setInterval(() => {
    withTenant(job.tenant, (db) => renewLease(db, job)).catch((err) => {
      if (err instanceof LeaseLost) lost.abort();
    });
  }, RENEW_MS);
  const undos: Undo[] = [];
  const about = { job: job.id, kind: job.kind, tenant: job.tenant, attempt: job.attempts };
  try {
    const signal = AbortSignal.any([stop, lost.signal]);
    const store = await workOf(job, work)(contextOf(options, job, { signal, undos }));
    await withTenant(job.tenant, async (db) => {
      await finishJob(db, job, { state: 'succeeded', message: null, atUs: clock.nowUs() });
      await store(db);
    });
    log.info(about, 'a job succeeded');
  } catch (err) {
    await endBadly(options, job, stop.aborted ? 'stopped' : err).catch((cause) => {
      if (!(cause instanceof LeaseLost))
        log.error({ ...about, err: cause }, 'the end of a job could not be stored');
    });
    if (!(err instanceof JobWait) && !stop.aborted) log.warn({ ...about, err }, 'a job did not succeed');
    for (const undo of undos) {
      await undo().catch((cause) => log.warn({ ...about, err: cause }, 'what a job left was not removed'));
    }
  } finally {
    clearInterval(renewal);
  }
}

function workOf(job: HeldJob, work: Readonly<Partial<Record<string, JobWork>>>): JobWork {
  const found = work[job.kind];
  if (!found)
    throw new OperatingError(
      'unknown_job',
      `This worker does not know jobs of the kind ${job.kind}; update it.`,
    );
  return found;
}

function contextOf(
  { withTenant, store, clock }: WorkerOptions,
  job: HeldJob,
  { signal, undos }: { signal: AbortSignal; undos: Undo[] },
): JobContext {
  let lastMs = Number.NEGATIVE_INFINITY;
  return {
    ...{ job, withTenant, store, clock, signal },
    ifNotStored: (undo) => undos.push(undo),
    async progress(share, message, busySeconds = 0) {
      signal.throwIfAborted();
      const nowMs = clock.nowUs() / 1000;
      if (nowMs - lastMs < PROGRESS_MS && busySeconds === 0) return;
      lastMs = nowMs;
      const leaseSeconds = LEASE_SECONDS + busySeconds;
      await withTenant(job.tenant, (db) =>
        reportProgress(db, job, { share: Math.min(1, share), message, leaseSeconds }),
      );
    },
  };
}

/** Stores how a job ended that did not succeed. */
function endBadly({ withTenant, clock }: WorkerOptions, job: HeldJob, err: unknown): Promise<void> {
  return withTenant(job.tenant, (db) => {
    if (err instanceof LeaseLost) throw err;
    if (err instanceof JobWait) {
      return putBack(db, job, { message: err.message, afterMs: WAIT_MS, keepAttempt: false, waiting: true });
    }
    if (err === 'stopped')
      return putBack(db, job, { message: null, afterMs: 0, keepAttempt: false, waiting: false });
    if (err instanceof OperatingError || job.attempts >= MAX_ATTEMPTS) {
      const message =
        err instanceof OperatingError
          ? err.message
          : `This failed ${job.attempts} times: ${(err as Error).message}. Look into the worker's log.`;
      return finishJob(db, job, { state: 'failed', message, atUs: clock.nowUs() });
    }
    const message = `attempt ${job.attempts} failed, trying again: ${(err as Error).message}`;
    const afterMs = backoffMs(job.attempts, RETRY, Math.random());
    return putBack(db, job, { message, afterMs, keepAttempt: true, waiting: false });
  });
}

/** Listens for new jobs. Its connection may break: then the poll alone finds them until it is back. */
export class JobBell {
  readonly #url: Secret;
  #client: pg.Client | null = null;
  #ring: () => void = () => {};
  /** A notification came while nobody waited. */
  #rung = false;

  constructor(url: Secret) {
    this.#url = url;
  }

  /** Resolves at the next notification, after `ms`, or when `signal` aborts. */
  async wait(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
    const rung = new AbortController();
    this.#ring = () => rung.abort();
    await this.#listen().catch(() => {});
    if (!this.#rung) await clock.sleep(ms, AbortSignal.any([signal, rung.signal]));
    this.#rung = false;
  }

  async close(): Promise<void> {
    await this.#client?.end();
  }

  async #listen(): Promise<void> {
    if (this.#client) return;
    const client = await connectOnce(this.#url, 'echoplane-job-bell');
    client.on('notification', () => {
      this.#rung = true;
      this.#ring();
    });
    client.on('end', () => (this.#client = null));
    await client.query(`LISTEN ${JOB_CHANNEL}`);
    this.#client = client;
  }
}
