// What the sidecar counts beside its pairs: connections by what became of them. The names are the labels of `/metrics`;
// every label value comes from a closed list, so that their number is bounded.
import type { Sample } from '@echoplane/runtime';
import { count } from '@echoplane/traffic';
import type { CaptureCounters } from '@echoplane/wire';

const COUNTERS = {
  connections_captured: ['Connections whose bytes the capture sees.', 'direction'],
  connections_unseen: ['Connections above the limit, passed through without capture.', 'direction'],
  connections_opaque: ['Connections that are not, or no longer, decoded.', 'reason'],
  connect_failures: ['Destinations that could not be reached.', 'direction'],
  requests_abandoned: ['Requests seen on connections that became opaque before their responses.', 'reason'],
  framing_errors: ['Errors of the capture itself; the connection went on as opaque.', 'direction'],
  tls_outbound: ['Outbound TLS connections by what was done with them.', 'outcome'],
  proxy_answers: ['Answers of the forward proxy itself.', 'status'],
} as const satisfies Record<string, readonly [help: string, label: string]>;

export type CounterName = keyof typeof COUNTERS;

/** The sidecar's own counters. */
export class Metrics {
  readonly #counts = new Map<CounterName, Record<string, number>>();

  count(name: CounterName, label: string, n = 1): void {
    if (n === 0) return;
    const byLabel = this.#counts.get(name) ?? {};
    count(byLabel, label, n);
    this.#counts.set(name, byLabel);
  }

  get(name: CounterName, label: string): number {
    return this.#counts.get(name)?.[label] ?? 0;
  }

  samples(): Sample[] {
    return Object.entries(COUNTERS).map(([name, [help, label]]) => ({
      name: `echoplane_sidecar_${name}_total`,
      help,
      type: 'counter',
      values: Object.entries(this.#counts.get(name as CounterName) ?? {}).map(([key, value]) => ({
        labels: { [label]: key },
        value,
      })),
    }));
  }
}

/** The capture stream's counters, and gauges of the moment. */
export function streamSamples(
  counters: CaptureCounters,
  gauges: { heldBytes: number; shedBodyBytes: number; connected: boolean; connections: number },
): Sample[] {
  const one = (name: string, type: Sample['type'], help: string, value: number): Sample => ({
    name: `echoplane_${name}`,
    type,
    help,
    values: [{ value }],
  });
  const byReason = (name: string, help: string, values: Record<string, number>): Sample => ({
    name: `echoplane_${name}`,
    type: 'counter',
    help,
    values: Object.entries(values).map(([reason, value]) => ({ labels: { reason }, value })),
  });
  return [
    one('pairs_captured_total', 'counter', 'RRPairs taken on.', counters.captured),
    one('pairs_delivered_total', 'counter', 'RRPairs the forwarder acknowledged.', counters.delivered),
    byReason('pairs_withheld_total', 'RRPairs held back on purpose.', counters.withheld),
    byReason('pairs_dropped_total', 'RRPairs lost.', counters.dropped),
    one(
      'sidecar_shed_body_bytes_total',
      'counter',
      'Body bytes given up to keep their pairs.',
      gauges.shedBodyBytes,
    ),
    one('sidecar_queue_bytes', 'gauge', 'Bytes held for the forwarder.', gauges.heldBytes),
    one(
      'sidecar_forwarder_connected',
      'gauge',
      '1 while the forwarder takes pairs.',
      Number(gauges.connected),
    ),
    one('sidecar_connections', 'gauge', 'Connections captured at this moment.', gauges.connections),
  ];
}
