// When a test of a functional run may begin: when every test that had ended before it began in the recording has ended in
// the replay. So a service sees the same things done when it is asked as it had then, and no more at once. Pure.
//
//   recorded   A ├────────┤            C began after A had ended, and while B was under way:
//              B    ├──────────────┤   it waits for A, and not for B.
//              C             ├──┤
//
// A conversation is under way for long: what began after a step of it waits until it has come so far again.

/** Requests that began this close together (µs, recorded) and overlap keep their distance: the service may see who is first. */
const CLOSE_US = 50_000;

/** A test as the gate knows it: µs from the start of the recording. */
export interface RecordedSpan {
  startUs: number;
  endUs: number;
}

/** How far a test has come that others need not wait for to the end. */
export interface Steps {
  /** When its next step was taken in the recording, µs. */
  readonly nextUs: number;
}

interface InFlight extends RecordedSpan {
  steps: Steps | null;
  /** When it began in the replay. */
  liveUs: number;
}

export class RecordedGate {
  readonly #maxInFlight: number;
  readonly #inFlight = new Set<InFlight>();

  /** `maxInFlight`: with so many under way, the next one waits whatever the recording says. */
  constructor(maxInFlight: number) {
    this.#maxInFlight = maxInFlight;
  }

  /** How long `next` must wait, in µs: 0 when it may begin, Infinity when another one must end first. */
  waitUs(next: RecordedSpan, nowUs: number): number {
    if (this.#inFlight.size >= this.#maxInFlight) return Number.POSITIVE_INFINITY;
    let waitUs = 0;
    for (const { startUs, endUs, steps, liveUs } of this.#inFlight) {
      if (Math.min(endUs, steps?.nextUs ?? endUs) <= next.startUs) return Number.POSITIVE_INFINITY;
      const distanceUs = next.startUs - startUs;
      if (distanceUs < CLOSE_US) waitUs = Math.max(waitUs, liveUs + distanceUs - nowUs);
    }
    return waitUs;
  }

  /** A test has begun; call what is returned when it has ended. */
  begin({ startUs, endUs }: RecordedSpan, liveUs: number, steps: Steps | null = null): () => void {
    const begun = { startUs, endUs, steps, liveUs };
    this.#inFlight.add(begun);
    return () => this.#inFlight.delete(begun);
  }
}
