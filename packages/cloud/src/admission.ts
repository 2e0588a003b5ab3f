// How many data planes are let in a second: when thousands come back at once, most are told when to come again, spread so
// that they come at the rate at which they are let in. Arithmetic over a clock; whom it lets in it does not know.
import type { Clock } from '@echoplane/runtime';

const MAX_WAIT_S = 60;

export interface AdmissionOptions {
  perSecond: number;
  /** How many may come at once after a quiet time. */
  burst: number;
  random: () => number;
}

/** A token bucket that also counts whom it turned away. */
export class Admission {
  readonly #clock: Clock;
  readonly #options: AdmissionOptions;
  #tokens: number;
  /** Refused and not yet due again; it shrinks at the rate of admission. */
  #crowd = 0;
  #atUs: number;

  constructor(clock: Clock, options: AdmissionOptions) {
    this.#clock = clock;
    this.#options = options;
    this.#tokens = options.burst;
    this.#atUs = clock.nowUs();
  }

  /** Null when the caller may come in, otherwise the seconds after which it is to try again. */
  enter(): number | null {
    const { perSecond, burst, random } = this.#options;
    const nowUs = this.#clock.nowUs();
    const due = ((nowUs - this.#atUs) / 1e6) * perSecond;
    this.#atUs = nowUs;
    this.#tokens = Math.min(burst, this.#tokens + due);
    this.#crowd = Math.max(0, this.#crowd - due);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return null;
    }
    this.#crowd = Math.min(this.#crowd + 1, MAX_WAIT_S * perSecond);
    return 1 + Math.floor(random() * (this.#crowd / perSecond));
  }
}
