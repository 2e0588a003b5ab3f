// The live values that answers of a run are compared with: those of the whole run; under load, where sessions run round after
// round, those of each run of a session, and behind them those of its round, as virtual users have them. Recorded values of
// tokens are read from the recorded answers, so that no list of tokens is held. Bounded; pure.
import { LiveValues, recordedAt } from '@echoplane/replay';
import { header, type RRPair, roundOf, type Test } from '@echoplane/traffic';

const MAX_TOKENS = 200_000;
/** Runs of sessions whose values are remembered. */
const MAX_RUNS = 2_000;
/** Rounds; they begin one after the other, and slow users are a few behind. */
const MAX_ROUNDS = 200;

export class RunValues {
  readonly #otherTokens: ReadonlySet<string>;
  readonly #tokens = new Map<string, string>();
  /** Of the run, and the host that its first request was sent to. */
  #all: { values: LiveValues; host: string | undefined } | null = null;
  /** By the name of a session in this run and the host that was asked. */
  readonly #runs = new Map<string, LiveValues>();
  /** By round and host. What another round was given is no value of this one. */
  readonly #rounds = new Map<string, LiveValues>();

  /** `otherTokens`: switched off, or of a flow, which the links of a test speak of. */
  constructor(otherTokens: ReadonlySet<string> = new Set()) {
    this.#otherTokens = otherTokens;
  }

  /** The values known where this answer came; `session`: its name in this run, the test's own when it ran once. */
  of(test: Test, { request }: RRPair, session: string): LiveValues {
    this.#takeTokens(test);
    const host = header(request?.headers ?? [], 'host');
    const options = host === undefined ? {} : { liveHost: host };
    this.#all ??= { values: new LiveValues(this.#tokens, undefined, options), host };
    if (session === test.session && host === this.#all.host) return this.#all.values;
    const { values: ofAll } = this.#all;
    const round = roundOf(session, test.session);
    const ofRound = () => new LiveValues(this.#tokens, undefined, options);
    const above = round === null ? ofAll : recent(this.#rounds, `${round} ${host}`, MAX_ROUNDS, ofRound);
    const ofRun = () => new LiveValues(this.#tokens, above, options);
    return recent(this.#runs, `${session} ${host}`, MAX_RUNS, ofRun);
  }

  #takeTokens(test: Test): void {
    for (const { token, path } of test.produces) {
      if (this.#otherTokens.has(token) || this.#tokens.has(token)) continue;
      const recorded = recordedAt(test, path);
      if (recorded === undefined) continue;
      if (this.#tokens.size >= MAX_TOKENS) this.#tokens.delete(this.#tokens.keys().next().value!);
      this.#tokens.set(token, recorded);
    }
  }
}

/** What is known by this key, made when it is not; the one not asked for longest goes when there are `most`. */
function recent<V>(known: Map<string, V>, key: string, most: number, make: () => V): V {
  const value = known.get(key) ?? make();
  known.delete(key);
  if (known.size >= most) known.delete(known.keys().next().value!);
  known.set(key, value);
  return value;
}
