// Bytes that a service holds in memory or on disk, by the name of their field: `heap_used`, `disk_size`. They come from how it stores
// what it is told, of ids and times that are other ones in a replay, and from when it cleans up. Learned of a field that
// equal requests were answered differently of, in numbers that no client sent and nobody sets. Bounded. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

const NAMED =
  /^(?:rss|heap_(?:used|total|size|bytes)|(?:mem|memory|disk)_(?:size|used|usage|bytes)|size_on_disk)(?:_in)?(?:_bytes)?$/;
const KEY = /[^.[\]]+$/;
/** What is configured is so many of these. */
const SETTING_BYTES = 1 << 20;
const MIN_BYTES = 1_024;
const MAX_PLACES = 1_000;
const MAX_REQUESTS = 100;
const MAX_SENT = 20_000;
const WHY = 'is a number of bytes that the service holds, another one when the same was asked again';

/** What a place said last in answer to a request, and whether it said another number to the same one before. */
interface Held {
  byRequest: Map<string, number>;
  sizes: Set<number>;
  varies: boolean;
}

export class HeldSizes {
  /** Null: other numbers stood there as well. */
  readonly #places = new Map<Place, Held | null>();
  readonly #named = new WeakMap<Place, boolean>();
  readonly #sent = new Set<number>();

  /** The numbers and texts of an answer, and the leaves of its request. */
  observe(answered: readonly { place: Place; path: string; value: Scalar }[], asked: readonly Leaf[]): void {
    for (const { value } of asked)
      if (typeof value === 'number' && value >= MIN_BYTES && this.#sent.size < MAX_SENT)
        this.#sent.add(value);
    const named = answered.filter(({ place }) => this.#isNamed(place));
    if (named.length === 0) return;
    const request = requestOf(asked);
    for (const { place, value } of named) this.#note(place, request, value);
  }

  /** A place is asked about once: most say something else. */
  #isNamed(place: Place): boolean {
    const known = this.#named.get(place);
    if (known !== undefined) return known;
    const isNamed = !place.path.includes('[') && NAMED.test(nameOf(place.path));
    this.#named.set(place, isNamed);
    return isNamed;
  }

  #note(place: Place, request: string, size: Scalar): void {
    const known = this.#places.get(place);
    if (known === null || (known === undefined && this.#places.size >= MAX_PLACES)) return;
    if (!isHeld(size)) return void this.#places.set(place, null);
    const held = known ?? { byRequest: new Map(), sizes: new Set(), varies: false };
    this.#places.set(place, held);
    if ((held.byRequest.get(request) ?? size) !== size) held.varies = true;
    if (held.byRequest.size < MAX_REQUESTS) held.byRequest.set(request, size);
    if (held.sizes.size < MAX_REQUESTS) held.sizes.add(size);
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const found = new Map<string, VolatileLeaf[]>();
    for (const [{ operation, path }, held] of this.#places) {
      if (!held?.varies || [...held.sizes].some((size) => this.#sent.has(size))) continue;
      const leaf: VolatileLeaf = { path, kind: 'measure', unit: 1, why: WHY };
      found.set(operation.key, [...(found.get(operation.key) ?? []), leaf]);
    }
    return found;
  }
}

function isHeld(size: Scalar): size is number {
  return (
    typeof size === 'number' && Number.isInteger(size) && size >= MIN_BYTES && size % SETTING_BYTES !== 0
  );
}

function nameOf(path: string): string {
  return (KEY.exec(path)?.[0] ?? '').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function requestOf(asked: readonly Leaf[]): string {
  const said = asked.filter(({ path }) => !path.startsWith('header') && !path.startsWith('cookie'));
  return said.map(({ path, value }) => `${path}=${value}`).join('\n');
}
