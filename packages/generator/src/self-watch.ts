// What the generator measures of itself: a process that stalls cannot tell the service's latency from its own, so its
// figures are declared void instead of being printed.
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 10;
const MAX_P99_LAG_MS = 250;
const MAX_LATE_START_MS = 1_000;
/** Requests that leave later than their schedule by more than this are another load than the one asked for. */
const MAX_P99_LATE_US = 100_000;

export interface Lag {
  p99Ms: number;
  maxMs: number;
}

/** Watches the event loop and the CPU from its construction until `stop`. */
export class SelfWatch {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  readonly #cpu = process.cpuUsage();
  readonly #startedMs = performance.now();

  constructor() {
    this.#histogram.enable();
  }

  /** What was seen since, with the share of one core that the process used. */
  stop(): { lag: Lag; cpuShare: number } {
    this.#histogram.disable();
    // The histogram holds the whole interval between two ticks of its timer; lag is what exceeds the interval.
    const lag = (ns: number) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    const p99 = this.#histogram.percentile(p99Of(this.#histogram.count));
    const { user, system } = process.cpuUsage(this.#cpu);
    return {
      lag: { p99Ms: lag(p99), maxMs: lag(this.#histogram.max) },
      cpuShare: (user + system) / 1000 / (performance.now() - this.#startedMs),
    };
  }
}

/** The percentile to ask for: of few samples the 99th would be the longest one, and one stall alone would void a short run. */
export function p99Of(samples: number): number {
  return Math.max(1, Math.min(99, 100 * (1 - 1.5 / samples)));
}

/** Why the figures of a run cannot be trusted, one sentence each; empty when they can. */
export function voidReasons(measured: {
  lag: Lag;
  undelivered: number;
  shedBytes: number;
  /** Conversations that a message ended which was longer than may be heard, and how long it may be. */
  tooLong?: number;
  messageLimitBytes?: number;
  /** Tests that a cancelled run left unsent. */
  cancelled?: number;
  /** Also when nobody can say how many there would have been. */
  isCancelled?: boolean;
  /** By how much requests left later than they were due, µs. */
  lateP99Us?: number;
  /** How long after the common start the run began, ms. */
  startedLateMs?: number;
}): string[] {
  const { lag, undelivered, shedBytes, cancelled = 0, startedLateMs = 0, lateP99Us = 0 } = measured;
  const reasons: string[] = [];
  if (cancelled > 0) reasons.push(`the run was cancelled: ${cancelled} tests were not sent`);
  else if (measured.isCancelled) reasons.push('the run was cancelled before its stages were over');
  if (lateP99Us > MAX_P99_LATE_US)
    reasons.push(
      `the generator was late: at p99 requests left ${Math.round(lateP99Us / 1000)} ms after they were due; use more workers, more generators or a lower rate`,
    );
  if (startedLateMs > MAX_LATE_START_MS)
    reasons.push(`the generator began ${Math.round(startedLateMs)} ms after the common start`);
  if (lag.p99Ms > MAX_P99_LAG_MS) {
    reasons.push(
      `the generator was stalled: its event loop lagged ${Math.round(lag.p99Ms)} ms at p99, more than ${MAX_P99_LAG_MS} ms`,
    );
  }
  if (measured.tooLong)
    reasons.push(
      `${measured.tooLong} conversations were ended by a message of more than ${measured.messageLimitBytes} bytes; raise ECHOPLANE_MESSAGE_LIMIT_BYTES`,
    );
  if (undelivered > 0) reasons.push(`${undelivered} results were not delivered to the forwarder`);
  if (shedBytes > 0)
    reasons.push(`${shedBytes} bytes of response bodies were given up: the forwarder was too slow`);
  return reasons;
}
