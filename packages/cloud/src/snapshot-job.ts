// The job that makes a snapshot: waits until the segments of the selection are in the store, has the snapshot made from
// them, and stores what it is. Each attempt writes a folder of its own, and the row names the one of the attempt that held
// the lease to the end: a worker that lost it changes no file that anybody reads.

import type { StoreAccess } from '@echoplane/api';
import { type MadeSnapshot, makeSnapshotFiles, reanalyze, removeObjects } from '@echoplane/archive';
import { snapshotPrefix, type TrafficQuery } from '@echoplane/traffic';
import type { Db } from './db.ts';
import { type JobContext, JobWait, type JobWork, jobFailure, WAIT_LIMIT_MS } from './job-context.ts';
import type { HeldJob } from './jobs.ts';
import { ask, askedBefore, forgetAnswer, holderOf, storesOf } from './private-work.ts';
import { selectedPositions } from './selection.ts';
import { storedJson } from './stored-text.ts';
import { coverageStatement, positionsStatement } from './traffic-sql.ts';

/** `$6`: the command by which a data plane made it, if one did. */
const STORE = `UPDATE snapshots SET manifest = $2, summary = $3, prefix = $4, store_access = $5,
    agent = (SELECT c.agent FROM commands c WHERE c.id = $6)
  WHERE id = $1`;

const NOTE = 'UPDATE jobs SET message = $2 WHERE id = $1';

interface SnapshotRow {
  name: string;
  query: TrafficQuery;
  /** Of the files made before; null the first time. */
  prefix: string | null;
  store_access: StoreAccess | null;
}

export const makeSnapshot: JobWork = async (context) => {
  const { job, withTenant } = context;
  const found = await withTenant(job.tenant, (db) =>
    db.query<SnapshotRow>('SELECT name, query, prefix, store_access FROM snapshots WHERE id = $1', [
      job.subject,
    ]),
  );
  const { name, query, prefix: before, store_access: access } = found.rows[0]!;
  if (before !== null) return access === 'private' ? madeAnewThere(context) : makeAnew(context, before);
  const asked = await askedBefore(context, 'make-snapshot');
  if (asked) return (db) => storeSnapshot(db, job, asked, 'private');
  const rows = await checkCoverage(context, query);
  const holder = await withTenant(job.tenant, async (db) => holderOf(db, await storesOf(db, query)));
  if (holder !== null) {
    const selection = { query, rows };
    return ask(context, holder, { kind: 'make-snapshot', snapshot: job.subject, name, selection });
  }
  const prefix = ownFolder(context);
  const positions = selectedPositions(context, positionsStatement(query));
  const made = await makeSnapshotFiles({ ...context, id: job.subject, name, query, prefix, positions, rows });
  return async (db) => {
    await storeSnapshot(db, job, made, 'delegated');
    // What killed workers left: with the lease held here, none of it can be stored any more.
    if (job.attempts > 1) await removeObjects(context.store, folderOf(job), (key) => !key.startsWith(prefix));
  };
};

/** From its own recording, with what users edited. What was made before stays whole: until this is stored it is the snapshot. */
async function makeAnew(context: JobContext, from: string): ReturnType<JobWork> {
  const { job, store } = context;
  const prefix = ownFolder(context);
  const made = await reanalyze({ ...context, from, prefix });
  // Of earlier ones nobody reads any more.
  await removeObjects(store, folderOf(job), (key) => !key.startsWith(from) && !key.startsWith(prefix));
  return (db) => storeSnapshot(db, job, made, 'delegated');
}

/** The same where the control plane does not write: the data plane was asked with the edits themselves (snapshot-edits.ts). */
async function madeAnewThere(context: JobContext): ReturnType<JobWork> {
  const made = await askedBefore(context, 'edit-snapshot');
  if (!made)
    throw jobFailure('The data plane is not asked any more to edit this snapshot; send the edits again.');
  return (db) => storeSnapshot(db, context.job, made, 'private');
}

async function storeSnapshot(
  db: Db,
  job: HeldJob,
  { manifest, summary, prefix }: MadeSnapshot,
  access: StoreAccess,
): Promise<void> {
  await db.query(STORE, [job.subject, storedJson(manifest), storedJson(summary), prefix, access, job.id]);
  await forgetAnswer(db, job.id);
  const covered = await db.query<{ lost: number }>(coverageStatement(manifest.selection));
  const { lost } = covered.rows[0]!;
  if (lost > 0) await db.query(NOTE, [job.id, `${lost} more RRPairs were lost before they were stored.`]);
}

/** Waits until every segment with rows of the selection is in the store; the number of rows. */
async function checkCoverage({ job, withTenant }: JobContext, query: TrafficQuery): Promise<number> {
  const found = await withTenant(job.tenant, (db) =>
    db.query<{ rows: number; lost: number; open_segments: number }>(coverageStatement(query)),
  );
  const { rows, lost, open_segments: open } = found.rows[0]!;
  if (open > 0 && job.waitedMs < WAIT_LIMIT_MS)
    throw new JobWait(`waiting for ${open} segments that are still in the cluster`);
  if (open > 0) {
    throw jobFailure(
      `${open} segments with RRPairs of this selection did not arrive in the object store; check that the forwarder runs and can write to it, then create the snapshot again.`,
    );
  }
  if (rows === 0 && lost > 0)
    throw jobFailure(
      `All ${lost} RRPairs of this selection were lost before they were stored; choose another time range.`,
    );
  if (rows === 0)
    throw jobFailure('No recorded RRPair fits this selection; widen its time range or its filter.');
  return rows;
}

/** The folder of this attempt, gone again when the attempt is not the one that is stored. */
function ownFolder({ job, store, withTenant, ifNotStored }: JobContext): string {
  const prefix = `${folderOf(job)}${job.lease}/`;
  ifNotStored(async () => {
    // Locked: a commit whose answer was lost may still be under way.
    const found = await withTenant(job.tenant, (db) =>
      db.query<{ prefix: string | null }>('SELECT prefix FROM snapshots WHERE id = $1 FOR UPDATE', [
        job.subject,
      ]),
    );
    if (found.rows[0]?.prefix !== prefix) await removeObjects(store, prefix);
  });
  return prefix;
}

const folderOf = (job: HeldJob) => snapshotPrefix(job.tenant, job.subject);
