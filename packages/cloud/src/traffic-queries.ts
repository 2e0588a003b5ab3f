// The traffic list and the drill-in: pages from the index, one RRPair from one frame of its segment.
import type { TrafficList, TrafficListQuery, TrafficRow } from '@echoplane/api';
import type { FramePosition, Gaps } from '@echoplane/traffic';
import type { z } from 'zod';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';
import { readPair } from './pair-reader.ts';
import { notFound, ProblemError } from './problems.ts';
import { budgetEndStatement, type Cursor, listStatement, PAIR_SQL, SCAN_BUDGET } from './traffic-sql.ts';

export function trafficHandlers({ withTenant, store }: Services): Pick<Handlers, 'traffic' | 'trafficPair'> {
  return {
    traffic: ({ query, principal }) => withTenant(principal.tenant.id, (db) => listTraffic(db, query)),
    async trafficPair({ params, principal }) {
      const found = await withTenant(principal.tenant.id, (db) =>
        db.query<RowColumns>(PAIR_SQL, [params.id]),
      );
      const columns = found.rows[0];
      if (!columns) throw notFound('RRPair');
      if (!columns.shipped || columns.key === null) {
        throw new ProblemError(
          'segment_open',
          'Headers and bodies are still in the cluster: they can be read once the segment is shipped, within about a minute.',
        );
      }
      const pair = await readPair(store, columns.key, { ...positionOf(columns), id: params.id });
      return { row: rowOf(columns), pair, position: positionOf(columns) };
    },
  };
}

/** A page of rows. `budget` is how many are looked at before it answers with what it has. */
export async function listTraffic(
  db: Db,
  input: z.output<typeof TrafficListQuery>,
  budget = SCAN_BUDGET,
): Promise<TrafficList> {
  const { limit, cursor: from, ...query } = input;
  const cursor = from === undefined ? null : decodeCursor(from);
  const found = await db.query<RowColumns>(listStatement(query, { limit: limit + 1, cursor, budget }));
  const items = found.rows.slice(0, limit).map(rowOf);
  if (found.rows.length > limit) return page(items, { tsUs: items.at(-1)!.ts, id: items.at(-1)!.id }, true);
  const end = await db.query<{ ts_us: number; id: string }>(budgetEndStatement(query, cursor, budget));
  const last = end.rows[0];
  return page(items, last ? { tsUs: last.ts_us, id: last.id } : null, last === undefined);
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

/** A row as `ROW_COLUMNS` gives it. */
interface RowColumns {
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
  tags: Record<string, string> | null;
}

function rowOf(row: RowColumns): TrafficRow {
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
    ...{ segment: row.segment, shipped: row.shipped },
  };
}

function positionOf(row: RowColumns): FramePosition {
  return {
    ...{ segment: row.segment, frame: row.frame, line: row.line },
    ...{ frameOffset: row.frame_offset, frameLength: row.frame_length },
  };
}
