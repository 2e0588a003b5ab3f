// Graphs and the list of services, from rollups alone: what they cost depends on minutes and endpoints, not on requests.
import type { ServiceList, TrafficGraph } from '@echoplane/api';
import { quantile } from '@echoplane/traffic';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';

const MINUTE_US = 60_000_000;
const MAX_POINTS = 120;
const DEFAULT_RANGE_US = 24 * 60 * MINUTE_US;

export function graphHandlers({ withTenant }: Services): Pick<Handlers, 'trafficGraph' | 'services'> {
  return {
    trafficGraph: ({ query, principal }) => withTenant(principal.tenant.id, (db) => trafficGraph(db, query)),
    services: ({ principal }) => withTenant(principal.tenant.id, listServices),
  };
}

interface GraphQuery {
  service?: string | undefined;
  replay?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
}

/** Which rollups: `$1` replay, `$2` service or null, `$3` from, `$4` to. */
const SELECTED = `FROM rollups r WHERE r.replay = $1
  AND ($2::text IS NULL OR r.service_id = (SELECT d.id FROM services d WHERE d.name = $2))
  AND r.minute_us >= $3 AND r.minute_us < $4`;
const COUNTS = `SELECT r.minute_us / $5 * $5 AS t, r.direction, sum(r.count)::bigint AS count,
    coalesce(sum(r.count) FILTER (WHERE r.status_class IN ('5xx', 'error')), 0)::bigint AS errors
  ${SELECTED} GROUP BY 1, 2`;
const LATENCIES = `SELECT r.minute_us / $5 * $5 AS t, r.direction, r.latency_buckets[i] AS bucket,
    sum(r.latency_buckets[i + 1])::bigint AS count
  FROM (SELECT r.* ${SELECTED}) r, generate_series(1, cardinality(r.latency_buckets), 2) AS i
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`;
const EXTENT = 'SELECT min(minute_us) AS first, max(minute_us) AS last FROM rollups WHERE replay = $1';

/** Points of at least a minute, at most 120 of them, with zeros where nothing came; errors are 5xx and no response. */
async function trafficGraph(db: Db, query: GraphQuery): Promise<TrafficGraph> {
  const replay = query.replay ?? '';
  const range = await rangeOf(db, replay, query);
  const stepUs = stepOf(range);
  const from = Math.floor(range.from / stepUs) * stepUs;
  const values = [replay, query.service ?? null, from, range.to, stepUs];
  const counts = await db.query<{ t: number; direction: string; count: number; errors: number }>(
    COUNTS,
    values,
  );
  const buckets = await db.query<{ t: number; direction: string; bucket: number; count: number }>(
    LATENCIES,
    values,
  );
  const countAt = new Map(counts.rows.map((row) => [`${row.direction} ${row.t}`, row]));
  const bucketsAt = new Map<string, number[]>();
  for (const { direction, t, bucket, count } of buckets.rows) {
    const name = `${direction} ${t}`;
    const list = bucketsAt.get(name) ?? [];
    list.push(bucket, count);
    bucketsAt.set(name, list);
  }
  const times = Array.from({ length: Math.ceil((range.to - from) / stepUs) }, (_, i) => from + i * stepUs);
  const pointAt = (direction: string, t: number) => {
    const { count, errors } = countAt.get(`${direction} ${t}`) ?? { count: 0, errors: 0 };
    const latency = bucketsAt.get(`${direction} ${t}`) ?? [];
    return { t, count, errors, p50Us: quantile(latency, 0.5), p95Us: quantile(latency, 0.95) };
  };
  const series = (['IN', 'OUT'] as const).map((direction) => ({
    direction,
    points: times.map((t) => pointAt(direction, t)),
  }));
  return { stepUs, series };
}

/** The asked range; without one, the last day that has traffic. */
async function rangeOf(db: Db, replay: string, query: GraphQuery): Promise<{ from: number; to: number }> {
  if (query.from !== undefined && query.to !== undefined) return { from: query.from, to: query.to };
  const extent = await db.query<{ first: number | null; last: number | null }>(EXTENT, [replay]);
  const { first, last } = extent.rows[0]!;
  const to = query.to ?? (last ?? 0) + MINUTE_US;
  return { to, from: query.from ?? Math.max(first ?? 0, to - DEFAULT_RANGE_US) };
}

/** Whole minutes; one point is kept for the step that `from` cuts. */
function stepOf({ from, to }: { from: number; to: number }): number {
  const minutes = Math.max(0, to - from) / MINUTE_US / (MAX_POINTS - 1);
  return Math.max(1, Math.ceil(minutes)) * MINUTE_US;
}

const SERVICES = `SELECT s.name AS service, max(r.minute_us) AS last_seen,
    coalesce(sum(r.count) FILTER (WHERE r.direction = 'IN'), 0)::bigint AS inbound,
    coalesce(sum(r.count) FILTER (WHERE r.direction = 'OUT'), 0)::bigint AS outbound,
    coalesce(array_agg(DISTINCT r.peer) FILTER (WHERE r.direction = 'OUT'), '{}') AS hosts
  FROM rollups r JOIN services s ON s.id = r.service_id WHERE r.replay = '' GROUP BY s.name ORDER BY s.name`;

/** Services with live traffic; `lastSeen` is the start of the last minute with some. */
async function listServices(db: Db): Promise<ServiceList> {
  const found = await db.query<{
    service: string;
    last_seen: number;
    inbound: number;
    outbound: number;
    hosts: string[];
  }>(SERVICES);
  return { items: found.rows.map(({ last_seen, ...row }) => ({ ...row, lastSeen: last_seen })) };
}
