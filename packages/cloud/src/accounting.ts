// Accounted delivery as one page: the last report of every hop, how many rows the index holds, and whether all of it adds
// up. It adds figures; who measured them is the hops' affair.
import type { Accounting } from '@echoplane/api';
import { pending, total } from '@echoplane/traffic';
import type { Db } from './db.ts';
import type { Handlers, Services } from './handlers.ts';

type Hop = Accounting['hops'][number];

export function accountingHandlers({ withTenant }: Services): Pick<Handlers, 'accounting'> {
  return { accounting: ({ principal }) => withTenant(principal.tenant.id, readAccounting) };
}

const HOPS = `SELECT hop, incarnation, service, captured, delivered, withheld, dropped, reported_at_us
  FROM hop_reports ORDER BY hop, service, reported_at_us`;
const INDEXED = 'SELECT coalesce(sum(pairs), 0)::bigint AS indexed FROM segment_frames';

interface HopRow {
  hop: Hop['hop'];
  incarnation: string;
  service: string;
  captured: number;
  delivered: number;
  withheld: Record<string, number>;
  dropped: Record<string, number>;
  reported_at_us: number;
}

async function readAccounting(db: Db): Promise<Accounting> {
  const found = await db.query<HopRow>(HOPS);
  const indexed = (await db.query<{ indexed: number }>(INDEXED)).rows[0]!.indexed;
  const hops = found.rows.map(({ hop, incarnation, service, reported_at_us, ...counters }) => ({
    ...{ hop, incarnation, service, counters, pending: pending(counters), reportedAt: reported_at_us },
  }));
  return { hops, indexed, ...balance(hops, indexed) };
}

/** Whether every figure is explained, and in one sentence how, or where it is not. */
export function balance(hops: readonly Hop[], indexed: number): { balanced: boolean; sentence: string } {
  const forwarders = hops.filter((hop) => hop.hop === 'forwarder');
  const sources = hops.filter((hop) => hop.hop !== 'forwarder');
  const sum = (of: readonly Hop[], value: (hop: Hop) => number) =>
    of.reduce((all, hop) => all + value(hop), 0);
  const handedOver = sum(sources, (hop) => hop.counters.delivered);
  const taken = sum(forwarders, (hop) => hop.counters.captured);
  const forwarded = sum(forwarders, (hop) => hop.counters.delivered);
  const captured = sum(sources, (hop) => hop.counters.captured);
  const withheld = sum(hops, (hop) => total(hop.counters.withheld));
  const dropped = sum(hops, (hop) => total(hop.counters.dropped));
  const gaps: string[] = [];
  for (const hop of hops) {
    if (hop.pending > 0) gaps.push(`${hop.pending} are on their way in the ${hop.hop} of ${hop.service}`);
    if (hop.pending < 0)
      gaps.push(`the ${hop.hop} of ${hop.service} accounts for ${-hop.pending} more than it took on`);
  }
  if (handedOver !== taken) gaps.push(`${handedOver} were handed to the forwarder, which took on ${taken}`);
  if (forwarded !== indexed) gaps.push(`the forwarder delivered ${forwarded}, the index holds ${indexed}`);
  if (gaps.length > 0) return { balanced: false, sentence: `Of ${captured} captured, ${gaps.join('; ')}.` };
  return {
    balanced: true,
    sentence: `${captured} captured = ${indexed} indexed + ${withheld} withheld + ${dropped} dropped.`,
  };
}
