// What the forwarder says of itself: the status page and the metrics. Reads only.
import type { FaceStatus } from '@echoplane/resources';
import type { Sample } from '@echoplane/runtime';
import { type HopReport, pending } from '@echoplane/traffic';
import type { AgentHandle } from './agent/agent.ts';
import type { Flow } from './flow.ts';
import type { RulesSource } from './rules-source.ts';
import { openedAtOf } from './spool/segment-summary.ts';
import { VERSION } from './version.ts';

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

/** What the cluster face tells of it. */
export function faceStatusOf(
  flow: Flow,
  rules: RulesSource,
  {
    agent,
    ...told
  }: { agent: ReturnType<AgentHandle['status']> } & Pick<FaceStatus, 'cluster' | 'alarms' | 'names'>,
  nowUs: number,
): FaceStatus {
  const { ledger, spool, intake, indexLine, shipLine } = flow;
  const since = indexLine.failingSinceUs;
  return {
    ...{ version: VERSION, agent: agent.agent, ...told },
    link: { state: agent.state, trouble: agent.trouble },
    suspended: agent.suspended,
    rules: { version: rules.version, error: rules.error },
    lag: {
      ...{ frames: indexLine.lagFrames, segments: shipLine.lagSegments },
      awayMs: since === null ? 0 : Math.round((nowUs - since) / 1000),
    },
    spool: { sizeBytes: spool.spoolBytes, trouble: spool.trouble },
    streams: ledger.streams.filter(({ connected }) => connected).length,
    workloads: intake.workloads.list(nowUs),
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
    one(
      'gauge',
      'spool_max_bytes',
      'Bytes at which the oldest unshipped segment is given up',
      spool.maxBytes,
    ),
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
