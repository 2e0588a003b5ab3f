// So many a second for each key, with a reserve for bursts: a bucket a key, refilled by the clock.
import type { Clock } from '@echoplane/runtime';

export interface RateLimitOptions {
  perS: number;
  burst: number;
  /** Keys remembered; a new one takes the place of the one that was longest not seen. */
  maxKeys: number;
}

export class RateLimit {
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #options: RateLimitOptions;
  readonly #buckets = new Map<string, { left: number; atUs: number }>();

  constructor(clock: Pick<Clock, 'nowUs'>, options: RateLimitOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /** Whether `count` more are within the limit of `key`; then they are counted, else nothing is. */
  take(key: string, count = 1): boolean {
    const { perS, burst, maxKeys } = this.#options;
    const nowUs = this.#clock.nowUs();
    const { left: before, atUs } = this.#buckets.get(key) ?? { left: burst, atUs: nowUs };
    const left = Math.min(burst, before + (Math.max(0, nowUs - atUs) / 1e6) * perS);
    const isWithin = left >= count;
    this.#buckets.delete(key);
    this.#buckets.set(key, { left: isWithin ? left - count : left, atUs: nowUs });
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    return isWithin;
  }
}
