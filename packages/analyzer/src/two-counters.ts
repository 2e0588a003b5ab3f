// Serial ids of two kinds of thing that one object gets at once: `{ globalId: 13, contentId: 15 }`, both higher than ever before.
// Counters of one service run side by side, so their numbers are often equal; one object does not get two numbers of one
// counter. Told by the names of their spaces. Bounded. Pure.
import { holderOf } from './object-facts.ts';

const MAX_SPACES = 2_000;
const MAX_PAIRS = 10_000;
/** What stood there before the recording may look new once. */
const MIN_OBJECTS = 2;

/** An id in an answer, by the space of its name. */
export interface Numbered {
  at: string;
  space: string;
  value: string;
}

export class TwoCounters {
  readonly #highest = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  /** The ids of an answer; only a write gives new ones. */
  observe(values: readonly Numbered[], isWrite: boolean): void {
    const numbers = values.filter(({ value }) => /^\d{1,12}$/.test(value));
    const born = isWrite ? numbers.filter(({ space, value }) => this.#isNew(space, Number(value))) : [];
    const byHolder = Map.groupBy(born, ({ at }) => holderOf(at));
    for (const list of byHolder.values()) {
      for (const [n, one] of list.entries())
        for (const other of list.slice(n + 1))
          if (one.space !== other.space && one.value !== other.value) this.#add(one.space, other.space);
    }
    for (const { space, value } of numbers) this.#raise(space, Number(value));
  }

  /** Whether values of the two are of two counters. */
  areTwo(one: string, other: string): boolean {
    return (this.#counts.get(pairOf(one, other)) ?? 0) >= MIN_OBJECTS;
  }

  #isNew(space: string, value: number): boolean {
    return value > (this.#highest.get(space) ?? 0);
  }

  #raise(space: string, value: number): void {
    if (!this.#isNew(space, value)) return;
    if (this.#highest.size < MAX_SPACES || this.#highest.has(space)) this.#highest.set(space, value);
  }

  #add(one: string, other: string): void {
    const pair = pairOf(one, other);
    const known = this.#counts.get(pair);
    if (known !== undefined || this.#counts.size < MAX_PAIRS) this.#counts.set(pair, (known ?? 0) + 1);
  }
}

function pairOf(one: string, other: string): string {
  return one < other ? `${one}\t${other}` : `${other}\t${one}`;
}
