// Segments that will never arrive: their agents say so when they know, the worker when too much time has gone by. Their
// rows stay in lists, marked; a segment that arrives after all loses its mark.
import type { Tombstones } from '@echoplane/api';
import type { z } from 'zod';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';

/** A segment nobody heard of before gets a row, so that its pairs are counted. */
const BURY = `INSERT INTO segments AS s (tenant_id, id, opened_at_us, pairs, lost_reason, lost_at_us)
  SELECT $1, t.id, t.opened_at_us, t.pairs, t.reason, $2
  FROM unnest($3::uuid[], $4::bigint[], $5::bigint[], $6::text[]) AS t (id, opened_at_us, pairs, reason)
  ON CONFLICT (tenant_id, id) DO UPDATE SET
    pairs = excluded.pairs, lost_reason = excluded.lost_reason, lost_at_us = excluded.lost_at_us
  WHERE NOT s.shipped`;

export function tombstoneHandlers({ withTenantIngest, clock }: Services): Pick<Handlers, 'ingestTombstones'> {
  return {
    async ingestTombstones({ body, principal }) {
      const tenant = principal.tenant.id;
      await withTenantIngest(tenant, (db) => bury(db, tenant, body, clock.nowUs()));
    },
  };
}

async function bury(
  db: Db,
  tenant: string,
  { segments }: z.output<typeof Tombstones>,
  nowUs: number,
): Promise<void> {
  // Once each, and in one order, so that two calls never wait for each other.
  const once = new Map(segments.map((segment) => [segment.segment, segment]));
  const sorted = [...once.values()].sort((a, b) => (a.segment < b.segment ? -1 : 1));
  if (sorted.length === 0) return;
  await db.query(BURY, [
    ...[tenant, nowUs, sorted.map(({ segment }) => segment), sorted.map(({ openedAt }) => openedAt)],
    ...[sorted.map(({ pairs }) => pairs), sorted.map(({ reason }) => reason)],
  ]);
}
