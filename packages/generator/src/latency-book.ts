// Latencies of all requests by endpoint, from when each was due, and by how much requests left late: HDR histograms in µs,
// exact to three digits up to an hour. Of endpoints past the bound there is one histogram. Call `ready` once before.
import type { GeneratorRun, Test } from '@echoplane/traffic';
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
  initWebAssembly,
} from 'hdr-histogram-js';

const MAX_ENDPOINTS = 500;
const OTHER = { method: '*', endpoint: 'other endpoints' };
const HOUR_US = 3_600_000_000;

const newHistogram = () =>
  build({
    ...{ lowestDiscernibleValue: 1, highestTrackableValue: HOUR_US, numberOfSignificantValueDigits: 3 },
    ...{ bitBucketSize: 32, useWebAssembly: true },
  });

/** The histogram of one endpoint. */
export interface EndpointLatency {
  method: string;
  endpoint: string;
  histogram: Histogram;
}

export class LatencyBook {
  readonly #endpoints = new Map<string, EndpointLatency>();
  readonly #late = newHistogram();

  static ready(): Promise<void> {
    return initWebAssembly();
  }

  /** Where the latencies of a test belong. */
  of({ request: { method }, endpoint }: Pick<Test, 'request' | 'endpoint'>): EndpointLatency {
    const isFull = this.#endpoints.size >= MAX_ENDPOINTS;
    return (
      this.#endpoints.get(`${method} ${endpoint}`) ??
      (isFull ? this.#entry(OTHER.method, OTHER.endpoint) : this.#entry(method, endpoint))
    );
  }

  note({ histogram }: EndpointLatency, latencyUs: number, lateUs: number): void {
    histogram.recordValue(within(latencyUs));
    this.#late.recordValue(within(lateUs));
  }

  summary(): { [K in 'histograms' | 'late']: NonNullable<GeneratorRun[K]> } {
    const late = (percentile: number) => this.#late.getValueAtPercentile(percentile);
    return {
      histograms: [...this.#endpoints.values()].map(({ method, endpoint, histogram }) => ({
        ...{ method, endpoint },
        encoded: encodeIntoCompressedBase64(histogram),
      })),
      late: { p50Us: late(50), p99Us: late(99), maxUs: this.#late.maxValue },
    };
  }

  #entry(method: string, endpoint: string): EndpointLatency {
    const key = `${method} ${endpoint}`;
    const entry = this.#endpoints.get(key) ?? { method, endpoint, histogram: newHistogram() };
    this.#endpoints.set(key, entry);
    return entry;
  }
}

/** Those of each endpoint added up. `LatencyBook.ready` first. */
export function addedHistograms(
  histograms: NonNullable<GeneratorRun['histograms']>,
): NonNullable<GeneratorRun['histograms']> {
  const byEndpoint = Map.groupBy(histograms, ({ method, endpoint }) => `${method} ${endpoint}`);
  return [...byEndpoint.values()].map(([first, ...others]) => {
    if (others.length === 0) return first!;
    const sum = newHistogram();
    for (const { encoded } of [first!, ...others]) {
      const one = decodeFromCompressedBase64(encoded, 32, true);
      sum.add(one);
      one.destroy();
    }
    const encoded = encodeIntoCompressedBase64(sum);
    sum.destroy();
    return { ...first!, encoded };
  });
}

function within(valueUs: number): number {
  return Math.min(Math.max(0, Math.round(valueUs)), HOUR_US);
}
