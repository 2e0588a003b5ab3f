// Accounted delivery as one page: the last report of every hop, how many rows the index and the store hold, and whether all
// of it adds up. What a forwarder calls delivered is indexed and in the store. It adds figures; who measured them is the
// hops' affair.
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
/** A lost segment counts as what its forwarder said was in it, where it did. */
const HELD = `SELECT
    coalesce(sum(f.pairs) FILTER (WHERE g.lost_at_us IS NULL), 0)::bigint AS indexed,
    coalesce(sum(f.pairs) FILTER (WHERE g.shipped), 0)::bigint AS stored,
    coalesce(sum(coalesce(g.pairs, f.pairs, 0)) FILTER (WHERE g.lost_at_us IS NOT NULL), 0)::bigint AS lost
  FROM segments g LEFT JOIN (SELECT segment, sum(pairs) AS pairs FROM segment_frames GROUP BY segment) f
    ON f.segment = g.id`;

/** RRPairs the control plane knows of. */
export type Held = Pick<Accounting, 'indexed' | 'stored' | 'lost'>;

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
  const held = (await db.query<Held>(HELD)).rows[0]!;
  const hops = found.rows.map(({ hop, incarnation, service, reported_at_us, ...counters }) => ({
    ...{ hop, incarnation, service, counters, pending: pending(counters), reportedAt: reported_at_us },
  }));
  return { hops, ...held, ...balance(hops, held) };
}

/** Whether every figure is explained, and in one sentence how, or where it is not. */
export function balance(hops: readonly Hop[], held: Held): { balanced: boolean; sentence: string } {
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
  if (forwarded !== held.stored)
    gaps.push(`the forwarder delivered ${forwarded}, the store holds ${held.stored}`);
  const open = held.indexed - held.stored;
  if (open > 0) gaps.push(`${open} are indexed and on their way to the store`);
  const lost = held.lost > 0 ? ` ${held.lost} were lost before they were stored.` : '';
  if (gaps.length > 0)
    return { balanced: false, sentence: `Of ${captured} captured, ${gaps.join('; ')}.${lost}` };
  return {
    balanced: true,
    sentence: `${captured} captured = ${held.stored} stored + ${withheld} withheld + ${dropped} dropped.${lost}`,
  };
}
