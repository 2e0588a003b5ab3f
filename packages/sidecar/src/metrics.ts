// What the sidecar counts beside its pairs: connections by what became of them. The names are the labels of `/metrics`;
// every label value comes from a closed list, so that their number is bounded.
import type { Sample } from '@echoplane/runtime';
import { count } from '@echoplane/traffic';
import type { CaptureCounters } from '@echoplane/wire';

const COUNTERS = {
  connections_captured: ['Connections whose bytes the capture sees.', 'direction'],
  connections_unseen: [
    'Connections passed through without capture: above the limit, or splice-only.',
    'direction',
  ],
  connections_refused: ['Connections closed at once: not redirected, or to a listener of our own.', 'reason'],
  connections_opaque: ['Connections that are not, or no longer, decoded.', 'reason'],
  connect_failures: ['Destinations that could not be reached.', 'direction'],
  requests_abandoned: ['Requests seen on connections that became opaque before their responses.', 'reason'],
  framing_errors: ['Errors of the capture itself; the connection went on as opaque.', 'direction'],
  tls_outbound: ['Outbound TLS connections by what was done with them.', 'outcome'],
  tls_inbound: ['Inbound TLS connections by what was done with them.', 'outcome'],
  diagnostics_lost: ['Packets and key lines the diagnostics dump does not have.', 'reason'],
  dns_messages: ['Messages of the DNS relay over UDP.', 'kind'],
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

const GAUGES = {
  connections: 'Connections captured at this moment.',
  capture_bytes: 'Bytes held by the capture of connections.',
  read_buffer_bytes: 'Bytes of the buffers that connections are read into.',
  queue_bytes: 'Bytes held for the forwarder.',
  forwarder_connected: '1 while the forwarder takes pairs.',
  splice_only: '1 while new connections are not captured, after an abnormal exit.',
  dns_names: 'Addresses whose name the DNS relay knows.',
} as const satisfies Record<string, string>;

/** What the gauges show at this moment. */
export type Gauges = Record<keyof typeof GAUGES, number | boolean>;

/** The gauges. */
export function gaugeSamples(gauges: Gauges): Sample[] {
  return Object.entries(GAUGES).map(([name, help]) => ({
    name: `echoplane_sidecar_${name}`,
    help,
    type: 'gauge',
    values: [{ value: Number(gauges[name as keyof Gauges]) }],
  }));
}

/** The capture stream's counters, as every hop has them, and the body bytes that were shed, by reason. */
export function streamSamples(
  counters: CaptureCounters,
  shedBytes: Readonly<Record<string, number>>,
): Sample[] {
  const total = (name: string, help: string, values: Sample['values']): Sample => ({
    name: `echoplane_${name}_total`,
    type: 'counter',
    help,
    values,
  });
  const byReason = (values: Readonly<Record<string, number>>) =>
    Object.entries(values).map(([reason, value]) => ({ labels: { reason }, value }));
  return [
    total('pairs_captured', 'RRPairs taken on.', [{ value: counters.captured }]),
    total('pairs_delivered', 'RRPairs the forwarder acknowledged.', [{ value: counters.delivered }]),
    total('pairs_withheld', 'RRPairs held back on purpose.', byReason(counters.withheld)),
    total('pairs_dropped', 'RRPairs lost.', byReason(counters.dropped)),
    total('sidecar_shed_body_bytes', 'Body bytes given up to keep their pairs.', byReason(shedBytes)),
  ];
}
