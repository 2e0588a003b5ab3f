// Times that clients make up from their own clock: now, a moment ago, soon, or so many whole minutes from now. They do in nearly every
// request of their place, and no answer gave them before. A replay sends them as far from its own requests. What is
// such a time is learned here; one that came from an answer is a token instead. Bounded; pure.
import { type Leaf, readTime, type Scalar } from '@echoplane/replay';
import type { Place } from './places.ts';
import { RecentTexts } from './recent-texts.ts';

const NEAR_US = 2_000_000;
const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;
/** Sooner than this it is reckoned from now, by whatever amount: a timeout, what is due in ten seconds. */
const SOON_US = 60 * MINUTE_US;
/** Longer from now a time is a date that somebody chose. */
const MAX_AWAY_US = 400 * 24 * 60 * MINUTE_US;
const MIN_SHARE = 0.8;
const MAX_TEXTS = 20_000;

/** How a leaf of a request is a client's time: made up now, or the one that it sent before. */
export type OwnTimeSign = 'now' | 'again';

/** A place of requests whose time is the client's own. */
export interface ClientTime {
  /** Key of the operation. */
  operation: string;
  /** A leaf pattern of the request. */
  path: string;
  count: number;
}

export class ClientTimeLearner {
  readonly #seen = new Map<Place, { near: number; all: number }>();
  /** Times that answers gave a moment ago, and that clients sent. */
  readonly #given = new RecentTexts(MAX_TEXTS);
  readonly #sent = new RecentTexts(MAX_TEXTS);
  #fromUs: number | undefined;

  /** A leaf of an answer. */
  answered(value: Scalar): void {
    const time = readTime(value);
    if (time && this.#isInRecording(time.us)) this.#given.add(String(value));
  }

  /** A leaf of a request that began at `atUs`, the first of all first; null when it is no time of the client's. */
  observe(place: Place, { value }: Leaf, atUs: number): OwnTimeSign | null {
    this.#fromUs ??= atUs;
    const time = readTime(value);
    const text = String(value);
    const isOwn = time !== null && this.#isMadeUp(time.us, atUs) && !this.#given.has(text);
    this.#count(place, isOwn);
    if (time === null || time.us % SECOND_US === 0) return isOwn ? 'now' : null;
    const isAgain = this.#sent.has(text);
    if (isOwn) this.#sent.add(text);
    return isAgain ? 'again' : isOwn ? 'now' : null;
  }

  /** Places are counted from their first time on. */
  #count(place: Place, isOwn: boolean): void {
    const seen = this.#seen.get(place) ?? { near: 0, all: 0 };
    if (isOwn) seen.near++;
    else if (seen.all === 0) return;
    seen.all++;
    this.#seen.set(place, seen);
  }

  #isInRecording(us: number): boolean {
    return us >= (this.#fromUs ?? Number.POSITIVE_INFINITY) - NEAR_US;
  }

  /** Of a time that is not now the part of a second tells that a clock was read: just before, or to reckon from. */
  #isMadeUp(us: number, atUs: number): boolean {
    const aheadUs = us - atUs;
    if (Math.abs(aheadUs) <= NEAR_US) return true;
    if (us % SECOND_US === 0 || Math.abs(aheadUs) > MAX_AWAY_US) return false;
    if (aheadUs < 0 ? this.#isInRecording(us) : aheadUs <= SOON_US) return true;
    return Math.abs(aheadUs - Math.round(aheadUs / MINUTE_US) * MINUTE_US) <= NEAR_US;
  }

  finish(): ClientTime[] {
    return [...this.#seen].flatMap(([{ operation, path }, { near, all }]) =>
      near < MIN_SHARE * all ? [] : [{ operation: operation.key, path, count: near }],
    );
  }
}
