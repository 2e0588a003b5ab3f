// What the forwarder says of itself: the status page and the metrics. Reads only.
import type { Sample } from '@echoplane/runtime';
import { type HopReport, pending } from '@echoplane/traffic';
import type { Flow } from './flow.ts';
import { openedAtOf } from './segment-summary.ts';

/** `/status`: the forwarder, each sender, the open segment, and how far the lines are behind. */
export function statusOf(flow: Flow, nowUs: number) {
  const { ledger, spool, indexLine, shipLine } = flow;
  const open = spool.openSegment;
  return {
    forwarder: withPending(ledger.own()),
    senders: ledger.streams.map(({ incarnation, durable, connected, identity, report }) => ({
      incarnation,
      connected,
      identity,
      lastBatch: durable,
      ...(report ? withPending(report) : {}),
    })),
    openSegment: open && {
      segment: open.id,
      pairs: open.pairs,
      sizeBytes: open.sizeBytes,
      ageMs: Math.round((nowUs - openedAtOf(open.id)) / 1000),
    },
    lag: { frames: indexLine.lagFrames, segments: shipLine.lagSegments, failures: indexLine.failures },
    spool: { sizeBytes: spool.spoolBytes, pendingBytes: spool.pendingBytes, trouble: spool.trouble },
    shippedSegments: shipLine.shipped,
  };
}

/** `/metrics`. */
export function samplesOf(flow: Flow): Sample[] {
  const { ledger, spool, indexLine, shipLine } = flow;
  const { counters } = ledger.own();
  const gauge = (name: string, help: string, value: number): Sample => ({
    name,
    help,
    type: 'gauge',
    values: [{ value }],
  });
  const counter = (name: string, help: string, value: number): Sample => ({
    name,
    help,
    type: 'counter',
    values: [{ value }],
  });
  const connected = ledger.streams.filter((stream) => stream.connected).length;
  return [
    counter('echoplane_forwarder_captured_total', 'RRPairs taken on', counters.captured),
    counter('echoplane_forwarder_delivered_total', 'RRPairs the index took', counters.delivered),
    {
      name: 'echoplane_forwarder_dropped_total',
      help: 'RRPairs lost, by reason',
      type: 'counter',
      values: Object.entries(counters.dropped).map(([reason, value]) => ({ labels: { reason }, value })),
    },
    counter(
      'echoplane_forwarder_shipped_segments_total',
      'Segments put into the object store',
      shipLine.shipped,
    ),
    gauge('echoplane_forwarder_streams', 'Capture streams connected', connected),
    gauge('echoplane_forwarder_spool_bytes', 'Bytes in the spool folder', spool.spoolBytes),
    gauge('echoplane_forwarder_pending_bytes', 'Bytes in memory, not yet durable', spool.pendingBytes),
    gauge('echoplane_forwarder_index_lag_frames', 'Frames the index has not taken yet', indexLine.lagFrames),
    gauge('echoplane_forwarder_ship_lag_segments', 'Closed segments not yet shipped', shipLine.lagSegments),
  ];
}

function withPending(report: HopReport) {
  const { hop, service, counters, incarnation } = report;
  return { hop, service, incarnation, counters, pending: pending(counters) };
}
