// Small exact statistics over samples that fit in memory.
import type { Latency } from '@echoplane/traffic';

/** The middle value; 0 of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median absolute deviation: the usual distance from the median. */
export function medianAbsoluteDeviation(values: readonly number[]): number {
  const centre = median(values);
  return median(values.map((value) => Math.abs(value - centre)));
}

/** Percentiles by nearest rank. */
export function latencyOf(samplesUs: readonly number[]): Latency {
  const sorted = [...samplesUs].sort((a, b) => a - b);
  const rank = (q: number) =>
    sorted.length === 0 ? null : sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
  return {
    count: sorted.length,
    p50Us: rank(0.5),
    p95Us: rank(0.95),
    p99Us: rank(0.99),
    p999Us: rank(0.999),
  };
}
