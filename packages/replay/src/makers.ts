// Which write brought a value first, then and now, and which others named it. Of two things whose writes ran at the same time nobody
// knows which one was made first: where they stand in a list is not said by the recording. Bounded; it compares nothing.
import type { Exchange } from './run-clock.ts';

/** Beyond it the oldest goes. */
const MAX_VALUES = 20_000;
/** Writes that name a value; one that more do names no thing. */
const MAX_WRITES = 16;
/** The latest writes. */
const MAX_LATEST = 2_000;

/** The first exchange that brought a value. */
interface First {
  exchange: Exchange;
  isWrite: boolean;
}

export class Makers {
  readonly #first = new Map<string, First>();
  readonly #named = new Map<string, Exchange[]>();
  #writes: Exchange[] = [];

  /** Notes an exchange and the values that it brings; what a read shows was made by a write of the same time, or before. */
  add(values: readonly string[], exchange: Exchange, isWrite: boolean): void {
    if (isWrite) this.#writes.push(exchange);
    if (this.#writes.length > MAX_LATEST) this.#writes = this.#writes.slice(MAX_LATEST / 2);
    for (const value of values) {
      const first = this.#first.get(value);
      const isShownEarly = isWrite && first?.isWrite === false && first.exchange.toUs >= exchange.fromUs;
      if (first && !isShownEarly) continue;
      if (this.#first.size >= MAX_VALUES) this.#first.delete(this.#first.keys().next().value!);
      this.#first.set(value, { exchange, isWrite });
    }
  }

  /** Notes a write and what its request names, in its path as well. */
  addNamed(names: readonly string[], exchange: Exchange): void {
    for (const name of names) {
      const writes = this.#named.get(name) ?? [];
      if (writes.length > MAX_WRITES || writes.at(-1) === exchange) continue;
      if (this.#named.size >= MAX_VALUES) this.#named.delete(this.#named.keys().next().value!);
      writes.push(exchange);
      this.#named.set(name, writes);
    }
  }

  /** The writes that named a value, in order; none when too many did. */
  naming(value: string): readonly Exchange[] {
    const writes = this.#named.get(value) ?? [];
    return writes.length > MAX_WRITES ? [] : writes;
  }

  /** Whether a write that brought or named a value ran at the same time as another write. */
  isAmidWrites(value: string): boolean {
    const maker = this.of(value);
    const own = maker ? [maker, ...this.naming(value)] : this.naming(value);
    // One that is noted twice is not another one.
    const isOther = (a: Exchange, b: Exchange) => a.fromUs !== b.fromUs || a.toUs !== b.toUs;
    return own.some((write) => this.#writes.some((other) => isOther(write, other) && isAtOnce(write, other)));
  }

  /** The write that brought a value; what no body held before it was shown, the first that named it in its path: `PUT /queues/orders`. */
  of(value: string): Exchange | undefined {
    const first = this.#first.get(value);
    if (first?.isWrite) return first.exchange;
    const named = this.naming(value)[0];
    return named && (!first || named.fromUs <= first.exchange.fromUs) ? named : undefined;
  }
}

/** Whether two writes ran at the same time, in the recording or in the replay; what one write brings is in its order. */
export function isAtOnce(a: Exchange, b: Exchange): boolean {
  if (a === b) return false;
  const isRecorded = a.fromUs <= b.toUs && b.fromUs <= a.toUs;
  return isRecorded || (a.liveFromUs <= b.liveToUs && b.liveFromUs <= a.liveToUs);
}
