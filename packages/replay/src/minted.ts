// Tokens that a service makes of the second in which it is asked for them, as those against forged requests often are: two reads of one
// second get one token, and a replay may ask in two. That a read hands out tokens which it makes itself shows where it did so in
// the recording, in this place or, more than once, in the one that gave the token first. Bounded; it compares nothing.
import { leafPattern, type Test } from '@echoplane/traffic';
import type { Exchange } from './run-clock.ts';
import { SECOND_US } from './times.ts';

/** Beyond it the oldest goes. */
const MAX_TOKENS = 2_000;
const MAX_PLACES = 1_000;

export class Minted {
  readonly #first = new Map<string, { exchange: Exchange; place: string }>();
  /** How many new tokens reads handed out, by place. */
  readonly #places = new Map<string, number>();

  /** Notes what an answer hands out that no answer had before: recorded values, by the paths at which they stand. */
  add(test: Test, made: readonly [path: string, recorded: string][], exchange: Exchange): void {
    for (const [path, recorded] of made) {
      if (this.#first.has(recorded)) continue;
      if (this.#first.size >= MAX_TOKENS) this.#first.delete(this.#first.keys().next().value!);
      const place = placeOf(test, path);
      this.#first.set(recorded, { exchange, place });
      const known = this.#places.get(place);
      if (test.request.method === 'GET' && (known || this.#places.size < MAX_PLACES))
        this.#places.set(place, (known ?? 0) + 1);
    }
  }

  /** Whether a read gave a known token that is made anew each time in the second of its making, and was asked in another second now. */
  isOfAnotherSecond(test: Test, path: string, recorded: string, now: Exchange): boolean {
    const first = this.#first.get(recorded);
    if (!first) return false;
    // A form that is shown again, with what is wrong with it, is a page as the one that was read.
    if (test.request.method !== 'GET' && !OF_PAGE.test(leafPattern(path))) return false;
    const isMade = this.#places.has(placeOf(test, path)) || (this.#places.get(first.place) ?? 0) > 1;
    const secondOf = (us: number) => Math.floor(us / SECOND_US);
    const isOneSecond = secondOf(now.fromUs) <= secondOf(first.exchange.toUs);
    return isMade && isOneSecond && secondOf(now.liveToUs) > secondOf(first.exchange.liveFromUs);
  }
}

/** A field of a page, as what hands out tokens has it, and the page or the line in which it is compared. */
const OF_PAGE = /^body(?:$|\[\]$|\.(?:input|meta)\.)/;

function placeOf({ endpoint }: Test, path: string): string {
  const pattern = leafPattern(path);
  return `${endpoint} ${OF_PAGE.test(pattern) ? 'body' : pattern}`;
}
