// What the generator measures of itself: a process that stalls cannot tell the service's latency from its own, so its
// figures are declared void instead of being printed.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const MAX_P99_LAG_MS = 250;

export interface Lag {
  p99Ms: number;
  maxMs: number;
}

/** Watches the event loop from its construction until `stop`. */
export class SelfWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#histogram.enable();
  }

  stop(): Lag {
    this.#histogram.disable();
    // The histogram holds the whole interval between two ticks of its timer; lag is what exceeds the interval.
    const lag = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    return { p99Ms: lag(this.#histogram.percentile(99)), maxMs: lag(this.#histogram.max) };
  }
}

/** Why the figures of a run cannot be trusted, one sentence each; empty when they can. */
export function voidReasons(measured: { lag: Lag; undelivered: number; shedBytes: number }): string[] {
  const { lag, undelivered, shedBytes } = measured;
  const reasons: string[] = [];
  if (lag.p99Ms > MAX_P99_LAG_MS) {
    reasons.push(
      `the generator was stalled: its event loop lagged ${Math.round(lag.p99Ms)} ms at p99, more than ${MAX_P99_LAG_MS} ms`,
    );
  }
  if (undelivered > 0) reasons.push(`${undelivered} results were not delivered to the forwarder`);
  if (shedBytes > 0)
    reasons.push(`${shedBytes} bytes of response bodies were given up: the forwarder was too slow`);
  return reasons;
}
