// Numbers of bytes that a store has allotted itself: files and memory grow by whole pages, sooner or later as its own timers
// have it, so that a replay may find a page more or less. Told by their values, which are whole pages in every answer and not
// always as many; what a client ever sent is none. Bounded; it knows no names. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

/** Memory, file systems and databases allot multiples of this. */
const PAGE_BYTES = 4_096;
const MIN_SIZES = 2;
const MAX_PLACES = 8_000;
const MAX_SIZES = 64;
const MAX_SENT = 20_000;
const WHY = `is a whole number of pages of ${PAGE_BYTES} bytes in every answer, and not always as many: what a service allots itself`;

export class AllottedSizes {
  /** Null: other numbers stood there as well. */
  readonly #sizes = new Map<Place, Set<number> | null>();
  readonly #sent = new Set<number>();

  /** The numbers and texts of an answer, and the leaves of its request. */
  observe(answered: readonly { place: Place; value: Scalar }[], asked: readonly Leaf[]): void {
    for (const { value } of asked) {
      const size = pagesOf(value);
      if (size !== null && this.#sent.size < MAX_SENT) this.#sent.add(size);
    }
    for (const { place, value } of answered) {
      const sizes = this.#sizes.get(place);
      if (sizes === null || (sizes === undefined && this.#sizes.size >= MAX_PLACES)) continue;
      const size = pagesOf(value);
      if (size === null) this.#sizes.set(place, null);
      else if (sizes === undefined) this.#sizes.set(place, new Set([size]));
      else if (sizes.size < MAX_SIZES) sizes.add(size);
    }
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const found = new Map<string, VolatileLeaf[]>();
    for (const [{ operation, path }, sizes] of this.#sizes) {
      if (sizes === null || sizes.size < MIN_SIZES || [...sizes].some((size) => this.#sent.has(size)))
        continue;
      const list = found.get(operation.key) ?? [];
      found.set(operation.key, [...list, { path, kind: 'measure', unit: PAGE_BYTES, why: WHY }]);
    }
    return found;
  }
}

/** A number, also one in digits, of whole pages; else null. */
function pagesOf(value: Scalar): number | null {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d{4,15}$/.test(value))) return null;
  const size = Number(value);
  return size > 0 && size % PAGE_BYTES === 0 ? size : null;
}
