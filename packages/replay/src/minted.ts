// Tokens that a service makes of the second in which it is asked for them, as those against forged requests often are: two reads of one
// second get one token, and a replay may ask in two. That a read hands out tokens which it makes itself shows where it did so in
// the recording, in the same place. Bounded; it compares nothing.
import { leafPattern, type Test } from '@echoplane/traffic';
import type { Exchange } from './run-clock.ts';
import { SECOND_US } from './times.ts';

/** Beyond it the oldest goes. */
const MAX_TOKENS = 2_000;
const MAX_PLACES = 1_000;

export class Minted {
  readonly #first = new Map<string, Exchange>();
  /** Where reads handed out tokens that were new. */
  readonly #places = new Set<string>();

  /** Notes what an answer hands out that no answer had before: recorded values, by the paths at which they stand. */
  add(test: Test, made: readonly [path: string, recorded: string][], exchange: Exchange): void {
    for (const [path, recorded] of made) {
      if (this.#first.has(recorded)) continue;
      if (this.#first.size >= MAX_TOKENS) this.#first.delete(this.#first.keys().next().value!);
      this.#first.set(recorded, exchange);
      if (test.request.method === 'GET' && this.#places.size < MAX_PLACES)
        this.#places.add(placeOf(test, path));
    }
  }

  /** Whether a read that makes tokens gave a known one in the second of its making, and was asked in another second now. */
  isOfAnotherSecond(test: Test, path: string, recorded: string, now: Exchange): boolean {
    const first = this.#first.get(recorded);
    if (!first || test.request.method !== 'GET' || !this.#places.has(placeOf(test, path))) return false;
    const secondOf = (us: number) => Math.floor(us / SECOND_US);
    const isOneSecond = secondOf(now.fromUs) <= secondOf(first.toUs);
    return isOneSecond && secondOf(now.liveToUs) > secondOf(first.liveFromUs);
  }
}

function placeOf({ endpoint }: Test, path: string): string {
  return `${endpoint} ${leafPattern(path)}`;
}
