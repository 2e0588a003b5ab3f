// A TrafficQuery as SQL, the same predicate `compileFilter` gives in memory. Text is put together from constants only;
// whatever a caller sent is a parameter. Conditions are of two kinds: those an index answers bound what is scanned, the
// others are looked at row by row, within a budget.
import type { TrafficQuery } from '@echoplane/traffic';
import type { Span } from './partitions.ts';

export interface Statement {
  text: string;
  values: unknown[];
}

/** The last row of a page: lists go on after it. */
export interface Cursor {
  tsUs: number;
  id: string;
}

/** Rows a list looks at before it answers with what it has. */
export const SCAN_BUDGET = 200_000;

/** µs since the epoch as a timestamp, to the last µs. */
export function timestampOf(us: number): string {
  const seconds = Math.floor(us / 1e6);
  const micros = String(us - seconds * 1e6).padStart(6, '0');
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros}Z`;
}

class Parameters {
  readonly values: unknown[] = [];
  add(value: unknown): string {
    return `$${this.values.push(value)}`;
  }
}

/** Conditions on `r` that bound the part of an index that is read. */
function indexedConditions(query: TrafficQuery, params: Parameters): string[] {
  const conditions = [`r.replay = ${params.add(query.replay ?? '')}`];
  const named = (column: string, table: string, name: string | undefined) => {
    if (name === undefined) return;
    conditions.push(`r.${column} = (SELECT d.id FROM ${table} d WHERE d.name = ${params.add(name)})`);
  };
  named('service_id', 'services', query.service);
  named('endpoint_id', 'endpoints', query.endpoint);
  if (query.from !== undefined) conditions.push(`r.ts >= ${params.add(timestampOf(query.from))}`);
  if (query.to !== undefined) conditions.push(`r.ts < ${params.add(timestampOf(query.to))}`);
  return conditions;
}

/** Conditions on `r` that are looked at row by row. */
function scannedConditions(query: TrafficQuery, params: Parameters): string[] {
  const conditions: string[] = [];
  const add = (condition: (parameter: string) => string, value: unknown) => {
    if (value !== undefined) conditions.push(condition(params.add(value)));
  };
  add((p) => `r.host_id = (SELECT d.id FROM hosts d WHERE d.name = ${p})`, query.host);
  add((p) => `r.direction = ${p}`, query.direction);
  add((p) => `r.method = ${p}`, query.method);
  add((p) => `starts_with(r.path, ${p})`, query.pathPrefix);
  add((p) => `r.status >= ${p}`, query.statusMin);
  add((p) => `r.status <= ${p}`, query.statusMax);
  add((p) => `r.latency_us >= ${p}::double precision * 1000`, query.latencyMinMs);
  add((p) => `r.session = ${p}`, query.session);
  return conditions;
}

const where = (conditions: readonly string[]) =>
  conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;

function afterCursor(cursor: Cursor | null, params: Parameters): string[] {
  if (!cursor) return [];
  const ts = params.add(timestampOf(cursor.tsUs));
  // The first condition prunes partitions, which a row comparison does not.
  return [`r.ts <= ${ts}`, `(r.ts, r.id) < (${ts}, ${params.add(cursor.id)})`];
}

/** Times as constants of the statement: only they keep the planner from locking every partition. */
function spanConditions(alias: string, { from, to }: Span, params: Parameters): string {
  const [first, end] = [params.add(timestampOf(from)), params.add(timestampOf(to))];
  return `${alias}.ts >= ${first} AND ${alias}.ts < ${end}`;
}

/** Where a frame is that came through a delivery stream: not in its segment's object, but where it landed. */
const landedFrame = (alias: string) =>
  `LEFT JOIN landed_frames l ON l.segment = ${alias}.segment AND l.frame = ${alias}.frame`;
const placeOf = (alias: string) => `coalesce(l.object_offset, ${alias}.frame_offset) AS frame_offset,
  coalesce(l.object_length, ${alias}.frame_length) AS frame_length`;
const KEY = 'coalesce(l.object_key, g.key)';

/** Columns of a row as `TrafficRow` and `FramePosition` need them, from `p` (the row of this span) and its dictionaries. */
const rowColumns = (
  span: Span,
  params: Parameters,
) => `p.ts_us, p.id, s.cluster, s.namespace, p.workload_kind, s.workload, s.name AS service, p.peer,
  p.direction, p.protocol, p.method, h.name AS host, p.path, e.name AS endpoint, p.status, p.grpc_status, p.error, p.gaps,
  p.latency_us, p.ttfb_us, p.request_bytes, p.response_bytes, p.connection, p.seq, p.session, p.trace_id, p.cause_id,
  p.cause_confidence, p.rule_version, p.fold_weight, p.segment, p.frame, p.line, ${placeOf('p')}, ${KEY} AS key,
  g.shipped OR l.object_key IS NOT NULL AS shipped, g.store_access, g.agent, g.lost_reason,
  (SELECT jsonb_object_agg(t.name, t.value) FROM rrpair_tags t
    WHERE t.pair_id = p.id AND t.ts = p.ts AND ${spanConditions('t', span, params)}) AS tags`;
const DICTIONARIES = `JOIN services s ON s.id = p.service_id JOIN hosts h ON h.id = p.host_id
  JOIN endpoints e ON e.id = p.endpoint_id JOIN segments g ON g.id = p.segment
  ${landedFrame('p')}`;

/** One page, newest first, after looking at no more than `budget` rows. */
export function listStatement(
  query: TrafficQuery & Span,
  page: { limit: number; cursor: Cursor | null; budget: number },
): Statement {
  const params = new Parameters();
  const indexed = where([...indexedConditions(query, params), ...afterCursor(page.cursor, params)]);
  const scanned = where(scannedConditions(query, params));
  const text = `
    WITH p AS (
      SELECT r.* FROM (
        SELECT r.* FROM rrpairs r ${indexed} ORDER BY r.ts DESC, r.id DESC LIMIT ${params.add(page.budget)}
      ) r ${scanned} ORDER BY r.ts DESC, r.id DESC LIMIT ${params.add(page.limit)}
    )
    SELECT ${rowColumns(query, params)} FROM p ${DICTIONARIES} ORDER BY p.ts DESC, p.id DESC`;
  return { text, values: params.values };
}

/** The last row that `listStatement` looks at, and how many they are up to it; none when there is none. */
export function budgetEndStatement(query: TrafficQuery, cursor: Cursor | null, budget: number): Statement {
  const params = new Parameters();
  const indexed = where([...indexedConditions(query, params), ...afterCursor(cursor, params)]);
  const text = `SELECT ts_us, id, n FROM (
      SELECT r.ts_us, r.id, row_number() OVER (ORDER BY r.ts DESC, r.id DESC) AS n FROM rrpairs r ${indexed}
      ORDER BY r.ts DESC, r.id DESC LIMIT ${params.add(budget)}
    ) seen ORDER BY n DESC LIMIT 1`;
  return { text, values: params.values };
}

/** One row by its id, if its time is in the span. */
export function pairStatement(id: string, span: Span): Statement {
  const params = new Parameters();
  const text = `WITH p AS (
      SELECT r.* FROM rrpairs r WHERE r.id = ${params.add(id)} AND ${spanConditions('r', span, params)} LIMIT 1
    )
    SELECT ${rowColumns(span, params)} FROM p ${DICTIONARIES}`;
  return { text, values: params.values };
}

/** Rows whose segment will never arrive are in lists, and in nothing that is made of recorded bytes. */
const NOT_LOST = 'g.lost_at_us IS NULL';
const ASCENDING = 'ORDER BY r.segment, r.frame, r.line';

/** The place of every row of a selection, by segment, frame and line; rows of one frame come together. */
export function positionsStatement(query: TrafficQuery): Statement {
  const params = new Parameters();
  const conditions = where([
    ...[...indexedConditions(query, params), ...scannedConditions(query, params), NOT_LOST],
  ]);
  const text = `SELECT r.id, r.segment, r.frame, r.line, ${placeOf('r')}, ${KEY} AS key, g.shipped
    FROM rrpairs r JOIN segments g ON g.id = r.segment ${landedFrame('r')} ${conditions} ORDER BY r.segment, r.frame, r.line`;
  return { text, values: params.values };
}

export interface PositionKey {
  segment: string;
  frame: number;
  line: number;
}

/** One page of these places, after the last of the page before. */
export function positionsPageStatement(
  query: TrafficQuery,
  after: PositionKey | null,
  limit: number,
): Statement {
  const params = new Parameters();
  const conditions = [...indexedConditions(query, params), ...scannedConditions(query, params), NOT_LOST];
  if (after) {
    const place = [after.segment, after.frame, after.line].map((part) => params.add(part)).join(', ');
    conditions.push(`(r.segment, r.frame, r.line) > (${place})`);
  }
  const text = `SELECT r.id, r.segment, r.frame, r.line, ${placeOf('r')}, CASE WHEN g.shipped THEN ${KEY} END AS key
    FROM rrpairs r JOIN segments g ON g.id = r.segment ${landedFrame('r')} ${where(conditions)}
    ORDER BY r.segment, r.frame, r.line LIMIT ${params.add(limit)}`;
  return { text, values: params.values };
}

/** Rows of a selection that can be read, how many segments of theirs are not in the store yet, and rows that were lost. */
export function coverageStatement(query: TrafficQuery): Statement {
  const params = new Parameters();
  const conditions = where([...indexedConditions(query, params), ...scannedConditions(query, params)]);
  const text = `SELECT count(*) FILTER (WHERE ${NOT_LOST}) AS rows, count(*) FILTER (WHERE g.lost_at_us IS NOT NULL) AS lost,
      count(DISTINCT r.segment) FILTER (WHERE NOT g.shipped AND ${NOT_LOST}) AS open_segments
    FROM rrpairs r JOIN segments g ON g.id = r.segment ${conditions}`;
  return { text, values: params.values };
}

/** The stores in which the rows of a selection are, and the data planes that wrote them there. */
export function storesStatement(query: TrafficQuery): Statement {
  const params = new Parameters();
  const conditions = where([
    ...[...indexedConditions(query, params), ...scannedConditions(query, params), NOT_LOST],
  ]);
  const text = `SELECT DISTINCT g.store_access AS access, g.agent
    FROM rrpairs r JOIN segments g ON g.id = r.segment ${conditions}`;
  return { text, values: params.values };
}

/** As `positionsStatement`, the newest segments first. */
export function newestPositionsStatement(query: TrafficQuery): Statement {
  const { text, values } = positionsStatement(query);
  return { text: text.replace(ASCENDING, 'ORDER BY r.segment DESC, r.frame DESC, r.line DESC'), values };
}

/** Rows by their ids, newest first, if their time is in the span. */
export function rowsStatement(ids: readonly string[], span: Span): Statement {
  const params = new Parameters();
  const text = `WITH p AS (
      SELECT r.* FROM rrpairs r WHERE r.id = ANY(${params.add(ids)}::uuid[]) AND ${spanConditions('r', span, params)}
    )
    SELECT ${rowColumns(span, params)} FROM p ${DICTIONARIES} ORDER BY p.ts DESC, p.id DESC`;
  return { text, values: params.values };
}
