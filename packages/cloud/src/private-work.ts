// Work on a store that the control plane does not read: the job asks the data plane that holds the bytes, by a command
// whose id follows from the job's, and waits for its outcome. However often the job is tried, it asks once.
import { type CommandBody, type CommandKind, CommandResults } from '@echoplane/api';
import type { TrafficQuery } from '@echoplane/traffic';
import type { z } from 'zod';
import { enqueueCommand } from './commands.ts';
import type { Db } from './db.ts';
import { type JobContext, JobWait, jobFailure } from './job-context.ts';
import { storesStatement } from './traffic-sql.ts';

/** A data plane's share of something: `agent` holds it when `access` is `private`. */
export interface StoreShare {
  access: 'delegated' | 'private';
  agent: string | null;
}

const WAITING = 'waiting for the data plane that holds the RRPairs';
const ASKED = 'SELECT state, progress, message, result FROM commands WHERE id = $1';
/** Forwarders of one cluster share its store; of those that hold some of it, or could, the one that is there. */
const HOLDERS = `SELECT a.id, a.cluster FROM agents a
  WHERE a.store_access = 'private' AND a.cluster IN (SELECT h.cluster FROM agents h WHERE h.id = ANY($1::uuid[]))
  ORDER BY a.seen_at_us DESC`;

interface AskedRow {
  state: 'waiting' | 'running' | 'succeeded' | 'failed' | 'expired';
  progress: number;
  message: string | null;
  result: unknown;
}

/** The stores in which the shipped rows of a selection are. */
export async function storesOf(db: Db, query: TrafficQuery): Promise<StoreShare[]> {
  return (await db.query<{ access: StoreShare['access']; agent: string | null }>(storesStatement(query)))
    .rows;
}

/** The data plane that must do work on these shares; null when the control plane may. Throws when neither can do it all. */
export async function holderOf(db: Db, shares: readonly StoreShare[]): Promise<string | null> {
  const held = shares.filter((share) => share.access === 'private');
  if (held.length === 0) return null;
  if (held.length < shares.length) {
    throw jobFailure(
      'Some of this lies in a private store and some where the control plane reads it; choose a time range or services of one of the two.',
    );
  }
  const found = await db.query<{ id: string; cluster: string }>(HOLDERS, [held.map((share) => share.agent)]);
  const holder = found.rows[0];
  if (!holder) {
    throw jobFailure(
      'The data plane that holds these RRPairs in its private store is not registered any more; start its forwarder again.',
    );
  }
  if (found.rows.some((row) => row.cluster !== holder.cluster)) {
    throw jobFailure('This lies in the private stores of several clusters; choose services of one cluster.');
  }
  return holder.id;
}

type Result<K extends CommandKind> = z.output<(typeof CommandResults)[K]>;

/**
 * What came of the job's command: null when there is none yet. Throws JobWait while the data plane works on it, and the
 * data plane's own words when it failed.
 */
export async function askedBefore<K extends CommandKind>(
  context: JobContext,
  kind: K,
  command = context.job.id,
): Promise<Result<K> | null> {
  const { job, withTenant, progress } = context;
  const found = await withTenant(job.tenant, (db) => db.query<AskedRow>(ASKED, [command]));
  const asked = found.rows[0];
  if (!asked) return null;
  if (asked.state === 'succeeded') return CommandResults[kind].parse(asked.result) as Result<K>;
  if (asked.state === 'failed' || asked.state === 'expired')
    throw jobFailure(asked.message ?? 'The data plane could not do this; see the log of its forwarder.');
  const message = asked.message ?? WAITING;
  await progress(asked.progress, message);
  throw new JobWait(message);
}

/** Asks a data plane, once for each `command`; the answer is there when the job is tried again. */
export async function ask(
  { job, withTenant, clock }: JobContext,
  agent: string,
  body: CommandBody,
  command = job.id,
): Promise<never> {
  await withTenant(job.tenant, (db) =>
    enqueueCommand(db, { tenant: job.tenant, id: command, agent, body }, clock),
  );
  throw new JobWait(WAITING);
}

const FORGET = `UPDATE commands SET result = NULL,
    body = CASE WHEN kind = 'edit-snapshot' THEN json_build_object('kind', kind) ELSE body END
  WHERE id = $1`;

/** Takes an answer that was stored where it belongs out of the commands, and edits that were made: a second copy would outlive an erasure. */
export async function forgetAnswer(db: Db, command: string): Promise<void> {
  await db.query(FORGET, [command]);
}
