// What is written down while a pair is redacted: where, what, by which rule; what discovery hears and what the vault
// gets. Holds the place one is at as a trail, which becomes text only when there is something to note.
import type { RRPair } from '@echoplane/traffic';
import type { SecretKind } from '../rules-document.ts';
import type { FoundCredential, Sighting } from './finding.ts';

const MAX_REDACTIONS = 200;
/** Names of users that are kept for the vault until a password turns up beside them. */
const MAX_IDENTITIES = 20;
const SEALED: ReadonlySet<SecretKind> = new Set(['credential', 'password', 'secret', 'jwt']);
const IDENTITIES: ReadonlySet<SecretKind> = new Set(['email', 'phone']);

/** A step of a trail: text, or a document that knows where it is. */
export type Step = string | { path(): string };

/** One replaced value. */
export interface Replaced {
  kind: SecretKind;
  rule: string;
  token: string;
  value: string;
  /** Where an answer showed it in the clear. */
  shown?: string | undefined;
}

export interface NoteSinks {
  seen?: ((sighting: Sighting) => void) | undefined;
  sealed?: ((credential: FoundCredential) => void) | undefined;
  minted?: ((token: string, value: string) => void) | undefined;
}

export class Notes {
  readonly #sinks: NoteSinks;
  readonly #trail: Step[] = [];
  #redactions: RRPair['redactions'] = [];
  #places: Set<string> | null = null;
  #more = 0;
  #isSealing = false;
  #identities: FoundCredential[] = [];
  #hasPassword = false;
  #pairId = '';

  constructor(sinks: NoteSinks) {
    this.#sinks = sinks;
  }

  /** Everything up to `close` belongs to `pair`, or to a text that stands alone. */
  open(pair: RRPair | null): void {
    this.#redactions = pair?.redactions ?? [];
    this.#pairId = pair?.id ?? '';
    this.#places = null;
    this.#more = 0;
    this.#trail.length = 0;
    this.#isSealing = false;
  }

  /** Id of the pair that is open; empty without one. */
  get pairId(): string {
    return this.#pairId;
  }

  close(): void {
    if (this.#more === 0) return;
    this.#redactions.push({ path: `${this.#more} more`, kind: 'more', rule: 'bound' });
  }

  enter(step: Step): void {
    this.#trail.push(step);
  }

  leave(): void {
    this.#trail.pop();
  }

  /** Begins a message whose credentials go to the vault, or not. */
  sealing(isSealing: boolean): void {
    this.#isSealing = isSealing && this.#sinks.sealed !== undefined;
    this.#identities = [];
    this.#hasPassword = false;
  }

  /** Ends a form, document or header: users named beside a password are needed to log in again. */
  endOfRecord(): void {
    if (this.#hasPassword) for (const identity of this.#identities) this.#sinks.sealed?.(identity);
    if (this.#identities.length > 0) this.#identities = [];
    this.#hasPassword = false;
  }

  replaced({ kind, rule, token, value, shown }: Replaced): void {
    this.masked(kind, rule, shown);
    this.#sinks.minted?.(token, value);
    if (!this.#isSealing) return;
    if (kind === 'password') this.#hasPassword = true;
    if (SEALED.has(kind)) this.#sinks.sealed?.({ token, value });
    else if (IDENTITIES.has(kind) && this.#identities.length < MAX_IDENTITIES)
      this.#identities.push({ token, value });
  }

  /** A value of which nothing is left that tells it from others. */
  masked(kind: SecretKind, rule: string, shown?: string): void {
    const path = this.#path();
    this.place(kind, rule, path, shown);
    this.#sinks.seen?.({ kind, path });
  }

  /** A second form of a credential just noted, as it stands in its carrier. */
  alsoSealed(token: string, value: string): void {
    this.#sinks.minted?.(token, value);
    if (this.#isSealing) this.#sinks.sealed?.({ token, value });
  }

  /** One entry per place, kind and rule; beyond the bound they are counted. */
  place(kind: string, rule: string, path = this.#path(), shown?: string): void {
    this.#places ??= new Set(this.#redactions.map((known) => `${known.path}\n${known.kind}\n${known.rule}`));
    const place = `${path}\n${kind}\n${rule}`;
    if (this.#places.has(place)) return;
    if (this.#redactions.length >= MAX_REDACTIONS) {
      this.#more++;
      return;
    }
    this.#places.add(place);
    this.#redactions.push({ path, kind, rule, ...(shown ? { shown } : {}) });
  }

  #path(): string {
    let path = '';
    for (const step of this.#trail) path += typeof step === 'string' ? step : step.path();
    return path.length > 300 ? `${path.slice(0, 300)}…` : path;
  }
}
