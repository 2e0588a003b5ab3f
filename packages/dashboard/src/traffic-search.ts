// The traffic page's address: its search parameters, and the queries of the API they stand for. Pure: the present is
// passed in. Whatever a person typed into the address bar becomes a valid search or is left out.

export const RANGES = { '5m': 300, '15m': 900, '1h': 3_600, '24h': 86_400, all: null } as const;
export type Range = keyof typeof RANGES;
export const DEFAULT_RANGE: Range = '1h';

/** Status filters and the inclusive bounds they mean. */
export const STATUS_CLASSES = {
  '1xx': [100, 199],
  '2xx': [200, 299],
  '3xx': [300, 399],
  '4xx': [400, 499],
  '5xx': [500, 599],
  errors: [400, 599],
} as const;
export type StatusClass = keyof typeof STATUS_CLASSES;

export interface TrafficSearch {
  service?: string;
  range?: Range;
  /** A span chosen in the graph, ms since the epoch, instead of a range; `to` exclusive. */
  from?: number;
  to?: number;
  direction?: 'IN' | 'OUT';
  method?: string;
  status?: StatusClass;
  host?: string;
  path?: string;
  minMs?: number;
  /** Pairs of this replay instead of live traffic. */
  replay?: string;
  /** The pair whose drawer is open. */
  pair?: string;
}

/** The fields that narrow the list but not the graph. */
export const LIST_FILTERS = ['direction', 'method', 'status', 'host', 'path', 'minMs'] as const;

/** A search read from anything; unknown and malformed fields are dropped. */
export function parseTrafficSearch(raw: Record<string, unknown>): TrafficSearch {
  const search: TrafficSearch = {};
  for (const field of ['service', 'method', 'host', 'path', 'replay', 'pair'] as const) {
    const value = raw[field];
    if (typeof value === 'string' && value !== '') search[field] = value;
    else if (typeof value === 'number') search[field] = String(value);
  }
  if (search.path && !search.path.startsWith('/')) search.path = `/${search.path}`;
  for (const field of ['from', 'to', 'minMs'] as const) {
    const value = Number(raw[field] ?? Number.NaN);
    if (Number.isFinite(value) && value >= 0) search[field] = value;
  }
  if (typeof raw.range === 'string' && Object.hasOwn(RANGES, raw.range)) search.range = raw.range as Range;
  if (typeof raw.status === 'string' && Object.hasOwn(STATUS_CLASSES, raw.status))
    search.status = raw.status as StatusClass;
  if (raw.direction === 'IN' || raw.direction === 'OUT') search.direction = raw.direction;
  return search;
}

/** The span a search means at `nowUs`, in µs; open ends are absent. */
export function spanOf(search: TrafficSearch, nowUs: number): { from?: number; to?: number } {
  if (search.from !== undefined && search.to !== undefined) {
    return { from: Math.floor(search.from * 1_000), to: Math.ceil(search.to * 1_000) };
  }
  const seconds = RANGES[search.range ?? DEFAULT_RANGE];
  return seconds === null ? {} : { from: nowUs - seconds * 1_000_000 };
}

/** Query of the graph. */
export function graphQuery(search: TrafficSearch, nowUs: number) {
  const { service, replay } = search;
  return { ...(service && { service }), ...(replay && { replay }), ...spanOf(search, nowUs) };
}

/** Query of the list, without paging. */
export function listQuery(search: TrafficSearch, nowUs: number) {
  const { direction, method, status, host, path, minMs } = search;
  return {
    ...graphQuery(search, nowUs),
    ...(direction && { direction }),
    ...(method && { method }),
    ...(status && { statusMin: STATUS_CLASSES[status][0], statusMax: STATUS_CLASSES[status][1] }),
    ...(host && { host }),
    ...(path && { pathPrefix: path }),
    ...(minMs && { latencyMinMs: minMs }),
  };
}

export function hasListFilters(search: TrafficSearch): boolean {
  return LIST_FILTERS.some((field) => search[field] !== undefined);
}

/** Whether new rows can still appear in the span. */
export function isLive(search: TrafficSearch): boolean {
  return search.to === undefined;
}
