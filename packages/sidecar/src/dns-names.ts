// What the DNS relay has learned: the name by which an address was last asked for. Bounded; the address learned longest ago
// is forgotten first.
import type { Clock } from '@echoplane/runtime';
import type { AnsweredAddress } from './dns-answer.ts';
import type { DnsNames } from './host-names.ts';

const MAX_ADDRESSES = 10_000;
/** An app connects some time after it asked, and may keep an answer for longer than it should. */
const SHORTEST_LIFE_S = 60;
const LONGEST_LIFE_S = 86_400;

/** Names of up to 10,000 addresses. */
export class LearnedNames implements DnsNames {
  readonly #clock: Pick<Clock, 'nowUs'>;
  readonly #names = new Map<string, { name: string; untilUs: number }>();

  constructor(clock: Pick<Clock, 'nowUs'>) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#names.size;
  }

  learn(addresses: readonly AnsweredAddress[]): void {
    for (const { name, ip, ttlSeconds } of addresses) {
      const lifeS = Math.min(LONGEST_LIFE_S, Math.max(SHORTEST_LIFE_S, ttlSeconds));
      this.#names.delete(ip);
      this.#names.set(ip, { name, untilUs: this.#clock.nowUs() + lifeS * 1_000_000 });
      if (this.#names.size > MAX_ADDRESSES) this.#names.delete(this.#names.keys().next().value!);
    }
  }

  nameOf(ip: string): string | undefined {
    const known = this.#names.get(ip);
    if (known && known.untilUs > this.#clock.nowUs()) return known.name;
    this.#names.delete(ip);
    return undefined;
  }
}
