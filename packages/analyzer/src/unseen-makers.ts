// Serial numbers that answers showed before anything was known of their things: who takes one from there and is told that its thing
// was made during the recording, has the number of a thing that nobody was seen to make. Bounded. Pure.
import type { PlaceStats } from './place-stats.ts';

const MAX_SHOWN = 20_000;
const SERIAL = /^\d{1,9}$/;

export class UnseenMakers {
  /** By kind of thing and number: the place that showed it first. */
  readonly #shown = new Map<string, PlaceStats>();

  show(space: string, value: string, stats: PlaceStats): void {
    const key = `${space}\t${value}`;
    if (SERIAL.test(value) && this.#shown.size < MAX_SHOWN && !this.#shown.has(key))
      this.#shown.set(key, stats);
  }

  /** The other place that showed a number first. */
  showed(space: string, value: string, by: PlaceStats): PlaceStats | null {
    const first = this.#shown.get(`${space}\t${value}`);
    return first && first !== by ? first : null;
  }
}
