// The traffic list and the drill-in: pages from the index, a few days of it at a time, and one RRPair from one frame of its
// segment.
import type { TrafficList, TrafficListQuery, TrafficRow } from '@echoplane/api';
import { readPair } from '@echoplane/archive';
import type { FramePosition, Gaps, RRPair, TrafficQuery } from '@echoplane/traffic';
import type { z } from 'zod';
import type { Principal } from './auth.ts';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { PairFetcher } from './pair-fetch.ts';
import { keptSpan, newestFirst, type Span } from './partitions.ts';
import { notFound, ProblemError } from './problems.ts';
import { budgetEndStatement, type Cursor, listStatement, pairStatement, SCAN_BUDGET } from './traffic-sql.ts';

type Names = 'traffic' | 'trafficPair';

export function trafficHandlers(services: Services): Pick<Handlers, Names> {
  const { withTenant, clock } = services;
  const fetcher = new PairFetcher(services);
  const keptBy = ({ tenant }: Principal, range: Parameters<typeof keptSpan>[0]) =>
    keptSpan(range, tenant.retentionDays, clock.nowUs());
  return {
    traffic: ({ query, principal }) =>
      listTraffic((work) => withTenant(principal.tenant.id, work), { ...query, ...keptBy(principal, query) }),
    async trafficPair({ params, principal }) {
      const inTenant: InTenant = (work) => withTenant(principal.tenant.id, work);
      const columns = await findPair(inTenant, params.id, keptBy(principal, {}));
      if (!columns) throw notFound('RRPair');
      const pair = await readBytes(services, fetcher, principal.tenant.id, columns);
      return { row: rowOf(columns), pair, position: positionOf(columns) };
    },
  };
}

/** The recorded bytes of a row: from the store when they are there and may be read, otherwise from the agent that has them. */
async function readBytes(
  { store }: Services,
  fetcher: PairFetcher,
  tenant: string,
  row: RowColumns,
): Promise<RRPair> {
  const { id } = row;
  const position = positionOf(row);
  if (row.lost_reason !== null) {
    throw new ProblemError(
      'segment_lost',
      `Headers and bodies were lost before they were stored (${row.lost_reason}); only what this list shows is left.`,
    );
  }
  if (row.shipped && row.key !== null && row.store_access === 'delegated')
    return readPair(store, row.key, { ...position, id });
  if (row.agent === null) {
    throw new ProblemError(
      'segment_open',
      'Headers and bodies are still in the cluster: they can be read once the segment is shipped, within about a minute.',
    );
  }
  return fetcher.fetch(tenant, row.agent, { kind: 'fetch-pair', id, key: row.key, position });
}

/** One tenant's door. Each use is a transaction, and a transaction keeps the locks of every partition it looked at. */
type InTenant = <T>(work: (db: Db) => Promise<T>) => Promise<T>;

/** A page of rows. `budget` is how many are looked at before it answers with what it has. */
export async function listTraffic(
  inTenant: InTenant,
  input: z.output<typeof TrafficListQuery> & Span,
  budget = SCAN_BUDGET,
): Promise<TrafficList> {
  const { limit, cursor: position, from, ...query } = input;
  const cursor = position === undefined ? null : decodeCursor(position);
  const to = Math.min(query.to, cursor ? cursor.tsUs + 1 : query.to);
  const rows: RowColumns[] = [];
  let left = budget;
  for (const span of newestFirst({ from, to })) {
    const wanted = { limit: limit + 1 - rows.length, cursor, budget: left };
    const seen = await inTenant((db) => listSpan(db, { ...query, ...span }, wanted));
    rows.push(...seen.rows);
    if (rows.length > limit) {
      const items = rows.slice(0, limit).map(rowOf);
      return page(items, { tsUs: items.at(-1)!.ts, id: items.at(-1)!.id }, true);
    }
    left -= seen.scanned;
    if (left === 0) return page(rows.map(rowOf), seen.last, false);
  }
  return page(rows.map(rowOf), null, true);
}

/** The rows of one span; when they are fewer than wanted, also how many were looked at and the last of these. */
async function listSpan(
  db: Db,
  query: TrafficQuery & Span,
  wanted: { limit: number; cursor: Cursor | null; budget: number },
): Promise<{ rows: RowColumns[]; scanned: number; last: Cursor | null }> {
  const { rows } = await db.query<RowColumns>(listStatement(query, wanted));
  if (rows.length === wanted.limit) return { rows, scanned: 0, last: null };
  const end = await db.query<{ ts_us: number; id: string; n: number }>(
    budgetEndStatement(query, wanted.cursor, wanted.budget),
  );
  const last = end.rows[0];
  return { rows, scanned: last?.n ?? 0, last: last ? { tsUs: last.ts_us, id: last.id } : null };
}

async function findPair(inTenant: InTenant, id: string, kept: Span): Promise<RowColumns | null> {
  for (const span of newestFirst(kept)) {
    const found = await inTenant((db) => db.query<RowColumns>(pairStatement(id, span)));
    if (found.rows[0]) return found.rows[0];
  }
  return null;
}

function page(items: TrafficRow[], next: Cursor | null, complete: boolean): TrafficList {
  // One µs later than the last row seen: others may have its time and come on the next page.
  return { items, complete, cursor: next && encodeCursor(next), scannedUntil: next && next.tsUs + 1 };
}

function encodeCursor({ tsUs, id }: Cursor): string {
  return Buffer.from(`${tsUs} ${id}`).toString('base64url');
}

const CURSOR = /^(\d{1,16}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

function decodeCursor(text: string): Cursor {
  const match = CURSOR.exec(Buffer.from(text, 'base64url').toString());
  if (match) return { tsUs: Number(match[1]), id: match[2]! };
  throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
    { path: 'query.cursor', message: 'is not a cursor of a previous page' },
  ]);
}

/** A row as `rowColumns` names it. */
export interface RowColumns {
  ts_us: number;
  id: string;
  cluster: string;
  namespace: string;
  workload_kind: string;
  workload: string;
  service: string;
  peer: string;
  direction: 'IN' | 'OUT';
  protocol: string;
  method: string;
  host: string;
  path: string;
  endpoint: string;
  status: number | null;
  grpc_status: number | null;
  error: string | null;
  gaps: Gaps | null;
  latency_us: number;
  ttfb_us: number | null;
  request_bytes: number;
  response_bytes: number;
  connection: string;
  seq: number;
  session: string | null;
  trace_id: string | null;
  cause_id: string | null;
  cause_confidence: number | null;
  rule_version: string | null;
  fold_weight: number;
  segment: string;
  frame: number;
  frame_offset: number;
  frame_length: number;
  line: number;
  shipped: boolean;
  key: string | null;
  store_access: 'delegated' | 'private';
  agent: string | null;
  lost_reason: string | null;
  tags: Record<string, string> | null;
}

export function rowOf(row: RowColumns): TrafficRow {
  return {
    ...{ id: row.id, ts: row.ts_us, cluster: row.cluster, namespace: row.namespace },
    ...{ workloadKind: row.workload_kind, workload: row.workload, service: row.service, peer: row.peer },
    ...{
      direction: row.direction,
      protocol: row.protocol,
      method: row.method,
      host: row.host,
      path: row.path,
    },
    ...{
      endpoint: row.endpoint,
      status: row.status,
      grpcStatus: row.grpc_status,
      error: row.error,
      gaps: row.gaps,
    },
    ...{ latencyUs: row.latency_us, ttfbUs: row.ttfb_us },
    ...{ requestBytes: row.request_bytes, responseBytes: row.response_bytes },
    ...{ connection: row.connection, seq: row.seq, session: row.session, traceId: row.trace_id },
    cause: row.cause_id === null ? null : { id: row.cause_id, confidence: row.cause_confidence ?? 0 },
    ...{ ruleVersion: row.rule_version, foldWeight: row.fold_weight, tags: row.tags ?? {} },
    ...{ segment: row.segment, shipped: row.shipped, lost: row.lost_reason },
  };
}

function positionOf(row: RowColumns): FramePosition {
  return {
    ...{ segment: row.segment, frame: row.frame, line: row.line },
    ...{ frameOffset: row.frame_offset, frameLength: row.frame_length },
  };
}
