// Cookies that hold the time at which they were signed, as sessions without a store do: set anew by every answer, they are one
// within a second and another one in the next, so that a replay changes them between other answers than its recording
// did. A cookie that an answer repeats later than that is one that is kept. Bounded. Pure.
import type { Leaf } from '@echoplane/replay';
import type { RRPair, VolatileLeaf } from '@echoplane/traffic';

const MAX_VALUES = 10_000;
const SECOND_US = 1_000_000;
/** Reads that changed a cookie, at least: signing in does, too, but is no read. */
const MIN_CHANGED = 3;
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

export class RollingCookies {
  readonly #cookies = new Map<string, Rolling>();
  /** When a value came first, by path and value; the oldest goes. */
  readonly #since = new Map<string, number>();

  /** What an answer sets where its request had the same cookie. Pairs come in time order. */
  observe({ request, response, ts, durationUs }: RRPair, { asked, answered }: Leaves): void {
    const set = answered.filter(({ path }) => NAMED.test(path));
    if (set.length === 0) return;
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
