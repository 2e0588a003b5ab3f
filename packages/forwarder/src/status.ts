// What the forwarder says of itself: the status page and the metrics. Reads only.
import type { Sample } from '@echoplane/runtime';
import { type HopReport, pending } from '@echoplane/traffic';
import type { Flow } from './flow.ts';
import type { RulesSource } from './rules-source.ts';
import { openedAtOf } from './spool/segment-summary.ts';

/** Parts beside the flow that have something to say, by the name under which `/status` shows it. */
export type StatusParts = Record<string, () => unknown>;

/** `/status`: the forwarder, each sender with its books, the open segment, and how far the lines are behind. */
export function statusOf(flow: Flow, rules: RulesSource, parts: StatusParts, nowUs: number) {
  const { ledger, spool, ring, intake, indexLine, shipLine } = flow;
  const open = spool.openSegment;
  const since = indexLine.failingSinceUs;
  return {
    forwarder: withPending(ledger.own()),
    senders: ledger.streams.map(
      ({ incarnation, durable, taken, connected, identity, outcomes, report, seenUs }) => ({
        ...{ incarnation, connected, identity, lastBatch: durable, taken, outcomes },
        silentMs: connected ? 0 : Math.round((nowUs - seenUs) / 1000),
        ...(report ? withPending(report) : {}),
      }),
    ),
    openSegment: open && {
      segment: open.id,
      pairs: open.pairs,
      sizeBytes: open.sizeBytes,
      ageMs: Math.round((nowUs - openedAtOf(open.id)) / 1000),
    },
    lag: {
      ...{ frames: indexLine.lagFrames, segments: shipLine.lagSegments, failures: indexLine.failures },
      ...{ failingSegments: shipLine.failing, lostSegments: ledger.lost.length },
      awayMs: since === null ? 0 : Math.round((nowUs - since) / 1000),
    },
    spool: { sizeBytes: spool.spoolBytes, pendingBytes: spool.pendingBytes, trouble: spool.trouble },
    queuedBytes: intake.queuedBytes,
    ring: { sizeBytes: ring.sizeBytes, from: ring.fromUs, files: ring.files.length, skipped: ring.skipped },
    rules: { version: rules.version, error: rules.error, filters: rules.current.ruleSet.counts() },
    shippedSegments: shipLine.shipped,
    unredacted: flow.refinery.unredacted,
    ...Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part()])),
  };
}

const one = (type: 'gauge' | 'counter', name: string, help: string, value: number): Sample => ({
  ...{ name: `echoplane_forwarder_${name}`, help, type, values: [{ value }] },
});

const byReason = (name: string, help: string, counts: Record<string, number>): Sample => ({
  ...{ name: `echoplane_forwarder_${name}`, help, type: 'counter' as const },
  values: Object.entries(counts).map(([reason, value]) => ({ labels: { reason }, value })),
});

/** `/metrics`. */
export function samplesOf(flow: Flow, rules: RulesSource): Sample[] {
  const { ledger, spool, ring, intake, indexLine, shipLine } = flow;
  const { counters } = ledger.own();
  const connected = ledger.streams.filter((stream) => stream.connected).length;
  return [
    one('counter', 'captured_total', 'RRPairs taken on', counters.captured),
    one('counter', 'delivered_total', 'RRPairs in the index and whole in the store', counters.delivered),
    byReason('withheld_total', 'RRPairs held back on purpose, by reason', counters.withheld),
    byReason('dropped_total', 'RRPairs lost, by reason', counters.dropped),
    one('counter', 'shipped_segments_total', 'Segments shipped', shipLine.shipped),
    one(
      'counter',
      'unredacted_total',
      'RRPairs lost because redaction failed on them',
      flow.refinery.unredacted,
    ),
    one('counter', 'ring_skipped_total', 'Held RRPairs the ring could not keep', ring.skipped),
    filterSample(rules),
    one('gauge', 'streams', 'Capture streams connected', connected),
    one('gauge', 'queued_bytes', 'Bytes of batches that wait for their turn', intake.queuedBytes),
    one('gauge', 'spool_bytes', 'Bytes in the spool folder', spool.spoolBytes),
    one('gauge', 'ring_bytes', 'Bytes in the ring', ring.sizeBytes),
    one('gauge', 'pending_bytes', 'Bytes in memory, not yet durable', spool.pendingBytes),
    one('gauge', 'index_lag_frames', 'Frames the index has not taken yet', indexLine.lagFrames),
    one('gauge', 'ship_lag_segments', 'Closed segments not yet shipped', shipLine.lagSegments),
    one('gauge', 'ship_failing_segments', 'Segments whose last attempt failed', shipLine.failing),
  ];
}

/** How often each filter rule decided, or would have. */
function filterSample(rules: RulesSource): Sample {
  const values = rules.current.ruleSet.counts().map(({ rule, action, dryRun, matched }) => ({
    labels: { rule, action, dry_run: String(dryRun) },
    value: matched,
  }));
  return { name: 'echoplane_forwarder_filter_total', help: 'RRPairs a rule met', type: 'counter', values };
}

function withPending(report: HopReport) {
  const { hop, service, counters, incarnation } = report;
  return { hop, service, incarnation, counters, pending: pending(counters) };
}
