// How fast what an outage left behind may go out beside live traffic: a bucket of bytes that fills with time, on an
// injected clock. What is fresh never asks.
import type { Clock } from '@echoplane/runtime';

export class CatchUp {
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #bytesPerUs: number;
  #left: number;
  #atUs: number;

  constructor(clock: Pick<Clock, 'nowUs'>, bytesPerS: number) {
    this.#clock = clock;
    this.#bytesPerUs = bytesPerS / 1e6;
    this.#left = bytesPerS;
    this.#atUs = clock.nowUs();
  }

  /** 0 and the bytes are taken, or ms after which to ask again. One that is larger than a second's share is let through alone. */
  take(bytes: number): number {
    const now = this.#clock.nowUs();
    const second = this.#bytesPerUs * 1e6;
    // A clock that was set back gives nothing and takes nothing.
    this.#left = Math.min(second, this.#left + Math.max(0, now - this.#atUs) * this.#bytesPerUs);
    this.#atUs = now;
    const needed = Math.min(bytes, second);
    if (this.#left >= needed) {
      this.#left -= bytes;
      return 0;
    }
    return Math.ceil((needed - this.#left) / this.#bytesPerUs / 1000);
  }
}
