// What happens to one captured pair before anything touches a disk: decoded, judged by the filter, redacted, folded. A
// pair that cannot be redacted goes no further. It must not know streams, files or the network.
//
//   decode ─▶ filter ─▶ redact ─▶ fold ─▶ ship | hold back (filtered, sampled, folded), redacted all the same
import { createHmac } from 'node:crypto';
import {
  compileExpression,
  exprViewOf,
  type FoundCredential,
  Redactor,
  type RulesDocument,
  type Sighting,
} from '@echoplane/rules';
import type { InflateBudget, RRPair } from '@echoplane/traffic';
import type { CapturedPair } from '@echoplane/wire';
import type { RulesSource } from '../rules-source.ts';
import { type Arrival, decodePair } from './decode-pair.ts';

/** `ship`, or why the pair is held back. */
export type Fate = 'ship' | 'filtered' | 'sampled' | 'folded';

export interface Refined {
  pair: RRPair;
  fate: Fate;
}

export interface RefineryOptions {
  rules: RulesSource;
  /** The redaction key, 32 bytes; it never leaves the cluster. */
  key: Uint8Array;
  /** Told of every sensitive value that was found, without the value. */
  seen: (pair: RRPair, sighting: Sighting) => void;
  /** Given request credentials before they become tokens, for the vault. */
  sealed: (credential: FoundCredential) => void;
  /** Given every pair of senders that leave it to us to name a server. */
  name?: (pair: RRPair) => void;
  /** Given every decoded pair before redaction: an export with rules of its own. */
  raw?: (pair: RRPair) => void;
}

/** Credentials whose digest is remembered; the oldest goes. */
const MAX_DIGESTS = 4_096;
/** A longer one is worked out each time. */
const MAX_DIGESTED_CHARS = 2_048;

export class Refinery {
  readonly #options: RefineryOptions;
  readonly #digests = new Map<string, string>();
  #redactor: Redactor;
  /** What the redactor was made from. */
  #document: RulesDocument | null = null;
  readonly #sightings: Sighting[] = [];
  #unredacted = 0;

  constructor(options: RefineryOptions) {
    this.#options = options;
    this.#redactor = this.#makeRedactor();
  }

  /** Version of the rules that the next pair is made under. */
  get ruleVersion(): string {
    return this.#options.rules.version;
  }
  /** Pairs that redaction failed on: they are lost, never sent. */
  get unredacted(): number {
    return this.#unredacted;
  }

  /** The pair as it may be written, or null when it cannot be decoded or not be redacted. */
  refine(captured: CapturedPair, arrival: Omit<Arrival, 'digest'>, budget: InflateBudget): Refined | null {
    const pair = this.#decode(captured, arrival, budget);
    if (!pair) return null;
    if (arrival.from.nameless !== true) this.#options.name?.(pair);
    return this.#treat(pair, arrival.nowUs);
  }

  /** A pair that breaks the decoder must not break its stream: it would be sent again for ever. */
  #decode(captured: CapturedPair, arrival: Omit<Arrival, 'digest'>, budget: InflateBudget): RRPair | null {
    try {
      return decodePair(captured, { ...arrival, digest: this.#digest }, budget);
    } catch {
      return null;
    }
  }

  #treat(pair: RRPair, nowUs: number): Refined | null {
    const { rules, raw } = this.#options;
    const { ruleSet, fold } = rules.current;
    try {
      raw?.(pair);
      const { fate } = ruleSet.decide(pair);
      this.#redact(pair);
      if (fate !== 'keep') return { pair, fate };
      return { pair, fate: !fold || fold.decide(pair, nowUs).ship ? 'ship' : 'folded' };
    } catch {
      this.#unredacted++;
      return null;
    }
  }

  #redact(pair: RRPair): void {
    // By identity: a file may be edited without a new version, and its redaction must hold all the same.
    if (this.#document !== this.#options.rules.current.document) this.#redactor = this.#makeRedactor();
    this.#sightings.length = 0;
    this.#redactor.pair(pair);
    // Told afterwards: by then nothing that is said of the pair holds a value.
    for (const sighting of this.#sightings) this.#options.seen(pair, sighting);
  }

  #makeRedactor(): Redactor {
    const { rules, key, sealed } = this.#options;
    this.#document = rules.current.document;
    const { redaction } = this.#document;
    return new Redactor({
      ...{ rules: redaction, version: rules.version, key, sealed },
      seen: (sighting) => this.#sightings.push(sighting),
      compile: (expression) => {
        const compiled = compileExpression(expression);
        return (pair) => compiled.test(exprViewOf(pair));
      },
    });
  }

  /** Keyed: without the key nobody can try passwords against it. */
  readonly #digest = (credential: string): string => {
    const known = this.#digests.get(credential);
    if (known !== undefined) return known;
    const digest = createHmac('sha256', this.#options.key)
      .update('session')
      .update(credential)
      .digest('hex')
      .slice(0, 16);
    if (credential.length > MAX_DIGESTED_CHARS) return digest;
    if (this.#digests.size >= MAX_DIGESTS) this.#digests.delete(this.#digests.keys().next().value!);
    this.#digests.set(credential, digest);
    return digest;
  };
}
