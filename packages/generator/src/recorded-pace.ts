// When a test of a functional run is due by the recording's pauses: a service that does things by the clock is asked as it
// was then. Pauses are kept from what went before, so that a slow answer moves the rest and shortens nothing. Pure.
import type { RecordedSpan } from './recorded-gate.ts';

/** A recording that spans more is replayed in this time, with its pauses in proportion. */
const MAX_SPAN_US = 60_000_000;

/** The factor of recorded pauses when nobody says one: 1, or less for a long recording. */
export function paceOf(spanUs: number): number {
  return spanUs <= MAX_SPAN_US ? 1 : MAX_SPAN_US / spanUs;
}

export class RecordedPace {
  readonly #factor: number;
  /** The test that began last. */
  #begun: (RecordedSpan & { liveUs: number }) | null = null;
  /** Of the tests that have ended, the one that had ended last. */
  #ended = { recordedUs: Number.NEGATIVE_INFINITY, liveUs: Number.NEGATIVE_INFINITY };

  constructor(factor: number) {
    this.#factor = factor;
  }

  /** The time (µs, live) before which a test is not to begin. */
  dueUs({ startUs }: RecordedSpan): number {
    const pauseUs = Math.max(0, startUs - this.#ended.recordedUs) * this.#factor;
    const afterPause = Number.isFinite(pauseUs) ? this.#ended.liveUs + pauseUs : Number.NEGATIVE_INFINITY;
    const begun = this.#begun;
    // What overlapped keeps its distance from the beginning of the one before.
    if (!begun || begun.endUs <= startUs) return afterPause;
    return Math.max(afterPause, begun.liveUs + (startUs - begun.startUs) * this.#factor);
  }

  begin(span: RecordedSpan, liveUs: number): void {
    this.#begun = { ...span, liveUs };
  }

  end({ endUs }: RecordedSpan, liveUs: number): void {
    if (endUs > this.#ended.recordedUs) this.#ended = { recordedUs: endUs, liveUs };
  }
}
