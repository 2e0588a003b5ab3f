// The rows of an index batch into their tables: one INSERT … SELECT FROM unnest(…) for each table, because PostgreSQL
// refuses COPY into a table with row-level security. Statements are built once, from the column lists below.
import type { IndexRow, RollupPartial } from '@echoplane/traffic';
import type { Db } from './db.ts';
import { nameIds, serviceIds } from './dictionary.ts';
import { storedName as name, storedJson, storedText as text } from './stored-text.ts';
import { timestampOf } from './traffic-sql.ts';

interface Target {
  tenant: string;
  retentionDays: number;
}

/** A column: its name, its type on the way in, its value, and what it is cast to when that differs. */
type Column<T> = readonly [name: string, type: string, value: (item: T) => unknown, cast?: string];

interface Insert<T> {
  sql: string;
  columns: readonly Column<T>[];
}

/** `fixed` are columns with the same value in every row, given as the first parameters. */
function insert<T>(table: string, fixed: readonly string[], columns: readonly Column<T>[]): Insert<T> {
  const names = columns.map(([name]) => name).join(', ');
  const values = fixed.map((_, i) => `$${i + 1}`).join(', ');
  const picked = columns.map(([name, , , cast]) => (cast ? `t.${name}::${cast}` : `t.${name}`)).join(', ');
  const arrays = columns.map(([, type], i) => `$${fixed.length + i + 1}::${type}[]`).join(', ');
  const sql = `INSERT INTO ${table} (${fixed.join(', ')}, ${names})
    SELECT ${values}, ${picked} FROM unnest(${arrays}) AS t (${names})`;
  return { sql, columns };
}

async function run<T>(
  db: Db,
  { sql, columns }: Insert<T>,
  fixed: readonly unknown[],
  items: readonly T[],
): Promise<void> {
  if (items.length > 0) await db.query(sql, [...fixed, ...columns.map(([, , value]) => items.map(value))]);
}

const optional = (value: string | null) => (value === null ? null : text(value));

type RowWithIds = IndexRow & { serviceId: number; hostId: number; endpointId: number };

const ROWS = insert<RowWithIds>(
  'rrpairs',
  ['tenant_id', 'retention_days'],
  [
    ['ts', 'timestamptz', (row) => timestampOf(row.ts)],
    ['ts_us', 'bigint', (row) => row.ts],
    ['id', 'uuid', (row) => row.id],
    ['replay', 'text', (row) => name(row.tags.replay ?? '')],
    ['service_id', 'integer', (row) => row.serviceId],
    ['workload_kind', 'text', (row) => text(row.workloadKind)],
    ['peer', 'text', (row) => text(row.peer)],
    ['direction', 'text', (row) => row.direction],
    ['protocol', 'text', (row) => text(row.protocol)],
    ['method', 'text', (row) => text(row.method)],
    ['host_id', 'integer', (row) => row.hostId],
    ['path', 'text', (row) => text(row.path)],
    ['endpoint_id', 'integer', (row) => row.endpointId],
    ['status', 'integer', (row) => row.status],
    ['grpc_status', 'integer', (row) => row.grpcStatus],
    ['error', 'text', (row) => optional(row.error)],
    ['gaps', 'jsonb', (row) => row.gaps && storedJson(row.gaps)],
    ['latency_us', 'bigint', (row) => row.latencyUs],
    ['ttfb_us', 'bigint', (row) => row.ttfbUs],
    ['request_bytes', 'bigint', (row) => row.requestBytes],
    ['response_bytes', 'bigint', (row) => row.responseBytes],
    ['connection', 'text', (row) => text(row.connection)],
    ['seq', 'bigint', (row) => row.seq],
    ['session', 'text', (row) => optional(row.session)],
    ['trace_id', 'text', (row) => optional(row.traceId)],
    ['cause_id', 'uuid', (row) => row.cause?.id ?? null],
    ['cause_confidence', 'double precision', (row) => row.cause?.confidence ?? null],
    ['rule_version', 'text', (row) => optional(row.ruleVersion)],
    ['fold_weight', 'bigint', (row) => row.foldWeight],
    ['segment', 'uuid', (row) => row.segment],
    ['frame', 'integer', (row) => row.frame],
    ['frame_offset', 'bigint', (row) => row.frameOffset],
    ['frame_length', 'integer', (row) => row.frameLength],
    ['line', 'integer', (row) => row.line],
  ],
);

type Tag = { ts: number; pair: string; name: string; value: string };

const TAGS = insert<Tag>(
  'rrpair_tags',
  ['tenant_id', 'retention_days'],
  [
    ['ts', 'timestamptz', (tag) => timestampOf(tag.ts)],
    ['pair_id', 'uuid', (tag) => tag.pair],
    ['name', 'text', (tag) => name(tag.name)],
    ['value', 'text', (tag) => text(tag.value)],
  ],
);

type RollupWithIds = RollupPartial & { serviceId: number; endpointId: number };

const ROLLUPS = insert<RollupWithIds>(
  'rollups',
  ['tenant_id', 'segment', 'frame'],
  [
    ['minute_us', 'bigint', (rollup) => rollup.minute],
    ['replay', 'text', (rollup) => name(rollup.replay)],
    ['service_id', 'integer', (rollup) => rollup.serviceId],
    ['direction', 'text', (rollup) => rollup.direction],
    ['peer', 'text', (rollup) => text(rollup.peer)],
    ['endpoint_id', 'integer', (rollup) => rollup.endpointId],
    ['status_class', 'text', (rollup) => text(rollup.statusClass)],
    ['count', 'bigint', (rollup) => rollup.count],
    ['request_bytes', 'bigint', (rollup) => rollup.requestBytes],
    ['response_bytes', 'bigint', (rollup) => rollup.responseBytes],
    ['latency_sum_us', 'bigint', (rollup) => rollup.latencySumUs],
    // unnest() would flatten an array of arrays, so this one travels as text.
    ['latency_buckets', 'text', (rollup) => `{${rollup.latencyBuckets.join(',')}}`, 'integer[]'],
  ],
);

export async function insertRows(db: Db, target: Target, rows: readonly IndexRow[]): Promise<void> {
  const services = await serviceIds(
    db,
    target.tenant,
    rows.map((row) => ({ ...row, service: name(row.service) })),
  );
  const hosts = await nameIds(
    db,
    'hosts',
    target.tenant,
    rows.map((row) => name(row.host)),
  );
  const endpoints = await nameIds(
    db,
    'endpoints',
    target.tenant,
    rows.map((row) => name(row.endpoint)),
  );
  const withIds = rows.map((row) => ({
    ...row,
    serviceId: services.get(name(row.service))!,
    hostId: hosts.get(name(row.host))!,
    endpointId: endpoints.get(name(row.endpoint))!,
  }));
  await run(db, ROWS, [target.tenant, target.retentionDays], withIds);
}

export async function insertTags(db: Db, target: Target, rows: readonly IndexRow[]): Promise<void> {
  const tags = rows.flatMap(({ ts, id, tags }) =>
    Object.entries(tags).map(([name, value]) => ({ ts, pair: id, name, value })),
  );
  await run(db, TAGS, [target.tenant, target.retentionDays], tags);
}

export async function insertRollups(
  db: Db,
  at: { tenant: string; segment: string; frame: number },
  rollups: readonly RollupPartial[],
): Promise<void> {
  const services = await serviceIds(
    db,
    at.tenant,
    rollups.map((rollup) => partsOf(name(rollup.service))),
  );
  const endpoints = await nameIds(
    db,
    'endpoints',
    at.tenant,
    rollups.map((rollup) => name(rollup.endpoint)),
  );
  const withIds = rollups.map((rollup) => ({
    ...rollup,
    serviceId: services.get(name(rollup.service))!,
    endpointId: endpoints.get(name(rollup.endpoint))!,
  }));
  await run(db, ROLLUPS, [at.tenant, at.segment, at.frame], withIds);
}

/** A rollup names its service as one word: `cluster/namespace/name`. */
function partsOf(service: string) {
  const [cluster = '', namespace = '', ...workload] = service.split('/');
  return { service, cluster, namespace, workload: workload.join('/') };
}
