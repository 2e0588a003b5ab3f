// What is learned of numbers that a service measured itself: sizes that it allotted, durations and seconds left by its clock. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import { AllottedSizes } from './allotted-sizes.ts';
import { ClockedNumbers } from './clocked-numbers.ts';
import { CutSeconds } from './cut-seconds.ts';
import type { Place } from './places.ts';

export class Measures {
  readonly #sizes = new AllottedSizes();
  readonly #clocked = new ClockedNumbers();
  readonly #cut = new CutSeconds();

  /** The numbers and texts of an answer, and the leaves of its request. */
  observe(answered: readonly { place: Place; path: string; value: Scalar }[], asked: readonly Leaf[]): void {
    this.#sizes.observe(answered, asked);
    this.#clocked.observe(answered, asked);
    this.#cut.observe(answered);
  }

  /** By operation, the surest first. */
  finish(): Map<string, VolatileLeaf[]>[] {
    return [this.#sizes.finish(), this.#clocked.finish(), this.#cut.finish()];
  }
}
