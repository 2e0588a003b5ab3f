// Edits of a snapshot on their way to its analysis: into its folder where the control plane writes there, else to the data
// plane that does, inside a command. Either way the snapshot's job is put in again, and its state is the snapshot's.
import type { SnapshotEdits } from '@echoplane/analyzer';
import type { Snapshot } from '@echoplane/api';
import { type Clock, type ObjectStore, OperatingError } from '@echoplane/runtime';
import { ARTIFACTS } from '@echoplane/traffic';
import { enqueueCommand } from './commands.ts';
import type { Db } from './db.ts';
import { requeueJob } from './jobs.ts';
import { holderOf } from './private-work.ts';
import { ProblemError } from './problems.ts';

/** Two who edit at once, at whichever replicas: the second finds the snapshot being analyzed. */
const LOCK = `SELECT 1 FROM jobs WHERE kind = 'snapshot' AND subject = $1 FOR UPDATE`;
const HOLDER = 'SELECT agent FROM snapshots WHERE id = $1';

/** Until the caller's transaction ends nobody else edits the snapshot. */
export async function lockForEdit(db: Db, id: string): Promise<void> {
  await db.query(LOCK, [id]);
}

/** Has the snapshot analyzed anew with these edits, in the caller's transaction, which locked it; their bytes. Throws a problem when it cannot be. */
export async function applyEdits(
  db: Db,
  { tenant, snapshot, edits }: { tenant: string; snapshot: Snapshot; edits: SnapshotEdits },
  { store, clock }: { store: ObjectStore; clock: Clock },
): Promise<number> {
  const { id } = snapshot;
  const from = editable(snapshot);
  const bytes = Buffer.from(`${JSON.stringify(edits, null, 2)}\n`);
  if (snapshot.storeAccess !== 'private') await store.put(from + ARTIFACTS.edits, bytes);
  const job = await requeueJob(db, { tenant, kind: 'snapshot', subject: id }, clock);
  // Under the id of the job, which waits for its outcome.
  if (snapshot.storeAccess === 'private') {
    await ask(async () => {
      const body = { kind: 'edit-snapshot', snapshot: id, from, edits } as const;
      await enqueueCommand(db, { tenant, id: job, agent: await holder(db, id), body }, clock);
    });
  }
  return bytes.length;
}

/** Its folder. Only what was made and is not being made anew can be edited. */
function editable({ state, prefix }: Snapshot): string {
  if (state === 'queued' || state === 'running')
    throw new ProblemError('conflict', 'The snapshot is being analyzed; edit it when that is done.');
  if (prefix === null)
    throw new ProblemError('conflict', `The snapshot ${state} and has no files to edit; create it anew.`);
  return prefix;
}

async function holder(db: Db, id: string): Promise<string> {
  const made = await db.query<{ agent: string | null }>(HOLDER, [id]);
  return (await holderOf(db, [{ access: 'private', agent: made.rows[0]!.agent }]))!;
}

/** A data plane that cannot be asked is a problem of the request. */
async function ask(asking: () => Promise<void>): Promise<void> {
  await asking().catch((err) => {
    if (!(err instanceof OperatingError)) throw err;
    const code = err.code === 'agent_busy' ? 'unavailable' : 'conflict';
    throw new ProblemError(code, err.message);
  });
}
