// Finding the mock for a request: exact signature first, then the signature without what the service under test makes
// anew each time; else a miss that names the nearest recording and the first field that differs. Pure; the state is one
// cursor per sequence of equal requests.

import { atomsIn, shapeOf } from './kinds.ts';
import { type OutboundRequest, type Signature, signatureDigest, signatureOf } from './signature.ts';
import type { Mock } from './snapshot.ts';

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

/** Mocks compared in search of the nearest one. */
const NEAREST_LIMIT = 5_000;

interface Sequence {
  mocks: Mock[];
  next: number;
}

/** All mocks of a snapshot, indexed; a match takes the next of its sequence and stays at the last. */
export class MockIndex {
  readonly #exact = new Map<string, Sequence>();
  readonly #loose = new Map<string, Sequence>();
  /** Sets of volatile keys in use, by method and host. */
  readonly #volatileSets = new Map<string, Map<string, readonly string[]>>();
  readonly #byRoute = new Map<string, Mock[]>();
  #size = 0;

  constructor(mocks: Iterable<Mock>) {
    for (const mock of mocks) this.#add(mock);
    for (const { mocks: sequence } of [...this.#exact.values(), ...this.#loose.values()]) {
      sequence.sort((a, b) => a.sequence - b.sequence);
    }
  }

  get size(): number {
    return this.#size;
  }

  match(request: OutboundRequest): MatchResult {
    const signature = signatureOf(request);
    const exact = this.#exact.get(signatureDigest(signature));
    if (exact) return { kind: 'exact', mock: take(exact), learned: [] };
    const sets = this.#volatileSets.get(routeOf(signature));
    for (const volatile of sets?.values() ?? []) {
      if (!volatile.every((key) => key in signature)) continue;
      const loose = this.#loose.get(signatureDigest(signature, volatile));
      if (!loose) continue;
      const mock = take(loose);
      return { kind: 'volatile', mock, learned: learnedFrom(mock, signature) };
    }
    return this.#miss(signature);
  }

  #add(mock: Mock): void {
    this.#size++;
    append(this.#exact, mock.exact, mock);
    if (mock.volatile.length > 0) append(this.#loose, mock.loose, mock);
    const route = routeOf(mock.signature);
    const sets = this.#volatileSets.get(route) ?? new Map<string, readonly string[]>();
    if (mock.volatile.length > 0) sets.set(mock.volatile.join('\n'), mock.volatile);
    this.#volatileSets.set(route, sets);
    const siblings = this.#byRoute.get(route) ?? [];
    siblings.push(mock);
    this.#byRoute.set(route, siblings);
  }

  #miss(signature: Signature): MatchResult {
    let nearest: Mock | null = null;
    let best = Number.POSITIVE_INFINITY;
    for (const mock of (this.#byRoute.get(routeOf(signature)) ?? []).slice(0, NEAREST_LIMIT)) {
      const distance = differingKeys(mock, signature).length;
      if (distance < best) {
        best = distance;
        nearest = mock;
      }
    }
    const key = nearest && differingKeys(nearest, signature)[0];
    const difference =
      nearest && key ? `${key}: ${nearest.signature[key] ?? 'absent'} → ${signature[key] ?? 'absent'}` : null;
    return { kind: 'miss', nearest, difference };
  }
}

function take(sequence: Sequence): Mock {
  const mock = sequence.mocks[Math.min(sequence.next, sequence.mocks.length - 1)]!;
  sequence.next++;
  return mock;
}

function append(index: Map<string, Sequence>, digest: string, mock: Mock): void {
  const sequence = index.get(digest);
  if (sequence) sequence.mocks.push(mock);
  else index.set(digest, { mocks: [mock], next: 0 });
}

function routeOf(signature: Signature): string {
  return `${signature.method} ${signature.host}`;
}

/** Keys whose values differ, significant ones only, in the order a person reads: path, query, body. */
function differingKeys(mock: Mock, signature: Signature): string[] {
  const volatile = new Set(mock.volatile);
  const keys = new Set([...Object.keys(mock.signature), ...Object.keys(signature)]);
  const rank = (key: string) => ['path', 'query', 'body'].findIndex((part) => key.startsWith(part));
  return [...keys]
    .filter((key) => !volatile.has(key) && mock.signature[key] !== signature[key])
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Each generated piece of the volatile values with what stands in its place now. */
function learnedFrom(mock: Mock, signature: Signature): [string, string][] {
  return mock.volatile.flatMap((key): [string, string][] => {
    const recorded = JSON.parse(mock.signature[key]!) as unknown;
    const live = JSON.parse(signature[key]!) as unknown;
    if (typeof recorded !== 'string' || typeof live !== 'string' || recorded === live) return [];
    const [before, now] = [atomsIn(recorded), atomsIn(live)];
    if (before.length !== now.length || shapeOf(recorded) !== shapeOf(live)) return [];
    return before
      .map((atom, i): [string, string] => [atom.value, now[i]!.value])
      .filter(([was, is]) => was !== is);
  });
}
