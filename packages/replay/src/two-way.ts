// Recorded values and their live counterparts, one to one. Bounded: beyond it the oldest goes. Pure.

export class TwoWay {
  readonly #live = new Map<string, string>();
  readonly #recorded = new Map<string, string>();
  readonly #limit: number;
  #differing = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#live.size;
  }

  /** How many values are not what they were. */
  get differing(): number {
    return this.#differing;
  }

  live(recorded: string): string | undefined {
    return this.#live.get(recorded);
  }

  recorded(live: string): string | undefined {
    return this.#recorded.get(live);
  }

  /** Sets a value anew. A live value belongs to the first recorded one that had it. */
  set(recorded: string, live: string): void {
    if (this.#live.get(recorded) === live) return;
    this.#forget(recorded);
    if (this.#live.size >= this.#limit) this.#forget(this.#live.keys().next().value!);
    this.#live.set(recorded, live);
    if (!this.#recorded.has(live)) this.#recorded.set(live, recorded);
    if (recorded !== live) this.#differing++;
  }

  #forget(recorded: string): void {
    const live = this.#live.get(recorded);
    if (live === undefined) return;
    this.#live.delete(recorded);
    if (this.#recorded.get(live) === recorded) this.#recorded.delete(live);
    if (live !== recorded) this.#differing--;
  }
}
