// Snapshots as a resource: asked for here, made by the worker's snapshot job, whose state is the snapshot's state.
import { GivenEdits } from '@echoplane/analyzer';
import type { Snapshot } from '@echoplane/api';
import { newId, ObjectMissing } from '@echoplane/runtime';
import {
  ARTIFACTS,
  type SnapshotManifest,
  type SnapshotSummary,
  type TrafficQuery,
} from '@echoplane/traffic';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { enqueueJob } from './jobs.ts';
import { keptSpan } from './partitions.ts';
import { notFound, ProblemError } from './problems.ts';
import { applyEdits, lockForEdit } from './snapshot-edits.ts';

export const LIST_LIMIT = 500;
const SELECT = `SELECT n.id, n.name, n.query, j.state, j.message, n.manifest, n.summary, n.prefix,
    n.store_access, n.created_at_us
  FROM snapshots n JOIN jobs j ON j.kind = 'snapshot' AND j.subject = n.id`;
const NEWEST = `${SELECT} ORDER BY n.created_at_us DESC, n.id DESC LIMIT ${LIST_LIMIT}`;
const ONE = `${SELECT} WHERE n.id = $1`;

interface SnapshotRow {
  id: string;
  name: string;
  query: TrafficQuery;
  state: Snapshot['state'];
  message: string | null;
  manifest: SnapshotManifest | null;
  summary: SnapshotSummary | null;
  prefix: string | null;
  store_access: Snapshot['storeAccess'];
  created_at_us: number;
}

type Names = 'editSnapshot' | 'createSnapshot' | 'snapshots' | 'snapshot' | 'artifact';

export function snapshotHandlers({ withTenant, store, clock }: Services): Pick<Handlers, Names> {
  return {
    async createSnapshot({ body, principal, source }) {
      const tenant = principal.tenant.id;
      const now = clock.nowUs();
      const id = newId(now);
      // Frozen: without an end the selection would go on growing while the job waits.
      const { from } = keptSpan({}, principal.tenant.retentionDays, now);
      const query = { from, to: now, ...body.query };
      return withTenant(tenant, async (db) => {
        await db.query(
          'INSERT INTO snapshots (tenant_id, id, name, query, created_at_us) VALUES ($1, $2, $3, $4, $5)',
          [...[tenant, id, body.name, JSON.stringify(query), now]],
        );
        await enqueueJob(db, { tenant, kind: 'snapshot', subject: id }, clock);
        await audit(db, source, {
          action: 'create-snapshot',
          subject: id,
          detail: { name: body.name, query },
        });
        return readSnapshot(db, id);
      });
    },
    async snapshots({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<SnapshotRow>(NEWEST));
      return { items: found.rows.map(snapshotOf) };
    },
    snapshot: ({ params, principal }) => withTenant(principal.tenant.id, (db) => readSnapshot(db, params.id)),
    async editSnapshot({ params: { id }, body, principal, source }) {
      const tenant = principal.tenant.id;
      const edits = GivenEdits.safeParse(body);
      if (!edits.success) throw new ProblemError('invalid_request', editProblem(edits.error));
      return withTenant(tenant, async (db) => {
        await lockForEdit(db, id);
        const snapshot = await readSnapshot(db, id);
        const bytes = await applyEdits(db, { tenant, snapshot, edits: edits.data }, { store, clock });
        await audit(db, source, { action: 'edit-snapshot', subject: id, detail: { bytes } });
        return readSnapshot(db, id);
      });
    },
    async artifact({ params, principal, reply }) {
      const tenant = principal.tenant.id;
      const place = await withTenant(tenant, (db) => readPlace(db, params.id));
      if (!place) throw notFound('snapshot');
      const { prefix, store_access: access } = place;
      if (prefix === null) throw notFound('file in this snapshot');
      if (access === 'private') {
        throw new ProblemError(
          'conflict',
          `The files of this snapshot are in the private store of its cluster, under ${prefix}, where the control plane does not read; fetch them there.`,
        );
      }
      reply.type(typeOf(params.name));
      return store.stream(prefix + params.name).catch((err) => {
        if (err instanceof ObjectMissing) throw notFound('file in this snapshot');
        throw err;
      });
    },
  };
}

function editProblem({ issues }: { issues: { path: PropertyKey[]; message: string }[] }): string {
  const named = issues
    .slice(0, 10)
    .map(({ path, message }) => `${path.join('.') || 'the edits'}: ${message}`);
  return `These are no edits of a snapshot: ${named.join('; ')}.`;
}

/** Where the files of a snapshot are, `prefix` null while there are none; undefined when there is no such snapshot. */
async function readPlace(
  db: Db,
  id: string,
): Promise<Pick<SnapshotRow, 'prefix' | 'store_access'> | undefined> {
  const found = await db.query<Pick<SnapshotRow, 'prefix' | 'store_access'>>(
    'SELECT prefix, store_access FROM snapshots WHERE id = $1',
    [id],
  );
  return found.rows[0];
}

export async function readSnapshot(db: Db, id: string): Promise<Snapshot> {
  const row = (await db.query<SnapshotRow>(ONE, [id])).rows[0];
  if (!row) throw notFound('snapshot');
  return snapshotOf(row);
}

function snapshotOf({ created_at_us: createdAt, store_access: storeAccess, ...row }: SnapshotRow): Snapshot {
  return { ...row, storeAccess, createdAt };
}

function typeOf(name: string): string {
  if (name === ARTIFACTS.pairs) return 'application/zstd';
  return name.endsWith('.jsonl') ? 'application/x-ndjson' : 'application/json';
}
