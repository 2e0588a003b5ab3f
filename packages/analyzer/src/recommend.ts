// Recommendations from a stream of pairs: what a replay will need that the recording alone does not give. Observe every pair
// in recorded order, then ask. Memory is bounded at any size of recording; the same recording gives the same answer.
import { type Leaf, requestLeaves, responseLeaves } from '@echoplane/replay';
import { bodyJson, endpointOf, type RRPair, splitUrl } from '@echoplane/traffic';
import type { Recommendation, Recommendations } from '@echoplane/transforms';
import { RecentTexts } from './recent-texts.ts';
import { adviseOn, type KeySet } from './recommend-advice.ts';
import { Answers } from './recommend-answers.ts';
import { credentialsIn } from './recommend-credentials.ts';
import { type Exchange, Groups } from './recommend-sightings.ts';
import { freshValuesIn } from './recommend-values.ts';

const MAX_RECOMMENDATIONS = 500;
const MAX_KEY_SETS = 20;
const MIN_VALUE_CHARS = 8;
const MAX_HANDED_OUT = 200_000;

/** What is known of a pair already. */
export interface Found {
  session?: string | null;
  endpoint?: string;
  /** Leaves of the request, and of the response. */
  asked?: readonly Leaf[];
  answered?: readonly Leaf[];
}

export class Recommender {
  readonly #groups = new Groups();
  readonly #handedOut = new RecentTexts(MAX_HANDED_OUT);
  readonly #answers = new Answers();
  readonly #keySets = new Map<string, KeySet>();
  #lastUs = 0;

  /** A pair of the recording; session, endpoint and leaves as the analyzer found them. */
  observe(pair: RRPair, found: Found = {}): void {
    const { request, response } = pair;
    if (!request) return;
    this.#lastUs = Math.max(this.#lastUs, pair.ts);
    const { host, path, query } = splitUrl(request.url);
    const target = query === '' ? path : `${path}?${query}`;
    const exchange: Exchange = {
      pair: { ...pair, session: found.session ?? pair.session },
      request,
      host,
      endpoint: found.endpoint ?? endpointOf(path),
      leaves:
        found.asked ??
        requestLeaves({ method: request.method, target, headers: request.headers, body: request.body }),
      answer: response ? (found.answered ?? responseLeaves(response)) : [],
      isHandedOut: (value) => this.#handedOut.has(value),
    };
    for (const sighting of credentialsIn(exchange)) this.#groups.add(sighting, exchange);
    for (const sighting of freshValuesIn(exchange)) this.#groups.add(sighting, exchange);
    for (const sighting of this.#answers.compare(exchange)) this.#groups.add(sighting, exchange);
    if (!response) return;
    // What the service sends out is not what its clients were given.
    if (pair.direction === 'OUT') {
      this.#noteKeySet(pair, host, path);
      return;
    }
    for (const { value } of exchange.answer)
      if (typeof value === 'string' && value.length >= MIN_VALUE_CHARS) this.#handedOut.add(value);
  }

  /** The most frequent first; what needs something before what is done by itself. */
  recommendations(): Recommendations {
    const facts = { keySets: [...this.#keySets.values()], lastUs: this.#lastUs };
    const made = this.#groups.all().flatMap((group) => adviseOn(group, facts) ?? []);
    made.sort((a, b) => weight(b) - weight(a) || b.count - a.count || (a.id < b.id ? -1 : 1));
    return { v: 1, recommendations: made.slice(0, MAX_RECOMMENDATIONS) };
  }

  #noteKeySet({ response }: RRPair, host: string, path: string): void {
    if (!/jwks|\/keys$|\/certs$/i.test(path) || this.#keySets.size >= MAX_KEY_SETS) return;
    const keys = (bodyJson(response!.body) as { keys?: unknown } | undefined)?.keys;
    if (!Array.isArray(keys)) return;
    const kids = keys.flatMap((key: { kid?: unknown } | null) =>
      typeof key?.kid === 'string' ? [key.kid] : [],
    );
    this.#keySets.set(`${host}${path}`, { host, path, kids });
  }
}

function weight({ document, compare }: Recommendation): number {
  return document ? 2 : compare ? 1 : 0;
}
