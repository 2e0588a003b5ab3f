// Erasures of a value as a resource. The value is sealed at once for each data plane that may hold it and kept nowhere
// else; each one's part is the work of a job. What is reported are counts.
import type { Erasure } from '@echoplane/api';
import { newId, seal } from '@echoplane/runtime';
import { audit } from './audit.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { enqueueJob } from './jobs.ts';
import { DAY_US } from './partitions.ts';
import { notFound, ProblemError } from './problems.ts';

/** Every data plane of late, for its own disk; and of each cluster the last, for its store. */
const AGENTS = `SELECT id, sealing_key FROM agents a WHERE seen_at_us >= $1
    OR seen_at_us = (SELECT max(b.seen_at_us) FROM agents b WHERE b.cluster = a.cluster)
  ORDER BY id`;
const RECENT_US = DAY_US;
const INSERT = 'INSERT INTO erasures (tenant_id, id, reason, created_at_us) VALUES ($1, $2, $3, $4)';
const INSERT_PART =
  'INSERT INTO erasure_parts (tenant_id, id, erasure, agent, sealed) VALUES ($1, $2, $3, $4, $5)';
const UNDER_WAY = `SELECT 1 FROM erasure_parts p JOIN jobs j ON j.kind = 'erasure' AND j.subject = p.id
  WHERE j.state IN ('queued', 'running') LIMIT 1`;
const ONE = 'SELECT id, reason, created_at_us FROM erasures WHERE id = $1';
const PARTS = `SELECT j.state, j.message, j.finished_at_us, p.segments, p.pairs, p.scanned_bytes, p.snapshots
  FROM erasure_parts p JOIN jobs j ON j.kind = 'erasure' AND j.subject = p.id WHERE p.erasure = $1`;

interface PartRow {
  state: JobState;
  message: string | null;
  finished_at_us: number | null;
  segments: number;
  pairs: number;
  scanned_bytes: number;
  snapshots: string[];
}
type JobState = Erasure['state'];
type Names = 'createErasure' | 'erasure';

export function erasureHandlers({ withTenant, clock, signer }: Services): Pick<Handlers, Names> {
  return {
    createErasure: ({ body: { value, reason }, principal, source }) =>
      withTenant(principal.tenant.id, async (db) => {
        const tenant = principal.tenant.id;
        const now = clock.nowUs();
        const id = newId(now);
        // Two at a time would each bring back what the other took out of the same segment.
        await db.query('SELECT pg_advisory_xact_lock(7246921, hashtext($1))', [tenant]);
        if ((await db.query(UNDER_WAY)).rowCount !== 0)
          throw new ProblemError('conflict', 'An erasure is under way; ask for the next when it is done.');
        const agents = await db.query<{ id: string; sealing_key: string }>(AGENTS, [now - RECENT_US]);
        if (agents.rows.length === 0)
          throw new ProblemError(
            'conflict',
            'No data plane is registered that could erase anything; start a forwarder first.',
          );
        await db.query(INSERT, [tenant, id, reason, now]);
        for (const { id: agent, sealing_key: key } of agents.rows) {
          const part = newId(clock.nowUs());
          await db.query(INSERT_PART, [tenant, part, id, agent, seal(key, Buffer.from(value))]);
          await enqueueJob(db, { tenant, kind: 'erasure', subject: part }, clock);
        }
        await audit(db, source, { action: 'create-erasure', subject: id, detail: { reason } });
        return { ...(await readErasure(db, id)), signed: null };
      }),
    async erasure({ params, principal }) {
      const { id: tenant } = principal.tenant;
      const erasure = await withTenant(tenant, (db) => readErasure(db, params.id));
      if (erasure.record === null) return { ...erasure, signed: null };
      const { id, reason, createdAt, finishedAt, record: counts } = erasure;
      const words = { record: 'erasure', tenant, id, reason, createdAt, finishedAt, counts };
      return { ...erasure, signed: await signer.signRecord(words) };
    },
  };
}

async function readErasure(db: Db, id: string): Promise<Omit<Erasure, 'signed'>> {
  const row = (await db.query<{ id: string; reason: string; created_at_us: number }>(ONE, [id])).rows[0];
  if (!row) throw notFound('erasure');
  const { rows: parts } = await db.query<PartRow>(PARTS, [id]);
  const state = stateOf(parts);
  const isDone = parts.every((part) => part.finished_at_us !== null);
  const sum = (key: 'segments' | 'pairs' | 'scanned_bytes') =>
    parts.reduce((total, part) => total + part[key], 0);
  return {
    ...{ id, reason: row.reason, state, createdAt: row.created_at_us },
    message: parts.find((part) => part.message !== null)?.message ?? null,
    finishedAt: isDone ? Math.max(...parts.map((part) => part.finished_at_us!)) : null,
    record:
      state === 'succeeded'
        ? {
            ...{ segments: sum('segments'), pairs: sum('pairs'), scannedBytes: sum('scanned_bytes') },
            snapshots: new Set(parts.flatMap((part) => part.snapshots)).size,
          }
        : null,
  };
}

/** An erasure is as far as its last part, and has failed when one has. */
function stateOf(parts: readonly PartRow[]): JobState {
  const order: JobState[] = ['failed', 'cancelled', 'running', 'queued'];
  return order.find((state) => parts.some((part) => part.state === state)) ?? 'succeeded';
}
