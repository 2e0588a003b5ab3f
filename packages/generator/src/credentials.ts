// The credentials of requests whose recording was redacted: tokens that no live answer replaced get their values back
// from the vault. A session's token that an answer showed where nothing told that it is one (a field of protobuf has no name)
// is another one now: the live one is sent. Counts what came from there and what was missing, by the place it is sent at; values go nowhere else.

import { requestLeaves } from '@echoplane/replay';
import { isCredentialToken, restoreRequest, restoreText, type ValueOf } from '@echoplane/rules';
import { type CredentialCounts, count, leafPattern, type RequestParts } from '@echoplane/traffic';

/** Places that are counted by name; the rest are counted together. */
const MAX_NAMES = 200;
const OTHER_PLACES = 'other places';

export class Credentials {
  readonly #known: ValueOf;
  readonly #counts: CredentialCounts = { fromVault: {}, missing: {} };

  /** `vault`: values by token; empty without one. */
  constructor(vault: ReadonlyMap<string, string>) {
    this.#known = (token) => vault.get(token);
  }

  /** How many requests' credentials came from the vault, and how many were sent as tokens, by place (`body.password`). */
  get counts(): CredentialCounts {
    return this.#counts;
  }

  /**
   * The request as it is to be sent; what the vault does not hold stays a token. `shown`: what live answers showed in the place of
   * a value that recorded ones showed.
   */
  fill<R extends RequestParts>(request: R, shown: (value: string) => string | undefined): R {
    for (const { path, value } of requestLeaves(request))
      if (typeof value === 'string') this.#note(leafPattern(path), value);
    return restoreRequest(request, (token) => {
      const value = this.#known(token);
      return value === undefined ? undefined : (shown(value) ?? value);
    });
  }

  /** Whether a request holds what came from the vault, or should have: then it is counted each time it is sent. */
  concern(request: RequestParts): boolean {
    let isConcerned = false;
    for (const { value } of requestLeaves(request)) {
      if (typeof value !== 'string') continue;
      restoreText(value, (token) => {
        isConcerned ||= this.#known(token) !== undefined || isCredentialToken(token);
        return undefined;
      });
    }
    return isConcerned;
  }

  #note(place: string, text: string): void {
    restoreText(text, (token) => {
      const value = this.#known(token);
      if (value !== undefined) countPlace(this.#counts.fromVault, place);
      else if (isCredentialToken(token)) countPlace(this.#counts.missing, place);
      return value;
    });
  }
}

function countPlace(counts: Record<string, number>, place: string): void {
  const isNew = !Object.hasOwn(counts, place);
  count(counts, isNew && Object.keys(counts).length >= MAX_NAMES ? OTHER_PLACES : place);
}
