// What collectors saw of a replay's pods: taken in once each, up to a bound for a replay, and listed by time.
import { createHash } from 'node:crypto';
import { Observation } from '@echoplane/api';
import type { z } from 'zod';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { readReplay } from './replays.ts';
import { storedText } from './stored-text.ts';

/** Kept of one replay; what comes after it is refused silently, because the collector counts what it leaves out itself. */
const MAX_KEPT = 100_000;

const ROOM = `SELECT count(*) AS n FROM (SELECT 1 FROM observations WHERE replay_id = $1 LIMIT ${MAX_KEPT}) AS kept`;
const INSERT = `INSERT INTO observations (tenant_id, replay_id, digest, at_us, kind, body)
  SELECT $1, $2, o.digest, o.at_us, o.kind, o.body
  FROM unnest($3::uuid[], $4::bigint[], $5::text[], $6::json[]) AS o (digest, at_us, kind, body)
  ON CONFLICT DO NOTHING`;
const list = (direction: 'ASC' | 'DESC') => `SELECT body FROM observations
  WHERE replay_id = $1 AND at_us > $2 AND ($3::text IS NULL OR kind = $3) ORDER BY at_us ${direction} LIMIT $4`;
const LIST = { oldest: list('ASC'), newest: list('DESC') };

export function observationHandlers({
  withTenant,
  withTenantIngest,
}: Services): Pick<Handlers, 'ingestObservations' | 'observations'> {
  return {
    async ingestObservations({ params: { id }, body: { observations }, principal }) {
      const tenant = principal.tenant.id;
      const accepted = await withTenantIngest(tenant, async (db) => {
        await readReplay(db, id);
        const room = MAX_KEPT - (await db.query<{ n: number }>(ROOM, [id])).rows[0]!.n;
        return insert(db, tenant, id, observations.slice(0, room));
      });
      return { accepted };
    },
    async observations({ params: { id }, query, principal }) {
      const rows = await withTenant(principal.tenant.id, async (db) => {
        await readReplay(db, id);
        const { after, kind, limit, order } = query;
        return (await db.query<{ body: unknown }>(LIST[order], [id, after, kind ?? null, limit])).rows;
      });
      return { items: rows.map(({ body }) => Observation.parse(body)) };
    },
  };
}

/** How many were new. */
async function insert(
  db: Db,
  tenant: string,
  replay: string,
  observations: readonly z.output<typeof Observation>[],
): Promise<number> {
  const bodies = observations.map((one) => storedText(JSON.stringify({ ...one, replay })));
  const digests = bodies.map((body) => createHash('sha256').update(body).digest('hex').slice(0, 32));
  const { rowCount } = await db.query(INSERT, [
    ...[tenant, replay, digests, observations.map(({ ts }) => ts)],
    ...[observations.map(({ kind }) => kind), bodies],
  ]);
  return rowCount ?? 0;
}
