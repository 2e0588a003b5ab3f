// What is learned of numbers that a service measured itself: sizes that it allotted, durations, seconds left and how long it runs, by
// its clock. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import { AllottedSizes } from './allotted-sizes.ts';
import { ClockedNumbers } from './clocked-numbers.ts';
import { CutSeconds } from './cut-seconds.ts';
import type { Place } from './places.ts';
import { RunningClocks, type Span } from './running-clocks.ts';

export class Measures {
  readonly #sizes = new AllottedSizes();
  readonly #clocked = new ClockedNumbers();
  readonly #cut = new CutSeconds();
  readonly #running = new RunningClocks();

  /** The numbers and texts of an answer, the leaves of its request, and when it was made. */
  observe(
    answered: readonly { place: Place; path: string; value: Scalar }[],
    asked: readonly Leaf[],
    span: Span,
  ): void {
    this.#sizes.observe(answered, asked);
    this.#clocked.observe(answered, asked);
    this.#cut.observe(answered);
    this.#running.observe(answered, span);
  }

  /** By operation, the surest first. */
  finish(): Map<string, VolatileLeaf[]>[] {
    return [this.#sizes.finish(), this.#running.finish(), this.#clocked.finish(), this.#cut.finish()];
  }
}
