// How the time of a replay stands to that of its recording: which exchanges were when, then and now. Says whether a live time
// stands where its recorded one stood. Bounded; it has no clock of its own.
import { DAY_US, HOUR_US, type WrittenTime } from './times.ts';

/** An exchange, recorded and live; µs since the epoch. */
export interface Exchange {
  fromUs: number;
  toUs: number;
  liveFromUs: number;
  liveToUs: number;
}

const SLACK_US = 1_000_000;
/** Clocks, and rounding to milliseconds. */
const SKEW_US = 2_000;
/** Beyond it every second one is forgotten: neighbours still tell the time between. */
const MAX_EXCHANGES = 10_000;
/** Neighbours looked at on each side of a time. */
const MAX_NEIGHBOURS = 128;
/** A service that started before its first request did so within this. */
const STARTUP_US = DAY_US;

export class RunClock {
  /** By `fromUs`. */
  #exchanges: Exchange[] = [];
  #minShiftUs = Number.POSITIVE_INFINITY;
  #maxShiftUs = Number.NEGATIVE_INFINITY;

  add(exchange: Exchange): void {
    if (this.#exchanges.length >= MAX_EXCHANGES)
      this.#exchanges = this.#exchanges.filter((_, i) => i % 2 === 0);
    let at = this.#exchanges.length;
    while (at > 0 && this.#exchanges[at - 1]!.fromUs > exchange.fromUs) at--;
    if (at === this.#exchanges.length) this.#exchanges.push(exchange);
    else this.#exchanges.splice(at, 0, exchange);
    const shiftUs = exchange.liveFromUs - exchange.fromUs;
    this.#minShiftUs = Math.min(this.#minShiftUs, shiftUs);
    this.#maxShiftUs = Math.max(this.#maxShiftUs, shiftUs);
  }

  /** Whether `live` stands to the live exchange as `recorded` to the recorded one. `own` was added before. */
  stands(recorded: WrittenTime, live: WrittenTime, own: Exchange): boolean {
    if (recorded.form === 'date') return this.#isRightDay(recorded, live, own);
    const slackUs = SLACK_US + (recorded.precisionUs > SLACK_US ? recorded.precisionUs : 0);
    if (recorded.us > own.toUs + slackUs) return this.#isSameDistance(recorded, live, own, slackUs);
    // First, and not only as a neighbour: in a busy second there are more of them than are looked at.
    const near = [...(isDuring(recorded.us, own, slackUs) ? [own] : []), ...this.#near(recorded.us, slackUs)];
    if (near.some(({ liveFromUs, liveToUs }) => isWithin(live.us, liveFromUs, liveToUs, slackUs)))
      return true;
    // Written before the first request: nobody knows how long a service waits for one.
    const first = this.#exchanges[0]!;
    if (recorded.us < first.fromUs) return this.#isBeforeRun(recorded, live, first);
    return near.length === 0 && this.#isBetween(recorded, live, slackUs);
  }

  /** Whether recorded times lie in one exchange, and live times in the live one of it: it made them all. */
  areOfOneExchange(recordedUs: readonly [number, ...number[]], liveUs: readonly number[]): boolean {
    return this.#near(recordedUs[0], SKEW_US).some(
      (exchange) =>
        recordedUs.every((us) => isDuring(us, exchange, SKEW_US)) &&
        liveUs.every((us) => isWithin(us, exchange.liveFromUs, exchange.liveToUs, SKEW_US)),
    );
  }

  /** Whether a recorded time is of this run at all: not long before it, and not in a far future. */
  isOfRun(recorded: WrittenTime): boolean {
    const first = this.#exchanges[0];
    return first !== undefined && recorded.us > first.fromUs - STARTUP_US;
  }

  /** Whether a recorded time is not before the first exchange. */
  isInRun(recorded: WrittenTime): boolean {
    const first = this.#exchanges[0];
    return first !== undefined && recorded.us >= first.fromUs - SLACK_US;
  }

  /** Whether a live time is of this run, up to its exchange, where the recorded one was of its own. */
  isOfItsRun(recorded: WrittenTime, live: WrittenTime, own: Exchange): boolean {
    const slackUs = SLACK_US + (recorded.precisionUs > SLACK_US ? recorded.precisionUs : 0);
    const first = this.#exchanges[0]!;
    if (!isWithin(recorded.us, first.fromUs, own.toUs, slackUs)) return true;
    return isWithin(live.us, first.liveFromUs, own.liveToUs, slackUs);
  }

  /** An expiry: as far from the request as before, or shifted as the run is. */
  #isSameDistance(recorded: WrittenTime, live: WrittenTime, own: Exchange, slackUs: number): boolean {
    const shiftUs = live.us - recorded.us;
    const durationUs = Math.max(own.toUs - own.fromUs, own.liveToUs - own.liveFromUs);
    const ownShiftUs = own.liveFromUs - own.fromUs;
    return (
      Math.abs(shiftUs - ownShiftUs) <= slackUs + durationUs ||
      isWithin(shiftUs, this.#minShiftUs, this.#maxShiftUs, slackUs)
    );
  }

  /** Started with the service, or written relative to its start (sample data of thirty days ago). */
  #isBeforeRun(recorded: WrittenTime, live: WrittenTime, first: Exchange): boolean {
    const isAtStart = isWithin(live.us, first.liveFromUs - STARTUP_US, first.liveFromUs, SLACK_US);
    if (isAtStart) return true;
    return isWithin(live.us - recorded.us, this.#minShiftUs, this.#maxShiftUs, HOUR_US);
  }

  /** Between two exchanges: so it is live. */
  #isBetween(recorded: WrittenTime, live: WrittenTime, slackUs: number): boolean {
    const next = this.#firstAfter(recorded.us);
    const before = this.#exchanges[next - 1]!;
    const after = this.#exchanges[next];
    return live.us >= before.liveFromUs - slackUs && (!after || live.us <= after.liveToUs + slackUs);
  }

  #isRightDay(recorded: WrittenTime, live: WrittenTime, own: Exchange): boolean {
    const day = (us: number) => Math.floor(us / DAY_US);
    return (live.us - recorded.us) / DAY_US === day(own.liveFromUs) - day(own.fromUs);
  }

  /** The exchanges in which a recorded time lies. */
  #near(us: number, slackUs: number): Exchange[] {
    const near: Exchange[] = [];
    const next = this.#firstAfter(us);
    const hit = (exchange: Exchange) => isDuring(us, exchange, slackUs);
    for (let i = next - 1; i >= 0 && next - i <= MAX_NEIGHBOURS; i--)
      if (hit(this.#exchanges[i]!)) near.push(this.#exchanges[i]!);
    for (
      let i = next;
      i < this.#exchanges.length && hit(this.#exchanges[i]!) && i - next < MAX_NEIGHBOURS;
      i++
    )
      near.push(this.#exchanges[i]!);
    return near;
  }

  /** Index of the first exchange that began after a time. */
  #firstAfter(us: number): number {
    let low = 0;
    let high = this.#exchanges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#exchanges[middle]!.fromUs <= us) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a recorded time lies in an exchange. */
function isDuring(us: number, { fromUs, toUs }: Exchange, slackUs: number): boolean {
  return isWithin(us, fromUs, toUs, slackUs);
}

function isWithin(us: number, fromUs: number, toUs: number, slackUs: number): boolean {
  return us >= fromUs - slackUs && us <= toUs + slackUs;
}
