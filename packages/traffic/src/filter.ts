// The one filter: a typed predicate over a flat view of an RRPair. Capture rules, snapshot selection, the traffic list
// and the CLI all hold a `TrafficQuery`; `compileFilter` turns it into a function here, the control plane turns the
// same query into SQL. The expression language will compile to the same `Filter`.
import { z } from 'zod';
import { endpointOf } from './endpoint.ts';
import { requestLine } from './http-view.ts';
import { Direction, type RRPair, serviceOf } from './rrpair.ts';

/** The flat fields a filter may look at; the names are those of the filter language. */
export interface PairView {
  direction: Direction;
  protocol: string;
  method: string;
  path: string;
  host: string;
  endpoint: string;
  status: number | null;
  latencyMs: number;
  service: string;
  session: string | null;
  tags: Record<string, string>;
  /** µs since the epoch. */
  ts: number;
}

export type Filter = (view: PairView) => boolean;

/** All given fields must hold; an absent field holds for every pair. Times are µs since the epoch, `to` exclusive. */
export const TrafficQuery = z.object({
  direction: Direction.optional(),
  service: z.string().max(256).optional(),
  host: z.string().max(256).optional(),
  method: z.string().max(32).optional(),
  endpoint: z.string().max(1024).optional(),
  pathPrefix: z.string().max(1024).optional(),
  statusMin: z.int().min(0).max(999).optional(),
  statusMax: z.int().min(0).max(999).optional(),
  latencyMinMs: z.number().nonnegative().optional(),
  session: z.string().max(256).optional(),
  /** Id of a replay; without it only live traffic is meant. */
  replay: z.string().max(64).optional(),
  from: z.int().optional(),
  to: z.int().optional(),
});
export type TrafficQuery = z.infer<typeof TrafficQuery>;

export function viewOf(pair: RRPair): PairView {
  const { method, host, path } = requestLine(pair);
  return {
    ...{ direction: pair.direction, protocol: pair.protocol, method, path, host, endpoint: endpointOf(path) },
    status: pair.response?.status ?? null,
    latencyMs: pair.durationUs / 1000,
    service: serviceOf(pair.source),
    session: pair.session,
    tags: pair.tags,
    ts: pair.ts,
  };
}

/** The predicate of a query. */
export function compileFilter(query: TrafficQuery): Filter {
  const tests: Filter[] = [(v) => (v.tags.replay ?? '') === (query.replay ?? '')];
  const equal = (field: 'direction' | 'service' | 'host' | 'method' | 'endpoint' | 'session') => {
    const wanted = query[field];
    if (wanted !== undefined) tests.push((v) => v[field] === wanted);
  };
  for (const field of ['direction', 'service', 'host', 'method', 'endpoint', 'session'] as const)
    equal(field);
  const { pathPrefix, statusMin, statusMax, latencyMinMs, from, to } = query;
  if (pathPrefix !== undefined) tests.push((v) => v.path.startsWith(pathPrefix));
  if (statusMin !== undefined) tests.push((v) => v.status !== null && v.status >= statusMin);
  if (statusMax !== undefined) tests.push((v) => v.status !== null && v.status <= statusMax);
  if (latencyMinMs !== undefined) tests.push((v) => v.latencyMs >= latencyMinMs);
  if (from !== undefined) tests.push((v) => v.ts >= from);
  if (to !== undefined) tests.push((v) => v.ts < to);
  return (view) => tests.every((test) => test(view));
}
