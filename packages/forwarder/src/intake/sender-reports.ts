// What senders say of themselves, and what is to be said of one that will not speak again. Pure arithmetic on reports.
import { type HopCounters, HopReport, total } from '@echoplane/traffic';
import type { Hello } from '@echoplane/wire';

/** Reason of pairs that a process had taken on and not handed over when it died. */
export const UNKNOWN_CRASH = 'unknown-crash';

/** A sender's report from what a batch says of it, or null when it is not sound: it goes into files and to the control plane. */
export function senderReport(hello: Hello, counters: unknown): HopReport | null {
  const { hop, incarnation, cluster, namespace, workload } = hello;
  const service = `${cluster}/${namespace}/${workload}`;
  return HopReport.safeParse({ hop, incarnation, service, counters }).data ?? null;
}

/** Counters only grow. */
export function isLater(a: HopCounters, b: HopCounters): boolean {
  return progressOf(a) >= progressOf(b);
}

function progressOf({ captured, delivered, withheld, dropped }: HopCounters): number {
  return captured + delivered + total(withheld) + total(dropped);
}

/**
 * `taken`: see Stream. The last report of a sender that died, closed: what we have of it was delivered, even if it never learnt so, and what
 * it had taken on beside that is lost. Null when there is nothing to close. What it captured after that report nobody
 * knows; it is at most what its queue holds.
 */
export function crashReport(last: HopReport, taken: number): HopReport | null {
  const { captured, delivered, withheld, dropped } = last.counters;
  const known = Math.max(delivered, taken);
  const unknown = captured - known - total(withheld) - total(dropped);
  if (unknown < 0 || (unknown === 0 && known === delivered)) return null;
  const lost =
    unknown > 0 ? { ...dropped, [UNKNOWN_CRASH]: (dropped[UNKNOWN_CRASH] ?? 0) + unknown } : dropped;
  return { ...last, counters: { captured, delivered: known, withheld, dropped: lost } };
}
