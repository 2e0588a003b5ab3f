// Accounted delivery: captured = delivered + withheld(reason) + dropped(reason) + pending, at every hop, from
// cumulative counters that carry the incarnation of the process that counted. Pure arithmetic and its schema.
import { z } from 'zod';

/** With at most this many reasons of at most this much each, the sums of a report stay exact: 26 · 2^48 < 2^53. */
const MAX_COUNT = 2 ** 48;
const MAX_REASONS = 12;

const Count = z.int().nonnegative().max(MAX_COUNT);
const CountByReason = z
  .record(z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/), Count)
  .refine((byReason) => Object.keys(byReason).length <= MAX_REASONS, `has more than ${MAX_REASONS} reasons`);

/** Cumulative since the start of `incarnation`; all in RRPairs. */
export const HopCounters = z.object({
  /** Pairs the hop took on. */
  captured: Count,
  /** Pairs the next hop acknowledged as durable. */
  delivered: Count,
  /** Held back on purpose, by reason: `filtered`, `sampled`, `folded`. */
  withheld: CountByReason,
  /** Lost, by reason: `queue-full`, `oversize`, `shutdown`, …. */
  dropped: CountByReason,
});
export type HopCounters = z.infer<typeof HopCounters>;

/** One life of one process. */
export const Incarnation = z.string().regex(/^[\w.-]{1,64}$/);

/**
 * What one process says of itself; `ring` is what a forwarder took back out of its ring, `import` what was read from files
 * or sent by others. A report of the same incarnation with larger figures replaces an earlier one. */
export const HopReport = z.object({
  hop: z.enum(['sidecar', 'generator', 'responder', 'forwarder', 'ring', 'import']),
  incarnation: Incarnation,
  /** Service the hop works for; for the forwarder its own name. */
  service: z.string().regex(/^[^\p{Cc}\p{Cs}]{1,800}$/u),
  counters: HopCounters,
});
export type HopReport = z.infer<typeof HopReport>;

/** Reports read back from a file: one that is not sound is left out, it must not cost what lies beside it. */
export const StoredReports = z
  .array(HopReport.nullable().catch(null))
  .transform((reports) => reports.filter((report) => report !== null));

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
