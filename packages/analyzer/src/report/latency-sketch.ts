// Latencies of any number of requests in bounded memory: counts in bins as HDR histograms have them, exact below 2 ms and to
// a thousandth above. Percentiles, sums and ranks are read from it. Pure; it must not know what was measured.

import type { Latency } from '@echoplane/traffic';
import { decodeFromCompressedBase64, type JsHistogram } from 'hdr-histogram-js';

/** Values below are their own bin; above, every octave has half as many bins. */
const EXACT_US = 2_048;
const HALF = EXACT_US / 2;
/** Ten hours: what took longer counts as this. */
const MAX_US = 36_000_000_000;

export class LatencySketch {
  /** Count by lower bound of the bin, in µs. */
  readonly #bins = new Map<number, number>();
  #sorted: [number, number][] | null = null;
  #count = 0;
  #sum = 0;
  #max = 0;
  #min = Number.POSITIVE_INFINITY;

  static of(samplesUs: Iterable<number>): LatencySketch {
    const sketch = new LatencySketch();
    for (const sample of samplesUs) sketch.add(sample);
    return sketch;
  }

  /** All of them together. */
  static merged(sketches: Iterable<LatencySketch>): LatencySketch {
    const merged = new LatencySketch();
    for (const sketch of sketches) merged.merge(sketch);
    return merged;
  }

  get count(): number {
    return this.#count;
  }
  /** Null of nothing, as the others. */
  get meanUs(): number | null {
    return this.#count === 0 ? null : this.#sum / this.#count;
  }
  get minUs(): number | null {
    return this.#count === 0 ? null : this.#min;
  }
  get maxUs(): number | null {
    return this.#count === 0 ? null : this.#max;
  }
  get medianUs(): number {
    return this.percentileUs(0.5) ?? 0;
  }

  /** `times`: how often the value was seen. */
  add(us: number, times = 1): void {
    const value = Math.min(MAX_US, Math.max(0, Math.round(us)));
    const bin = lowerBound(value);
    this.#bins.set(bin, (this.#bins.get(bin) ?? 0) + times);
    this.#sorted = null;
    this.#count += times;
    this.#sum += value * times;
    this.#max = Math.max(this.#max, value);
    this.#min = Math.min(this.#min, value);
  }

  merge(other: LatencySketch): void {
    for (const [us, times] of other.#bins) this.#bins.set(us, (this.#bins.get(us) ?? 0) + times);
    this.#sorted = null;
    this.#count += other.#count;
    this.#sum += other.#sum;
    this.#max = Math.max(this.#max, other.#max);
    this.#min = Math.min(this.#min, other.#min);
  }

  /** By nearest rank, `share` 0..1; null of nothing. */
  percentileUs(share: number): number | null {
    if (this.#count === 0) return null;
    let left = Math.max(1, Math.ceil(share * this.#count - 1e-9));
    for (const [us, times] of this.bins()) {
      left -= times;
      // The middle of the bin, and never what was not measured.
      if (left <= 0) return Math.max(this.#min, Math.min(this.#max, us + (widthOf(us) >> 1)));
    }
    return this.#max;
  }

  /** Lower bounds in µs with their counts, rising. */
  bins(): readonly [number, number][] {
    this.#sorted ??= [...this.#bins].sort(([a], [b]) => a - b);
    return this.#sorted;
  }

  toLatency(): Latency {
    const at = (share: number) => this.percentileUs(share);
    return { count: this.#count, p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99), p999Us: at(0.999) };
  }
}

/** An HDR histogram in µs, V2 compressed, in base64. Throws when it is none. */
export function sketchOfHistogram(encoded: string): LatencySketch {
  const histogram = decodeFromCompressedBase64(encoded) as JsHistogram;
  const sketch = new LatencySketch();
  for (let at = 0; at < histogram.countsArrayLength; at++) {
    const times = histogram.getCountAtIndex(at);
    if (times > 0) sketch.add(histogram.medianEquivalentValue(histogram.valueFromIndex(at)), times);
  }
  return sketch;
}

function lowerBound(value: number): number {
  const width = widthOf(value);
  return Math.floor(value / width) * width;
}

function widthOf(value: number): number {
  return value < EXACT_US ? 1 : 2 ** Math.floor(Math.log2(value / HALF));
}
