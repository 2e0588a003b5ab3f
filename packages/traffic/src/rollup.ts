// Rollup partials: the per-minute counts from which every graph is drawn. They are append-only and merge by addition;
// the forwarder makes them, one set per frame, the segment's manifest repeats them, the control plane stores them.
// Latency is kept in log-linear buckets of at most 1.6 % error. Pure.
import { z } from 'zod';
import type { IndexRow } from './index-row.ts';
import { Direction } from './rrpair.ts';

export const RollupPartial = z.object({
  /** Start of the minute, µs since the epoch. */
  minute: z.int(),
  service: z.string(),
  direction: Direction,
  /** Dependency host for OUT, empty for IN. */
  peer: z.string(),
  endpoint: z.string(),
  /** `1xx` … `5xx`, `error` when there was no response. */
  statusClass: z.string(),
  /** Replay id the pairs belong to, empty for live traffic. */
  replay: z.string(),
  count: z.int(),
  requestBytes: z.int(),
  responseBytes: z.int(),
  latencySumUs: z.int(),
  /** Interleaved bucket number and count, ascending. */
  latencyBuckets: z.array(z.int()),
});
export type RollupPartial = z.infer<typeof RollupPartial>;

const SUB_BUCKETS = 32;
const MINUTE_US = 60_000_000;

/** Bucket of a latency in µs: exact below 32, then 32 linear steps per power of two. */
export function latencyBucket(us: number): number {
  if (us < SUB_BUCKETS) return Math.max(0, Math.floor(us));
  const exponent = Math.floor(Math.log2(us));
  const step = 2 ** (exponent - 5);
  return SUB_BUCKETS + (exponent - 5) * SUB_BUCKETS + Math.floor(us / step) - SUB_BUCKETS;
}

/** The middle of a bucket in µs. */
export function bucketValue(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket;
  const exponent = Math.floor((bucket - SUB_BUCKETS) / SUB_BUCKETS) + 5;
  const step = 2 ** (exponent - 5);
  return (((bucket - SUB_BUCKETS) % SUB_BUCKETS) + SUB_BUCKETS + 0.5) * step;
}

/** The value below which a share `q` (0..1) of the samples lies; null without samples. `buckets` is interleaved. */
export function quantile(buckets: readonly number[], q: number): number | null {
  let all = 0;
  for (let i = 1; i < buckets.length; i += 2) all += buckets[i]!;
  if (all === 0) return null;
  let left = Math.max(1, Math.ceil(q * all));
  for (let i = 0; i < buckets.length; i += 2) {
    left -= buckets[i + 1]!;
    if (left <= 0) return bucketValue(buckets[i]!);
  }
  return null;
}

/** Sum of two interleaved bucket lists. */
export function mergeBuckets(a: readonly number[], b: readonly number[]): number[] {
  const sums = new Map<number, number>();
  for (const list of [a, b]) {
    for (let i = 0; i < list.length; i += 2) sums.set(list[i]!, (sums.get(list[i]!) ?? 0) + list[i + 1]!);
  }
  return [...sums].sort((x, y) => x[0] - y[0]).flat();
}

export function statusClass(status: number | null): string {
  return status === null ? 'error' : `${Math.floor(status / 100)}xx`;
}

/** Later parts of a stream and what a WebSocket says are no requests of their own: the pair that began it was counted. */
function isContinuation({ part, protocol }: IndexRow): boolean {
  return protocol === 'websocket' || (part ?? 0) > 0;
}

/** The partials of a set of rows, one per minute, service, direction, peer, endpoint, status class and replay. */
export function rollupPartials(rows: Iterable<IndexRow>): RollupPartial[] {
  const partials = new Map<string, RollupPartial & { hits: Map<number, number> }>();
  for (const row of rows) {
    if (isContinuation(row)) continue;
    const minute = Math.floor(row.ts / MINUTE_US) * MINUTE_US;
    const peer = row.direction === 'OUT' ? row.peer : '';
    const cls = statusClass(row.status);
    const replay = row.tags.replay ?? '';
    const key = JSON.stringify([minute, row.service, row.direction, peer, row.endpoint, cls, replay]);
    let partial = partials.get(key);
    if (!partial) {
      const { service, direction, endpoint } = row;
      partial = {
        ...{ minute, service, direction, peer, endpoint, statusClass: cls, replay },
        ...{ count: 0, requestBytes: 0, responseBytes: 0, latencySumUs: 0, latencyBuckets: [] },
        hits: new Map(),
      };
      partials.set(key, partial);
    }
    partial.count += row.foldWeight;
    partial.requestBytes += row.requestBytes;
    partial.responseBytes += row.responseBytes;
    partial.latencySumUs += row.latencyUs;
    const bucket = latencyBucket(row.latencyUs);
    partial.hits.set(bucket, (partial.hits.get(bucket) ?? 0) + row.foldWeight);
  }
  return [...partials.values()].map(({ hits, ...partial }) => ({
    ...partial,
    latencyBuckets: [...hits].sort((a, b) => a[0] - b[0]).flat(),
  }));
}
