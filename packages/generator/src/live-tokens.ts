// The tokens of one running session: learns live values from responses and puts them where the recorded ones stood.
// Pure; knows nothing of connections.
import { type HttpResponse, leafAt, Substitution, type Test } from '@echoplane/traffic';

export class LiveTokens {
  /** Recorded values by token id, of the tokens that are switched on. */
  readonly #recorded: ReadonlyMap<string, string>;
  readonly #known = new Set<string>();
  readonly #substitution = new Substitution();

  constructor(recorded: ReadonlyMap<string, string>) {
    this.#recorded = recorded;
  }

  /** The request with live values in it, and the tokens it consumes for which none came: their recorded values stay. */
  fill(test: Test): { request: Test['request']; unresolved: string[] } {
    const unresolved = test.consumes.filter((id) => this.#recorded.has(id) && !this.#known.has(id));
    return { request: this.#substitution.applyRequest(test.request), unresolved };
  }

  /** Takes from a live response what later requests will need. */
  learn(test: Test, response: HttpResponse): void {
    for (const { token, path } of test.produces) {
      const recorded = this.#recorded.get(token);
      if (recorded === undefined) continue;
      const live = leafAt(response, path);
      if (live === undefined) continue;
      this.#substitution.set(recorded, live);
      this.#known.add(token);
    }
  }
}
