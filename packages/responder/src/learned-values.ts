// Recorded values and what the service under test put in their place: one for all callers, because its answers meet again. It
// also tells cheaply whether an answer that was looked at before can hold any of them. It must not know how they are learned.
import { Substitution } from '@echoplane/replay';
import type { HttpResponse } from '@echoplane/traffic';

export class LearnedValues {
  readonly #substitution = new Substitution();
  #known = 0;

  /** How many recorded values became known: an answer without any of them stays so until this changes. */
  get known(): number {
    return this.#known;
  }

  learn(recorded: string, live: string): void {
    if (this.#substitution.get(recorded) === undefined) this.#known++;
    this.#substitution.set(recorded, live);
  }

  /** The answer with live values; null when it holds no value that was learned. */
  apply(response: HttpResponse): HttpResponse | null {
    if (this.#substitution.size === 0) return null;
    const applied = this.#substitution.applyResponse(response);
    const isChanged =
      applied.body !== response.body ||
      applied.headers.some(([, value], i) => value !== response.headers[i]![1]);
    return isChanged ? applied : null;
  }
}
