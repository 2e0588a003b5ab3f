// When requests of an open model are due: made before the run from its stages, as arithmetic. Within a piece the rate changes
// linearly: after t seconds of it a + b·t requests per second are due and N(t) = a·t + b·t²/2 have been, so that the n-th is
// due at t = (√(a² + 2·b·n) − a) / b, or n / a where the rate does not change. Pure.
import type { LoadStage } from '@echoplane/traffic';
import { countOf, type LoadShare, WHOLE } from './load-share.ts';

export type RateStage = Pick<LoadStage, 'durationS' | 'rampS'> & { rps: number };

interface Piece {
  startS: number;
  /** Requests due before it. */
  before: number;
  /** Requests per second at its start. */
  rate: number;
  /** By how much the rate grows in a second. */
  slope: number;
}

/** What a schedule is made from; it can be handed to another thread. */
export interface ArrivalPlan {
  stages: readonly RateStage[];
  /** Requests of a stage without a duration. */
  once: number;
  /** The rate that the first stage ramps up from; 0 without it. */
  from?: number;
  /** Of these requests the ones of a worker: every second, say, from the first or from the second. All without it. */
  share?: LoadShare;
}

export class ArrivalSchedule {
  readonly plan: ArrivalPlan;
  /** Requests in all. */
  readonly count: number;
  readonly durationS: number;
  readonly #pieces: Piece[] = [];
  readonly #share: LoadShare;
  #at = 0;

  constructor(plan: ArrivalPlan) {
    this.plan = plan;
    const { stages, once, from = 0, share = WHOLE } = plan;
    this.#share = share;
    let [startS, before, rate] = [0, 0, from];
    for (const { durationS, rampS, rps } of stages) {
      let left = durationS === undefined ? once : Number.POSITIVE_INFINITY;
      const rampedS = Math.min(rampS, durationS ?? rampS);
      const flatS = durationS === undefined ? Number.POSITIVE_INFINITY : durationS - rampedS;
      const ramp = { rate, slope: (rps - rate) / rampS, seconds: rampedS };
      for (const { seconds, ...course } of [ramp, { rate: rps, slope: 0, seconds: flatS }]) {
        if (seconds <= 0 || left <= 0) continue;
        const due = Math.min(left, dueWithin(course, seconds));
        const tookS = due < left ? seconds : secondsFor(course, due);
        this.#pieces.push({ startS, before, ...course });
        startS += tookS;
        before += due;
        left -= due;
        rate = course.rate + course.slope * tookS;
      }
    }
    this.durationS = startS;
    // What rounding leaves of the last request is no request.
    this.count = countOf(share, Math.floor(before + 1e-6));
  }

  /** When the `own`-th of its requests (from 0) is due, µs from the start. Cheap when asked in order. */
  atUs(own: number): number {
    const { from, to } = this.#share;
    const n = (own + from) / (to - from);
    if (n < this.#pieces[this.#at]!.before) this.#at = 0;
    while (this.#at + 1 < this.#pieces.length && this.#pieces[this.#at + 1]!.before <= n) this.#at++;
    const piece = this.#pieces[this.#at]!;
    return (piece.startS + secondsFor(piece, n - piece.before)) * 1_000_000;
  }
}

function dueWithin({ rate, slope }: Pick<Piece, 'rate' | 'slope'>, seconds: number): number {
  return slope === 0 ? rate * seconds : rate * seconds + (slope * seconds * seconds) / 2;
}

function secondsFor({ rate, slope }: Pick<Piece, 'rate' | 'slope'>, due: number): number {
  return slope === 0 ? due / rate : (Math.sqrt(Math.max(0, rate * rate + 2 * slope * due)) - rate) / slope;
}
