// Finding the mock for a request: exact signature first, then the signature without what the service under test makes
// anew each time; else a miss that names the nearest recordings and the first field that differs. Pure: an index never
// changes once sealed, what a replay has seen is in ReplayState, and mocks may lie in a file.
import type { Mock, OutboundRequest } from '@echoplane/traffic';
import { byNearness, isWorthNaming, type Near, nearOf } from './differences.ts';
import { atomsIn, shapeOf } from './kinds.ts';
import { LeafPostings, leafHash } from './leaf-postings.ts';
import { MockGroup } from './mock-group.ts';
import { LocalReplayState, type Position, type Step } from './replay-state.ts';
import { looseValue, type Signature, signatureDigest, signatureOf } from './signature.ts';

/** Recordings that can answer a request; which one is decided by its place in the replay. */
export interface Found {
  kind: 'exact' | 'volatile';
  /** Null: it is always the same one, `n`. */
  group: MockGroup | null;
  n: number;
  /** Names the recordings in the replay's state. */
  cursor: string;
  /** Of the request. */
  signature: Signature;
}

export interface Missed {
  kind: 'miss';
  /** Up to 10, the nearest first; empty when nothing like it was recorded for this host. */
  nearest: Near[];
}

export type MatchResult =
  | {
      kind: 'exact' | 'volatile';
      mock: Mock;
      /** Recorded values and what stood in their place in this request. */
      learned: [recorded: string, live: string][];
    }
  | {
      kind: 'miss';
      nearest: Mock | null;
      /** The first differing field, `body.amount: 1999 → 2099`; null when nothing was recorded for this host. */
      difference: string | null;
    };

/** What a transform makes of a request's signature: keys with other values (printed as JSON), and keys that do not count. */
export interface SignatureChanges {
  set: Readonly<Record<string, string>>;
  delete: readonly string[];
}

/** Where mocks are read: by their number, in the order in which they were added. */
export interface MockSource {
  read(n: number): Mock;
}

/** Recordings read and compared in full for a miss. */
const COMPARED = 24;
const NAMED = 10;
const FIRST: Position = { nth: 0, writes: 0, session: null };

/** All mocks of a snapshot, by signature. */
export class MockIndex {
  readonly #exact = new Map<string, number | MockGroup>();
  readonly #loose = new Map<string, number | MockGroup>();
  /** Sets of volatile keys in use, by method and host. */
  readonly #volatileSets = new Map<string, Map<string, readonly string[]>>();
  readonly #postings = new LeafPostings();
  readonly #held: Mock[] = [];
  readonly #source: MockSource;
  readonly #state = new LocalReplayState();
  #size = 0;
  #hasSessions = false;

  /** With a `source`, `add` every mock and `seal`; without, the mocks given are held in memory and the index is ready. */
  constructor(mocks: Iterable<Mock>, source?: MockSource) {
    this.#source = source ?? { read: (n) => this.#held[n]! };
    for (const mock of mocks) {
      this.#held.push(mock);
      this.add(mock);
    }
    if (!source) this.seal();
  }

  get size(): number {
    return this.#size;
  }

  /** Whether callers can have sessions of their own, so that it matters who asks. */
  get hasSessions(): boolean {
    return this.#hasSessions;
  }

  /** Takes a mock in under the next number. */
  add(mock: Mock): void {
    const n = this.#size++;
    put(this.#exact, mock.exact, n, mock, this.#source);
    const { signature, volatile } = mock;
    if (volatile.length > 0) {
      put(this.#loose, mock.loose, n, mock, this.#source);
      const route = routeOf(signature);
      const sets = this.#volatileSets.get(route) ?? new Map<string, readonly string[]>();
      sets.set(volatile.join('\n'), volatile);
      this.#volatileSets.set(route, sets);
    }
    this.#postings.add(n, hashesOf(signature, volatile, false), pathHash(signature));
  }

  /** To be called when all are in. */
  seal(): void {
    this.#postings.seal();
    for (const groups of [this.#exact, this.#loose]) {
      for (const group of groups.values()) {
        if (typeof group === 'number') continue;
        group.seal();
        this.#hasSessions ||= group.sessions.length > 0;
      }
    }
  }

  read(n: number): Mock {
    return this.#source.read(n);
  }

  /** The recordings that can answer a request, or why there is none. */
  find(request: OutboundRequest, changes?: SignatureChanges): Found | Missed {
    const signature = { ...signatureOf(request), ...changes?.set };
    const digest = signatureDigest(signature);
    const exact = this.#exact.get(digest);
    if (exact !== undefined) return found('exact', exact, digest, signature);
    for (const volatile of this.#volatileSets.get(routeOf(signature))?.values() ?? []) {
      if (!volatile.every((key) => key in signature)) continue;
      const cursor = signatureDigest(signature, volatile);
      const loose = this.#loose.get(cursor);
      if (loose !== undefined) return found('volatile', loose, cursor, signature);
    }
    const nearest = this.#nearest(signature);
    const same = changes
      ? nearest.find(({ keys }) => keys.every((key) => changes.delete.includes(key)))
      : null;
    if (!same) return { kind: 'miss', nearest };
    const { exact: cursor } = same.mock;
    return found('volatile', this.#exact.get(cursor)!, cursor, signature);
  }

  /** The mock for a request, in a replay that this index alone keeps account of. */
  match(request: OutboundRequest, session: string | null = null): MatchResult {
    const result = this.find(request);
    if (result.kind === 'miss') {
      const nearest = result.nearest[0];
      return { kind: 'miss', nearest: nearest?.mock ?? null, difference: nearest?.difference ?? null };
    }
    const step = stepOf(result, session);
    const mock = this.read(numberAt(result, step ? this.#state.advance(step) : FIRST));
    return { kind: result.kind, mock, learned: learnedFrom(result, mock) };
  }

  #nearest(signature: Signature): Near[] {
    const hashes = hashesOf(signature, Object.keys(signature), true);
    const numbers = this.#postings.sharing(hashes, pathHash(signature), COMPARED);
    return numbers
      .flatMap((n) => nearOf(this.read(n), signature) ?? [])
      .filter(isWorthNaming)
      .sort(byNearness)
      .slice(0, NAMED);
  }
}

/** What a replay must know to choose among the recordings found; null when there is nothing to choose. */
export function stepOf({ group, cursor }: Found, session: string | null): Step | null {
  if (!group) return null;
  const { sessions: recordedSessions, resource, isWrite } = group;
  return { cursor, session, recordedSessions, resource, isWrite };
}

/** The number of the mock that answers at this place of the replay. */
export function numberAt({ group, n }: Found, position: Position): number {
  return group ? group.at(position) : n;
}

/** Each generated piece of the volatile values with what stands in its place now. */
export function learnedFrom({ kind, signature }: Found, mock: Mock): [recorded: string, live: string][] {
  if (kind === 'exact') return [];
  return mock.volatile.flatMap((key): [string, string][] => {
    const recorded = JSON.parse(mock.signature[key] ?? 'null') as unknown;
    const live = JSON.parse(signature[key] ?? 'null') as unknown;
    if (typeof recorded !== 'string' || typeof live !== 'string' || recorded === live) return [];
    const [before, now] = [atomsIn(recorded), atomsIn(live)];
    if (before.length !== now.length || shapeOf(recorded) !== shapeOf(live)) return [];
    return before
      .map((atom, i): [string, string] => [atom.value, now[i]!.value])
      .filter(([was, is]) => was !== is);
  });
}

function found(kind: Found['kind'], entry: number | MockGroup, cursor: string, signature: Signature): Found {
  if (typeof entry === 'number') return { kind, group: null, n: entry, cursor, signature };
  return { kind, group: entry.isSettled ? null : entry, n: entry.first, cursor, signature };
}

/** A mock that is alone and without state is kept as its number. */
function put(
  groups: Map<string, number | MockGroup>,
  digest: string,
  n: number,
  mock: Mock,
  source: MockSource,
): void {
  const known = groups.get(digest);
  if (known === undefined && !mock.state) return void groups.set(digest, n);
  const group = typeof known === 'object' ? known : new MockGroup();
  if (typeof known === 'number') group.add(known, source.read(known));
  group.add(n, mock);
  groups.set(digest, group);
}

function routeOf(signature: Signature): string {
  return `${signature.method} ${signature.host}`;
}

/** Hashes of the leaves: volatile ones by their kind, or, for a question, both ways. */
function hashesOf(signature: Signature, volatile: readonly string[], both: boolean): number[] {
  const loose = new Set(volatile);
  const hashes: number[] = [];
  for (const key in signature) {
    const value = signature[key]!;
    const isLoose = loose.has(key) && key !== 'host' && key !== 'method';
    if (!isLoose || both) hashes.push(leafHash(key, value));
    if (isLoose) hashes.push(leafHash(key, looseValue(value)));
  }
  return hashes;
}

/** Of host and path as a whole. */
function pathHash(signature: Signature): number {
  let path = signature.host!;
  for (let i = 0; `path[${i}]` in signature; i++) path += `/${signature[`path[${i}]`]}`;
  return leafHash('path', path);
}
