// The `jobs` table as the API and the worker see it: put a job in, read it, and change it while its lease is held. The
// table is the truth; the notification only saves the worker a second of waiting. Claiming crosses tenants and is the
// platform role's (worker.ts).
import type { Job } from '@echoplane/api';
import { type Clock, newId } from '@echoplane/runtime';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { notFound } from './problems.ts';

export type JobKind = 'snapshot' | 'report' | 'search' | 'erasure';
export const JOB_CHANNEL = 'echoplane_jobs';

/** A job and the right to write it, for as long as the lease is renewed. */
export interface HeldJob {
  tenant: string;
  id: string;
  kind: string;
  subject: string;
  attempts: number;
  lease: string;
  /** How long it has been waiting for something outside, over all its attempts. */
  waitedMs: number;
}

/** Another worker took the job over, or it was cancelled: what was done for it must not be stored. */
export class LeaseLost extends Error {}

/** Puts a job in, in the caller's transaction; its id. */
export async function enqueueJob(
  db: Db,
  job: { tenant: string; kind: JobKind; subject: string },
  clock: Clock,
): Promise<string> {
  const now = clock.nowUs();
  const id = newId(now);
  await db.query(
    'INSERT INTO jobs (tenant_id, id, kind, subject, created_at_us) VALUES ($1, $2, $3, $4, $5)',
    [...[job.tenant, id, job.kind, job.subject, now]],
  );
  await db.query("SELECT pg_notify($1, '')", [JOB_CHANNEL]);
  return id;
}

/** What of a subject is done anew, once the time before has ended: a new id, so that what it asks is asked again. */
const REQUEUE = `UPDATE jobs SET id = $3, state = 'queued', progress = 0, message = NULL, attempts = 0, run_after = now(),
    waiting_since = NULL, lease = NULL, lease_until = NULL, created_at_us = $4, finished_at_us = NULL
  WHERE kind = $1 AND subject = $2 AND state NOT IN ('queued', 'running')`;

/** Puts a job that has ended in again, in the caller's transaction; puts it in when it is not there. Its new id. */
export async function requeueJob(
  db: Db,
  job: { tenant: string; kind: JobKind; subject: string },
  clock: Clock,
): Promise<string> {
  const now = clock.nowUs();
  const id = newId(now);
  const again = await db.query(REQUEUE, [job.kind, job.subject, id, now]);
  if (again.rowCount === 0) return enqueueJob(db, job, clock);
  await db.query("SELECT pg_notify($1, '')", [JOB_CHANNEL]);
  return id;
}

export function jobHandlers({ withTenant }: Services): Pick<Handlers, 'job'> {
  return {
    async job({ params, principal }) {
      const found = await withTenant(principal.tenant.id, (db) =>
        db.query<JobRow>(`${SELECT} WHERE id = $1`, [params.id]),
      );
      const row = found.rows[0];
      if (!row) throw notFound('job');
      const { created_at_us: createdAt, finished_at_us: finishedAt, ...job } = row;
      return { ...job, createdAt, finishedAt };
    },
  };
}

const SELECT =
  'SELECT id, kind, subject, state, progress, message, attempts, created_at_us, finished_at_us FROM jobs';
type JobRow = Omit<Job, 'createdAt' | 'finishedAt'> & {
  created_at_us: number;
  finished_at_us: number | null;
};

/** As `platform_claim_job` gives it. */
export const LEASE_SECONDS = 60;

/** Every change of a held job names its lease: who lost it changes nothing. */
const HELD = "WHERE id = $1 AND lease = $2 AND state = 'running'";
/** Never shortens: work that keeps the thread busy asked for longer. */
const RENEW = `UPDATE jobs SET
  lease_until = greatest(lease_until, clock_timestamp() + ${LEASE_SECONDS} * interval '1 second') ${HELD}`;
const PROGRESS = `UPDATE jobs SET progress = $3, message = $4,
  lease_until = clock_timestamp() + $5 * interval '1 second' ${HELD}`;
const FINISH = `UPDATE jobs SET state = $3, message = $4, finished_at_us = $5, lease = NULL,
  progress = CASE WHEN $3 = 'succeeded' THEN 1 ELSE progress END ${HELD}`;
/** Waiting and being stopped are nobody's fault: the attempt is given back. */
const PUT_BACK = `UPDATE jobs SET state = 'queued', lease = NULL, message = $3,
  run_after = clock_timestamp() + $4 * interval '1 millisecond', attempts = attempts - $5,
  waiting_since = CASE WHEN $6 THEN coalesce(waiting_since, clock_timestamp()) ELSE waiting_since END ${HELD}`;

async function change(db: Db, job: HeldJob, sql: string, values: unknown[] = []): Promise<void> {
  const changed = await db.query(sql, [job.id, job.lease, ...values]);
  if (changed.rowCount === 0) throw new LeaseLost();
}

export const renewLease = (db: Db, job: HeldJob) => change(db, job, RENEW);

/** Says how far the job is, and renews its lease for as long as nothing else may be able to. */
export const reportProgress = (
  db: Db,
  job: HeldJob,
  now: { share: number; message: string; leaseSeconds: number },
) => change(db, job, PROGRESS, [now.share, now.message, now.leaseSeconds]);

export const finishJob = (
  db: Db,
  job: HeldJob,
  end: { state: 'succeeded' | 'failed'; message: string | null; atUs: number },
) => change(db, job, FINISH, [end.state, end.message, end.atUs]);

/** Queues the job again. `keepAttempt`: the attempt counts. `waiting`: it waits for something outside. */
export const putBack = (
  db: Db,
  job: HeldJob,
  again: { message: string | null; afterMs: number; keepAttempt: boolean; waiting: boolean },
) => change(db, job, PUT_BACK, [again.message, again.afterMs, again.keepAttempt ? 0 : 1, again.waiting]);
