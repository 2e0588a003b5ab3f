// Where faults can be put: the endpoints of a service, an operation of GraphQL being one, with the answers that an unchanged
// service gave there. What of them a judge can know is found out here, by means of its own: a leaf is known when its value
// is the recorded one, or was said before in the same run.
import { requestLeaves, responseLeaves } from '@echoplane/replay';
import {
  bodyBytes,
  bodyJson,
  headerValues,
  leafPattern,
  type RRPair,
  TAG,
  type Test,
} from '@echoplane/traffic';
import type { Answer } from './answer.ts';
import { chance } from './fault.ts';

const IS_WRITE = /^(POST|PUT|PATCH|DELETE)$/;

export interface Place {
  /** `GET /posts/{id}`, `POST /graphql Topics`. */
  name: string;
  tests: Test[];
  /** Their unchanged answers, in order of their ends. */
  results: RRPair[];
  /** By leaf pattern, the share of leaves whose value a judge can know. */
  known: Map<string, number>;
  /** Leaf patterns whose values later requests carry, or may. */
  handedOut: Set<string>;
}

/** Name of the place where a request belongs. */
export function placeOf(method: string, endpoint: string, body: unknown): string {
  const name = (body as { operationName?: unknown } | undefined)?.operationName;
  return `${method} ${endpoint}${typeof name === 'string' ? ` ${name}` : ''}`;
}

export const placeOfTest = ({ request, endpoint }: Test): string =>
  placeOf(request.method, endpoint, bodyJson(request.body));

/** `results`: of a replay of the unchanged service. */
export function placesOf(tests: readonly Test[], results: readonly RRPair[]): Place[] {
  const byId = new Map(tests.map((test) => [test.id, test]));
  const ordered = results
    .filter((pair) => pair.response && byId.has(pair.tags[TAG.test] ?? ''))
    .sort((a, b) => a.ts + a.durationUs - b.ts - b.durationUs);
  const places = new Map<string, Place & { tally: Map<string, [known: number, of: number]> }>();
  const said = new Set<string>();
  const used = carriedFlows(tests);
  for (const pair of ordered) {
    const test = byId.get(pair.tags[TAG.test]!)!;
    const name = placeOfTest(test);
    let place = places.get(name);
    if (!place) {
      place = { name, tests: [], results: [], known: new Map(), handedOut: new Set(), tally: new Map() };
      places.set(name, place);
    }
    place.tests.push(test);
    place.results.push(pair);
    for (const path of handedOutBy(test, used)) place.handedOut.add(path);
    const { request } = pair;
    const target = request ? new URL(request.url) : null;
    for (const { value } of target
      ? requestLeaves({ ...request!, target: target.pathname + target.search })
      : [])
      said.add(String(value));
    const recorded = new Map(responseLeaves(test.response).map(({ path, value }) => [path, value]));
    const leaves = responseLeaves(pair.response!);
    for (const { path, value } of leaves) {
      const tally = place.tally.get(leafPattern(path)) ?? [0, 0];
      if (recorded.get(path) === value || said.has(String(value))) tally[0]++;
      tally[1]++;
      place.tally.set(leafPattern(path), tally);
    }
    for (const { value } of leaves) said.add(String(value));
  }
  for (const place of places.values())
    for (const [pattern, [known, of]] of place.tally) place.known.set(pattern, known / of);
  return [...places.values()];
}

/** Flows of which a request carries a value. */
function carriedFlows(tests: readonly Test[]): Set<string> {
  return new Set(
    tests.flatMap(({ links }) => (links ?? []).filter((one) => one.in === 'request').map(({ flow }) => flow)),
  );
}

/** Where an answer says what later requests carry: a fault there legitimately changes those, too. */
function handedOutBy(test: Test, used: Set<string>): string[] {
  const tokens = test.produces.map(({ path }) => leafPattern(path));
  if (!IS_WRITE.test(test.request.method)) return tokens;
  const links = (test.links ?? []).filter((one) => one.in === 'response' && used.has(one.flow));
  return [...tokens, ...links.map(({ path }) => path)];
}

/** Patterns without indices, so that `2.1` and `2[].1` are the same. */
const plain = (path: string) =>
  leafPattern(path)
    .toLowerCase()
    .replaceAll(/\[\d*\]/g, '')
    .replace(/[!#;].*$/, '');

const isBelow = (path: string, above: string) => path.startsWith(`${above}.`) || path.startsWith(`${above}[`);

/** Whether a difference at `path` speaks of what stands at `target`, or the other way round. */
export function isAbout(path: string, target: string): boolean {
  const [a, b] = [plain(path), plain(target)];
  return a === b || isBelow(a, b) || isBelow(b, a);
}

/** An answer as faults see it. */
export function answerOf(response: NonNullable<RRPair['response']>): Answer {
  const bytes = response.body.decoded;
  return {
    status: response.status,
    headers: response.headers,
    trailers: response.trailers ?? [],
    body: bytes === undefined ? bodyBytes(response.body) : Buffer.from(bytes),
  };
}

/** Who asks: what tells users apart in any service. */
export function userOf(headers: readonly (readonly [string, string])[]): string {
  const credentials = ['authorization', 'cookie'].flatMap((name) => headerValues(headers as never, name));
  return credentials.length === 0 ? '' : String(chance(...credentials));
}
