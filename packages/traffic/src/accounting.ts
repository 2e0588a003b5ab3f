// Accounted delivery: captured = delivered + withheld(reason) + dropped(reason) + pending, at every hop, from
// cumulative counters that carry the incarnation of the process that counted. Pure arithmetic and its schema.
import { z } from 'zod';

const Count = z.int().nonnegative();

/** Cumulative since the start of `incarnation`; all in RRPairs. */
export const HopCounters = z.object({
  /** Pairs the hop took on. */
  captured: Count,
  /** Pairs the next hop acknowledged as durable. */
  delivered: Count,
  /** Held back on purpose, by reason: `filtered`, `sampled`, `folded`. */
  withheld: z.record(z.string(), Count),
  /** Lost, by reason: `queue-full`, `oversize`, `shutdown`, …. */
  dropped: z.record(z.string(), Count),
});
export type HopCounters = z.infer<typeof HopCounters>;

/** What one process says of itself. A report of the same incarnation with larger figures replaces an earlier one. */
export const HopReport = z.object({
  hop: z.enum(['sidecar', 'generator', 'responder', 'forwarder']),
  incarnation: z.string(),
  /** Service the hop works for; for the forwarder its own name. */
  service: z.string(),
  counters: HopCounters,
});
export type HopReport = z.infer<typeof HopReport>;

export function emptyCounters(): HopCounters {
  return { captured: 0, delivered: 0, withheld: {}, dropped: {} };
}

/** Pairs taken on that are neither delivered, withheld nor dropped yet: in flight while a process lives. */
export function pending(counters: HopCounters): number {
  return counters.captured - counters.delivered - total(counters.withheld) - total(counters.dropped);
}

export function total(byReason: Record<string, number>): number {
  return Object.values(byReason).reduce((sum, n) => sum + n, 0);
}

/** Adds `n` under `reason`. */
export function count(byReason: Record<string, number>, reason: string, n = 1): void {
  byReason[reason] = (byReason[reason] ?? 0) + n;
}
