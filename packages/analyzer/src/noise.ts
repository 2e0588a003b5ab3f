// Noise, learned from repetition: a request that is asked twice with nothing written in between and answered differently
// shows which leaves vary by themselves, and which arrays have no order. A leaf is volatile only with such evidence, and says
// which. Bounded: the latest answers of so many different requests are remembered. Pure.
import { kindOf, type Leaf, type Scalar } from '@echoplane/replay';
import {
  bodyJson,
  type HttpResponse,
  leafPattern,
  type RRPair,
  type ValueKind,
  type VolatileLeaf,
} from '@echoplane/traffic';
import type { Operation, Place, Places } from './places.ts';
import { type Leaves, RollingCookies } from './rolling-cookies.ts';

const MAX_REMEMBERED_BYTES = 6 << 20;
const MAX_RESPONSE_BYTES = 512 << 10;
/** A leaf's cost in memory, beside its body's bytes. */
const LEAF_BYTES = 120;
const MAX_VALUES = 8;
const MAX_HEADER_VALUES = 40;
const MIN_HEADER_SAMPLES = 5;
/** `0.0043`, `12.5 ms`, `dur=3.1`: what a header says of how long something took. */
const MEASURED = /^(?:[\w;-]+=)?\d+(?:\.\d+)?\s*(?:ns|us|µs|ms|s)?(?:["']?)$/;

interface Remembered {
  pair: Pick<RRPair, 'ts'>;
  writes: number;
  leaves: readonly Leaf[];
  response: HttpResponse;
  bytes: number;
}

interface Varied {
  values: Scalar[];
  differed: number;
  same: number;
}

export class NoiseLearner {
  readonly #places: Places;
  readonly #answers = new Map<string, Remembered>();
  readonly #varied = new Map<Place, Varied>();
  readonly #unordered = new Map<string, Set<string>>();
  readonly #headers = new Map<string, { samples: number; measured: number; values: Set<string> }>();
  readonly #rolling = new RollingCookies();
  #bytes = 0;
  #writes = 0;
  #writtenUntil = 0;

  constructor(places: Places) {
    this.#places = places;
  }

  /** An IN pair in time order. `request` tells equal requests, credentials included; null for what is never repeated. */
  observe(pair: RRPair, operation: Operation, request: string | null, exchanged: Leaves): void {
    const response = pair.response!;
    const leaves = exchanged.answered;
    this.#countHeaders(leaves);
    this.#rolling.observe(pair, exchanged);
    if (request === null) {
      this.#writes++;
      this.#writtenUntil = Math.max(this.#writtenUntil, pair.ts + pair.durationUs);
      // No answer from before a write is compared with one behind it.
      this.#answers.clear();
      this.#bytes = 0;
      return;
    }
    const before = this.#answers.get(request);
    if (before && before.writes === this.#writes && this.#writtenUntil <= before.pair.ts)
      this.#repeated(before, response, operation, leaves);
    this.#remember(request, { pair: { ts: pair.ts }, writes: this.#writes, leaves, response, bytes: 0 });
  }

  #remember(request: string, answer: Remembered): void {
    this.#bytes -= this.#answers.get(request)?.bytes ?? 0;
    this.#answers.delete(request);
    answer.bytes = answer.response.body.size + answer.leaves.length * LEAF_BYTES;
    if (answer.bytes > MAX_RESPONSE_BYTES) return;
    this.#answers.set(request, answer);
    this.#bytes += answer.bytes;
    for (const [oldest, { bytes }] of this.#answers) {
      if (this.#bytes <= MAX_REMEMBERED_BYTES) break;
      this.#answers.delete(oldest);
      this.#bytes -= bytes;
    }
  }

  #repeated(before: Remembered, response: HttpResponse, operation: Operation, leaves: readonly Leaf[]): void {
    if (before.response.status !== response.status) return;
    const unordered = new Set<string>();
    reordered(bodyJson(before.response.body), bodyJson(response.body), 'body', unordered);
    for (const path of unordered) {
      const paths = this.#unordered.get(operation.key) ?? new Set();
      this.#unordered.set(operation.key, paths.add(path));
    }
    const was = new Map(before.leaves.map((leaf) => [leaf.path, leaf.value]));
    for (const { path, value } of leaves) {
      const recorded = was.get(path);
      if (
        recorded === undefined ||
        [...unordered].some((array) => leafPattern(path).startsWith(`${array}[]`))
      )
        continue;
      const place = this.#places.place(operation, 'response', path);
      if (place) this.#note(place, recorded, value);
    }
  }

  #note(place: Place, was: Scalar, is: Scalar): void {
    let varied = this.#varied.get(place);
    if (was === is) {
      if (varied) varied.same++;
      return;
    }
    if (!varied) {
      varied = { values: [was], differed: 0, same: 0 };
      this.#varied.set(place, varied);
    }
    varied.differed++;
    if (varied.values.length < MAX_VALUES) varied.values.push(is);
  }

  #countHeaders(leaves: readonly Leaf[]): void {
    for (const { path, value } of leaves) {
      if (!path.startsWith('header.') || typeof value !== 'string') continue;
      let header = this.#headers.get(path);
      if (!header) {
        if (this.#headers.size >= 1_000) continue;
        header = { samples: 0, measured: 0, values: new Set() };
        this.#headers.set(path, header);
      }
      header.samples++;
      if (header.values.size >= MAX_HEADER_VALUES) continue;
      header.values.add(value);
      if (MEASURED.test(value) && /[.a-zµ]/.test(value)) header.measured++;
    }
  }

  /** Volatile leaves by operation, and those of headers and cookies, which are alike for all operations. */
  finish(): { volatile: Map<string, VolatileLeaf[]>; headers: VolatileLeaf[] } {
    const volatile = new Map<string, VolatileLeaf[]>();
    const headers = new Map<string, VolatileLeaf>();
    for (const [place, varied] of this.#varied) {
      const kind = kindOfNoise(place.path, varied);
      if (kind === null) continue;
      const why = `differs in ${varied.differed} of ${varied.differed + varied.same} equal requests with no write between them`;
      const leaf = { path: place.path, kind, why };
      if (place.path.startsWith('header.')) headers.set(place.path, leaf);
      else volatile.set(place.operation.key, [...(volatile.get(place.operation.key) ?? []), leaf]);
    }
    for (const [path, { samples, measured, values }] of this.#headers) {
      if (headers.has(path) || samples < MIN_HEADER_SAMPLES || values.size < 3) continue;
      const looked = Math.min(samples, MAX_HEADER_VALUES);
      if (measured < 0.9 * looked || values.size < 0.5 * looked) continue;
      headers.set(path, {
        path,
        kind: 'measure',
        why: `is a measurement: ${values.size} values in ${looked} answers`,
      });
    }
    for (const cookie of [...this.#rolling.finishMade(), ...this.#rolling.finish()])
      headers.set(cookie.path, cookie);
    return { volatile, headers: [...headers.values()].sort((a, b) => (a.path < b.path ? -1 : 1)) };
  }

  /** Patterns of arrays without an order, by operation. */
  get unordered(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#unordered;
  }
}

/** As what a varying leaf is compared; null when what varied may be state that follows from the requests. */
function kindOfNoise(path: string, { values, differed }: Varied): ValueKind | null {
  const kinds = new Set(values.map((value) => kindOf(value)));
  const [kind] = kinds;
  if (kinds.size === 1 && kind) return kind;
  const isHeader = path.startsWith('header.');
  if (values.every((value) => typeof value === 'number')) {
    const steps = values.slice(1).map((value, i) => Math.abs(value - (values[i] as number)));
    // What each reading counts up by one is counted up by a replay too.
    return !isHeader && steps.every((step) => step === 1) ? null : 'measure';
  }
  if (!values.every((value) => typeof value === 'string')) return null;
  const skeletons = new Set(values.map((value) => value.replace(/\d+(?:\.\d+)?/g, '0')));
  if (skeletons.size === 1 && (isHeader || differed > 1)) return 'measure';
  // Two words that alternate are a state, such as a cache that missed and then hit.
  return new Set(values).size >= 3 && differed >= 2 ? 'text' : null;
}

/** Adds the patterns of arrays that hold the same elements in another order. */
function reordered(a: unknown, b: unknown, path: string, into: Set<string>): void {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return;
  if (Array.isArray(a) !== Array.isArray(b)) return;
  if (Array.isArray(a) && Array.isArray(b)) {
    if (a.length !== b.length) return;
    const [was, is] = [a, b].map((list) => list.map((item) => JSON.stringify(item)));
    if (was!.every((item, i) => item === is![i])) return;
    if (was!.toSorted().join('\n') === is!.toSorted().join('\n')) {
      into.add(path);
      return;
    }
    for (const [i, item] of a.entries()) reordered(item, b[i], `${path}[]`, into);
    return;
  }
  for (const [key, item] of Object.entries(a))
    reordered(item, (b as Record<string, unknown>)[key], path + keyStep(key), into);
}

function keyStep(key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}
