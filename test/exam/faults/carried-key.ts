// The key to correlation: which values later requests must carry anew. It is made of the live answers of a start alone, leaf
// by leaf beside the recorded ones; what the analyzer made of the recording has no part in it.
import { ShownCredentials } from '@echoplane/analyzer';
import { atomsOfText, requestLeaves, responseLeaves } from '@echoplane/replay';
import { leafPattern, type RRPair, TAG, type Test } from '@echoplane/traffic';
import { placeOfTest } from './places.ts';

export interface CarriedKey {
  /** Leaves of requests that hold a value which an earlier answer gave and which is another one in this start. */
  must: number;
  /** Of those: sent with the value of this start. */
  right: number;
  /** Leaves of requests that were sent with something else than was recorded. */
  replaced: number;
  /** Of those: with what the key says, or where the key knows of no value. */
  justified: number;
  /** Endpoints and leaf patterns that were not sent as they must be, or replaced where nothing varies. */
  missed: string[];
  needless: string[];
}

/** Shorter values stand in too many places by chance: a serial id that is wrong fails its test. */
const MIN_LENGTH = 6;
/** Made by the sender, in every request. */
const OWN_LEAVES =
  /^(method|header\.(host|content-length|content-md5|digest|traceparent|tracestate|x-request-id))$/;

/** `replayed`: the results of one replay of the unchanged service. */
export function carriedKey(tests: readonly Test[], replayed: readonly RRPair[]): CarriedKey {
  const results = withCredentials(replayed);
  const byId = new Map(tests.map((test) => [test.id, test]));
  const known = new LiveCounterparts();
  const key: CarriedKey = { must: 0, right: 0, replaced: 0, justified: 0, missed: [], needless: [] };
  const [missed, needless] = [new Set<string>(), new Set<string>()];
  const answers = results.toSorted((a, b) => a.ts + a.durationUs - b.ts - b.durationUs);
  let next = 0;
  for (const { ts, request, tags } of results) {
    for (; next < answers.length && answers[next]!.ts + answers[next]!.durationUs <= ts; next++) {
      const test = byId.get(answers[next]!.tags[TAG.test]!);
      if (test && answers[next]!.response) known.learn(test.response, answers[next]!.response!);
    }
    const test = byId.get(tags[TAG.test]!);
    if (!test || !request) continue;
    const { pathname, search } = new URL(request.url);
    const sent = leavesOf({ ...request, target: pathname + search });
    for (const [path, recorded] of leavesOf(test.request)) {
      const live = sent.get(path);
      if (live === undefined || OWN_LEAVES.test(path)) continue;
      known.sent(recorded);
      const { expected, isKnown } = known.translated(recorded);
      const name = `${placeOfTest(test)} ${leafPattern(path)}`;
      if (expected !== recorded) {
        key.must++;
        if (live === expected) key.right++;
        else missed.add(name);
      }
      if (live === recorded) continue;
      key.replaced++;
      // Only a value that is known to have stayed the same was replaced without need.
      if (live === expected || (expected === recorded && !isKnown)) key.justified++;
      else if (expected === recorded) needless.add(name);
    }
  }
  return { ...key, missed: [...missed], needless: [...needless] };
}

/** In order of time; credentials that an answer showed in the clear are redacted where they were sent, and in tests they are not. */
function withCredentials(replayed: readonly RRPair[]): RRPair[] {
  const shown = new ShownCredentials();
  for (const pair of replayed) shown.note(pair);
  return replayed.toSorted((a, b) => a.ts - b.ts).map((pair) => shown.read(pair));
}

const leavesOf = (request: Parameters<typeof requestLeaves>[0]): Map<string, string> =>
  new Map(requestLeaves(request).map(({ path, value }) => [path, String(value)]));

/** Recorded values of answers and what stood in their place in this start. */
class LiveCounterparts {
  /** Null: it stood for several, or for itself and others. */
  readonly #live = new Map<string, string | null>();
  readonly #own = new Set<string>();

  learn(recorded: Test['response'], live: Test['response']): void {
    if (recorded.status !== live.status) return;
    const leaves = new Map(responseLeaves(live).map(({ path, value }) => [path, value]));
    for (const { path, value } of responseLeaves(recorded)) {
      const other = leaves.get(path);
      if (typeof value !== 'string' || typeof other !== 'string') continue;
      this.#add(value, other);
      const [atoms, others] = [atomsOfText(value), atomsOfText(other)];
      if (atoms.length > 1 && atoms.length === others.length)
        for (const [i, atom] of atoms.entries()) this.#add(atom, others[i]!);
    }
  }

  /** What a request says first is the client's own, whoever repeats it. */
  sent(recorded: string): void {
    for (const one of [recorded, ...atomsOfText(recorded)]) if (!this.#live.has(one)) this.#own.add(one);
  }

  #add(recorded: string, live: string): void {
    if (recorded.length < MIN_LENGTH || this.#own.has(recorded)) return;
    const known = this.#live.get(recorded);
    this.#live.set(recorded, known === undefined || known === live ? live : null);
  }

  /** A text of a request with every value in it as it is now; whether it holds any that answers gave. */
  translated(text: string): { expected: string; isKnown: boolean } {
    const whole = this.#live.get(text);
    if (whole !== undefined) return { expected: whole ?? text, isKnown: whole !== null };
    let isKnown = false;
    const expected = text.replaceAll(/[^\s/?&=;,"'<>:()]+/g, (atom) => {
      const live = this.#live.get(atom);
      if (typeof live === 'string') isKnown = true;
      return live ?? atom;
    });
    return { expected, isKnown };
  }
}
