// Where agents saw sensitive data: kinds, places and counts, never values. Each agent's entries replace its earlier ones;
// a list adds up over agents. At the bound a tenant's new entries are left out until old ones have aged away.
import { createHash } from 'node:crypto';
import type { Discovery, Heartbeat } from '@echoplane/api';
import type { z } from 'zod';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { storedText } from './stored-text.ts';

const MAX_ENTRIES = 20_000;
const LIST_LIMIT = 2_000;
const LIST = `SELECT service, direction, endpoint, path, kind, sum(count)::bigint AS count, max(last_seen_us) AS "lastSeen"
  FROM discoveries GROUP BY service, direction, endpoint, path, kind
  ORDER BY 7 DESC, 1, 2, 3, 4, 5 LIMIT ${LIST_LIMIT}`;
const REPLACE = `UPDATE discoveries d SET count = t.count, last_seen_us = t.last_seen_us
  FROM unnest($2::bytea[], $3::bigint[], $4::bigint[]) AS t (entry, count, last_seen_us)
  WHERE d.agent = $1 AND d.entry = t.entry RETURNING d.entry`;
const ADD = `INSERT INTO discoveries (tenant_id, agent, entry, service, direction, endpoint, path, kind, count, last_seen_us)
  SELECT $1, $2, t.* FROM unnest($3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
    $10::bigint[]) AS t ON CONFLICT DO NOTHING`;

type Beat = z.output<typeof Heartbeat>;
type Sighting = Beat['discoveries'][number];

export function discoveryHandlers({ withTenant }: Services): Pick<Handlers, 'discoveries'> {
  return {
    async discoveries({ principal }) {
      const found = await withTenant(principal.tenant.id, (db) => db.query<z.input<typeof Discovery>>(LIST));
      return { items: found.rows };
    },
  };
}

/** Stores what a heartbeat says was seen. */
export async function mergeDiscoveries(db: Db, tenant: string, { agent, discoveries }: Beat): Promise<void> {
  if (discoveries.length === 0) return;
  const entries = new Map(discoveries.map((seen) => [entryOf(seen).toString('hex'), seen]));
  const digests = [...entries.keys()].map((hex) => Buffer.from(hex, 'hex'));
  const seen = [...entries.values()];
  const replaced = await db.query<{ entry: Buffer }>(REPLACE, [
    ...[agent, digests, seen.map(({ count }) => count), seen.map(({ lastSeen }) => lastSeen)],
  ]);
  for (const { entry } of replaced.rows) entries.delete(entry.toString('hex'));
  if (entries.size > 0) await addEntries(db, { tenant, agent }, entries);
}

async function addEntries(
  db: Db,
  of: { tenant: string; agent: string },
  entries: Map<string, Sighting>,
): Promise<void> {
  const { rows } = await db.query<{ n: number }>('SELECT count(*) AS n FROM discoveries');
  const added = [...entries].slice(0, Math.max(0, MAX_ENTRIES - rows[0]!.n));
  const texts = (pick: (seen: Sighting) => string) => added.map(([, seen]) => storedText(pick(seen)));
  await db.query(ADD, [
    ...[of.tenant, of.agent, added.map(([hex]) => Buffer.from(hex, 'hex'))],
    ...[texts((seen) => seen.service), texts((seen) => seen.direction), texts((seen) => seen.endpoint)],
    ...[texts((seen) => seen.path), texts((seen) => seen.kind)],
    ...[added.map(([, { count }]) => count), added.map(([, { lastSeen }]) => lastSeen)],
  ]);
}

function entryOf({ service, direction, endpoint, path, kind }: Sighting): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([service, direction, endpoint, path, kind]))
    .digest();
}
