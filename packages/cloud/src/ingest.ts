// What the data plane reports: index batches, shipped segments, counters. Each is one transaction and may come any number
// of times; (segment, frame) decides whether a batch is new.
import type { IndexBatch, SegmentShipped } from '@echoplane/api';
import { ObjectMissing, type ObjectStore } from '@echoplane/runtime';
import { type HopReport, segmentKey, total } from '@echoplane/traffic';
import type { z } from 'zod';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { insertRollups, insertRows, insertTags } from './index-batch.ts';
import { announceLanding } from './landed-frames.ts';
import { DAY_US, MAX_AHEAD_US, MAX_DAYS_BACK } from './partitions.ts';
import { ProblemError } from './problems.ts';

type Batch = z.output<typeof IndexBatch>;
type Shipped = z.output<typeof SegmentShipped>;

export function ingestHandlers(
  services: Services,
): Pick<Handlers, 'agent' | 'ingestIndex' | 'ingestSegment' | 'ingestReports'> {
  const { withTenantIngest, clock } = services;
  return {
    async agent({ principal }) {
      return { tenant: { id: principal.tenant.id, name: principal.tenant.name }, key: principal.actor };
    },
    async ingestIndex({ body, principal }) {
      const { id, retentionDays } = principal.tenant;
      checkBatch(body, clock.nowUs());
      await services.partitions.ensure(
        retentionDays,
        body.rows.map((row) => row.ts),
      );
      return withTenantIngest(id, (db) =>
        storeBatch(db, { tenant: id, retentionDays, nowUs: clock.nowUs() }, body),
      );
    },
    async ingestSegment({ body, principal }) {
      const tenant = principal.tenant.id;
      checkKey(body, tenant);
      if (body.via === 'store' && !(await withTenantIngest(tenant, (db) => isPrivate(db, body))))
        await checkObject(body, services.store);
      return withTenantIngest(tenant, (db) => storeSegment(db, tenant, body));
    },
    async ingestReports({ body, principal }) {
      const tenant = principal.tenant.id;
      await withTenantIngest(tenant, (db) =>
        storeReports(db, { tenant, nowUs: clock.nowUs() }, body.reports),
      );
    },
  };
}

/** Refuses rows that name another frame than their batch, and times no partition may be made for. */
function checkBatch(batch: Batch, nowUs: number): void {
  const errors: { path: string; message: string }[] = [];
  for (const [i, row] of batch.rows.entries()) {
    if (row.segment !== batch.segment || row.frame !== batch.frame) {
      errors.push({ path: `body.rows.${i}.segment`, message: 'is not the segment and frame of the batch' });
    }
    if (row.ts > nowUs + MAX_AHEAD_US || row.ts < nowUs - MAX_DAYS_BACK * DAY_US) {
      const reach = `more than ${MAX_AHEAD_US / 3_600_000_000} h ahead or ${MAX_DAYS_BACK} days back`;
      errors.push({ path: `body.rows.${i}.ts`, message: `is ${reach}` });
    }
  }
  if (errors.length > 0) {
    throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', errors);
  }
}

/** Whether the control plane may read the store of the agent `$4`; one that never registered has said nothing else. */
const ACCESS = "coalesce((SELECT a.store_access FROM agents a WHERE a.id = $4), 'delegated')";
const CLAIM_FRAME = `WITH opened AS (
    INSERT INTO segments (tenant_id, id, opened_at_us, agent, store_access) VALUES ($1, $2, $3, $4, ${ACCESS})
    ON CONFLICT DO NOTHING
  )
  INSERT INTO segment_frames (tenant_id, segment, frame, pairs) VALUES ($1, $2, $5, $6) ON CONFLICT DO NOTHING`;

async function storeBatch(
  db: Db,
  context: { tenant: string; retentionDays: number; nowUs: number },
  batch: Batch,
): Promise<{ rows: number; duplicate: boolean }> {
  const claimed = await db.query(CLAIM_FRAME, [
    ...[context.tenant, batch.segment, batch.openedAt, batch.agent ?? null],
    ...[batch.frame, batch.rows.length],
  ]);
  await storeReports(db, context, batch.reports);
  if (claimed.rowCount === 0) return { rows: 0, duplicate: true };
  await insertRows(db, context, batch.rows);
  await insertTags(db, context, batch.rows);
  await insertRollups(db, { ...context, segment: batch.segment, frame: batch.frame }, batch.rollups);
  return { rows: batch.rows.length, duplicate: false };
}

/**
 * The key must be the one that tenant, id and day of the manifest give, and the tenant the caller's: drill-in reads what
 * stands here, so this is what keeps one tenant from another's bytes.
 */
function checkKey({ key, manifest }: Shipped, tenant: string): void {
  if (manifest.tenant !== tenant || !key.startsWith(`${tenant}/segments/`)) {
    throw new ProblemError('forbidden', 'The segment is not of the tenant this key serves.');
  }
  if (key !== manifest.key || key !== segmentKey(tenant, manifest.segment, manifest.openedAt)) {
    const errors = [{ path: 'body.key', message: 'is not the key of its manifest' }];
    throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', errors);
  }
}

const IS_PRIVATE = `SELECT 1 FROM agents WHERE id = $1 AND store_access = 'private'
  UNION ALL SELECT 1 FROM segments WHERE id = $2 AND store_access = 'private'`;

/** Whether the bytes are where the control plane does not look: then the agent's word has to do. */
async function isPrivate(db: Db, { agent, manifest }: Shipped): Promise<boolean> {
  const found = await db.query(IS_PRIVATE, [agent ?? null, manifest.segment]);
  return found.rowCount !== 0;
}

async function checkObject({ key, sizeBytes }: Shipped, store: ObjectStore): Promise<void> {
  const stored = await store.size(key).catch((err) => {
    if (err instanceof ObjectMissing) return null;
    throw err;
  });
  if (stored !== sizeBytes) {
    const found = stored === null ? 'nothing' : `${stored} bytes`;
    throw new ProblemError(
      'conflict',
      `The store holds ${found} under this key instead of ${sizeBytes} bytes; ship the segment first.`,
    );
  }
}

/** Arriving after all ends a tombstone; what an agent said about its store stays with what it shipped under it. */
const STORE_SEGMENT = `INSERT INTO segments AS s
    (tenant_id, id, opened_at_us, agent, store_access, shipped, key, size_bytes, frames, pairs, via)
  VALUES ($1, $2, $3, $4, ${ACCESS}, true, $5, $6, $7, $8, $9)
  ON CONFLICT (tenant_id, id) DO UPDATE SET
    shipped = true, key = excluded.key, size_bytes = excluded.size_bytes, frames = excluded.frames, pairs = excluded.pairs,
    via = excluded.via, agent = coalesce(excluded.agent, s.agent),
    store_access = CASE WHEN excluded.agent IS NULL THEN s.store_access ELSE excluded.store_access END,
    lost_reason = NULL, lost_at_us = NULL
  WHERE NOT s.shipped`;

async function storeSegment(
  db: Db,
  tenant: string,
  body: Shipped,
): Promise<{ rows: number; duplicate: boolean }> {
  const { manifest } = body;
  const { agent = null, via } = body;
  if (via === 'firehose') {
    return { rows: manifest.pairs, duplicate: !(await announceLanding(db, tenant, manifest, agent)) };
  }
  const stored = await db.query(STORE_SEGMENT, [
    ...[tenant, manifest.segment, manifest.openedAt, agent, via === 'store' ? body.key : null],
    ...[body.sizeBytes, manifest.frames.length, manifest.pairs, via],
  ]);
  return { rows: manifest.pairs, duplicate: stored.rowCount === 0 };
}

/** Larger cumulative reports replace smaller ones of the same incarnation; late and repeated ones change nothing. */
async function storeReports(
  db: Db,
  context: { tenant: string; nowUs: number },
  reports: readonly HopReport[],
): Promise<void> {
  const largest = new Map<string, { report: HopReport; progress: number }>();
  for (const report of reports) {
    const { captured, delivered, withheld, dropped } = report.counters;
    const progress = captured + delivered + total(withheld) + total(dropped);
    const name = `${report.hop}/${report.incarnation}`;
    if (progress >= (largest.get(name)?.progress ?? 0)) largest.set(name, { report, progress });
  }
  if (largest.size === 0) return;
  // In one order, so that two batches never wait for each other.
  const sorted = [...largest].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  await db.query(
    `INSERT INTO hop_reports AS h
       (tenant_id, hop, incarnation, service, captured, delivered, withheld, dropped, progress, reported_at_us)
     SELECT $1, t.*, $2 FROM unnest($3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::jsonb[],
       $9::jsonb[], $10::bigint[]) AS t
     ON CONFLICT (tenant_id, hop, incarnation) DO UPDATE SET
       service = excluded.service, captured = excluded.captured, delivered = excluded.delivered,
       withheld = excluded.withheld, dropped = excluded.dropped, progress = excluded.progress,
       reported_at_us = excluded.reported_at_us
     WHERE excluded.progress > h.progress`,
    [
      ...[context.tenant, context.nowUs],
      sorted.map(({ report }) => report.hop),
      sorted.map(({ report }) => report.incarnation),
      sorted.map(({ report }) => report.service),
      sorted.map(({ report }) => report.counters.captured),
      sorted.map(({ report }) => report.counters.delivered),
      sorted.map(({ report }) => JSON.stringify(report.counters.withheld)),
      sorted.map(({ report }) => JSON.stringify(report.counters.dropped)),
      sorted.map(({ progress }) => progress),
    ],
  );
}
