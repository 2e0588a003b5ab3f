// What is learned of numbers that a service measured itself: sizes that it allotted or holds; by its clock durations, seconds left, how long it
// runs and how long it took. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import { AllottedSizes } from './allotted-sizes.ts';
import { ClockedNumbers } from './clocked-numbers.ts';
import { CutSeconds } from './cut-seconds.ts';
import { HeldSizes } from './held-sizes.ts';
import type { Place } from './places.ts';
import { RunningClocks, type Span } from './running-clocks.ts';
import { TookNumbers } from './took-numbers.ts';

export class Measures {
  readonly #sizes = new AllottedSizes();
  readonly #held = new HeldSizes();
  readonly #clocked = new ClockedNumbers();
  readonly #cut = new CutSeconds();
  readonly #running = new RunningClocks();
  readonly #took = new TookNumbers();

  /** The numbers and texts of an answer, the leaves of its request, and from when to when that was. */
  observe(
    answered: readonly { place: Place; path: string; value: Scalar }[],
    asked: readonly Leaf[],
    span: Span,
  ): void {
    this.#sizes.observe(answered, asked);
    this.#held.observe(answered, asked);
    this.#clocked.observe(answered, asked);
    this.#cut.observe(answered);
    this.#running.observe(answered, span);
    this.#took.observe(answered, asked, span.toUs - span.fromUs);
  }

  /** By operation, the surest first. */
  finish(): Map<string, VolatileLeaf[]>[] {
    return [this.#sizes, this.#held, this.#running, this.#clocked, this.#cut, this.#took].map((one) =>
      one.finish(),
    );
  }
}
