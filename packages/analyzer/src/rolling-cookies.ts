// Cookies that hold the time at which they were signed, as sessions without a store do: set anew by every answer, they are one
// within a second and another one in the next, so that a replay changes them between other answers than its recording
// did. A cookie that an answer repeats later than that is one that is kept. And cookies that are another one wherever they are set,
// of which a client sent one back: whoever is new gets a name of his own, signed. Bounded. Pure.
import type { Leaf } from '@echoplane/replay';
import type { RRPair, VolatileLeaf } from '@echoplane/traffic';

const MAX_VALUES = 10_000;
const SECOND_US = 1_000_000;
/** Reads that changed a cookie, at least: signing in does, too, but is no read. */
const MIN_CHANGED = 3;
/** Answers that set a cookie, each to something else. */
const MIN_SET = 3;
/** Shorter ones hold settings. */
const MIN_CHARS = 24;
const NAMED = /^cookie\.[^;[\]]+$/;

/** Of one exchange. */
export interface Leaves {
  asked: readonly Leaf[];
  answered: readonly Leaf[];
}

interface Rolling {
  /** Answers to reads that set another value than the read had. */
  changed: number;
  /** Answers that repeat a value of their own second. */
  same: number;
  /** Answers that repeat an older one. */
  kept: number;
}

/** What was set under one name, by all answers. */
interface Made {
  values: Set<string>;
  hasRepeated: boolean;
  isSentBack: boolean;
}

export class RollingCookies {
  readonly #made = new Map<string, Made>();
  readonly #cookies = new Map<string, Rolling>();
  /** When a value came first, by path and value; the oldest goes. */
  readonly #since = new Map<string, number>();

  /** What an answer sets where its request had the same cookie. Pairs come in time order. */
  observe({ request, response, ts, durationUs }: RRPair, { asked, answered }: Leaves): void {
    const set = answered.filter(({ path }) => NAMED.test(path));
    this.#noteSentBack(asked);
    if (set.length === 0) return;
    this.#noteMade(set);
    const sent = new Map(asked.map((leaf) => [leaf.path, leaf.value]));
    const isRead = request!.method === 'GET' && response!.status < 300;
    for (const { path, value } of set) {
      const had = sent.get(path);
      const since = had === undefined ? undefined : this.#since.get(`${path}=${had}`);
      if (since !== undefined && had === value) this.#count(path, ts - since > SECOND_US ? 'kept' : 'same');
      if (since !== undefined && had !== value && isRead) this.#count(path, 'changed');
      this.#note(`${path}=${value}`, ts + durationUs);
    }
  }

  finish(): VolatileLeaf[] {
    return [...this.#cookies].flatMap(([path, { changed, same, kept }]): VolatileLeaf[] => {
      if (kept > 0 || same === 0 || changed < MIN_CHANGED) return [];
      return [{ path, kind: 'token', why: `is another one in each second: ${changed} reads changed it` }];
    });
  }

  /** Cookies that no two answers set alike, beside those of `finish`. */
  finishMade(): VolatileLeaf[] {
    return [...this.#made].flatMap(([path, { values, hasRepeated, isSentBack }]): VolatileLeaf[] => {
      if (hasRepeated || !isSentBack || values.size < MIN_SET) return [];
      return [{ path, kind: 'token', why: `was set ${values.size} times, each time to another value` }];
    });
  }

  #noteMade(set: readonly Leaf[]): void {
    for (const { path, value } of set) {
      if (String(value).length < MIN_CHARS) continue;
      const made = this.#made.get(path) ?? { values: new Set(), hasRepeated: false, isSentBack: false };
      if (this.#made.size >= MAX_VALUES && !this.#made.has(path)) continue;
      this.#made.set(path, made);
      if (made.values.has(String(value))) made.hasRepeated = true;
      else if (made.values.size < MAX_VALUES) made.values.add(String(value));
    }
  }

  #noteSentBack(asked: readonly Leaf[]): void {
    for (const { path, value } of asked) {
      const made = path.startsWith('cookie.') ? this.#made.get(path) : undefined;
      if (made?.values.has(String(value))) made.isSentBack = true;
    }
  }

  #count(path: string, what: keyof Rolling): void {
    const cookie = this.#cookies.get(path) ?? { changed: 0, same: 0, kept: 0 };
    this.#cookies.set(path, cookie);
    cookie[what]++;
  }

  #note(key: string, us: number): void {
    if (this.#since.has(key)) return;
    if (this.#since.size >= MAX_VALUES) this.#since.delete(this.#since.keys().next().value!);
    this.#since.set(key, us);
  }
}
