// Seconds that are left of a lifetime of whole minutes, `expires_in`: cut to whole ones, they are one fewer when the answer was
// not ready within the second. Learned of a field that says so much of one lifetime more than once, one fewer among it, which
// nobody sets: how often is a matter of milliseconds. Bounded. Pure.
import type { Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

const NAMED = /expir|ttl|max_?age|remain|left|lifetime|valid/i;
const KEY = /[^.[\]]+$/;
const MINUTE = 60;
const MIN_SAID = 2;
const MAX_PLACES = 1_000;
const MAX_LIFETIMES = 20;
const WHY = 'is what is left of a lifetime of whole minutes, in whole seconds: all or one fewer';

interface Said {
  whole: number;
  less: number;
}

export class CutSeconds {
  /** By place and lifetime. */
  readonly #places = new Map<Place, Map<number, Said>>();

  observe(answered: readonly { place: Place; path: string; value: Scalar }[]): void {
    for (const { place, path, value } of answered) {
      const lifetime = lifetimeOf(value);
      if (lifetime === null || !NAMED.test(KEY.exec(path)?.[0] ?? '')) continue;
      const known = this.#places.get(place) ?? new Map<number, Said>();
      if (known.size >= MAX_LIFETIMES || (known.size === 0 && this.#places.size >= MAX_PLACES)) continue;
      const said = known.get(lifetime) ?? { whole: 0, less: 0 };
      said[value === lifetime ? 'whole' : 'less']++;
      this.#places.set(place, known.set(lifetime, said));
    }
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const found = new Map<string, VolatileLeaf[]>();
    for (const [{ operation, path }, lifetimes] of this.#places) {
      if (![...lifetimes.values()].some(({ whole, less }) => less > 0 && whole + less >= MIN_SAID)) continue;
      const leaf: VolatileLeaf = { path, kind: 'measure', cut: true, why: WHY };
      found.set(operation.key, [...(found.get(operation.key) ?? []), leaf]);
    }
    return found;
  }
}

/** Whole minutes in seconds, of which this are all or one fewer. */
function lifetimeOf(value: Scalar): number | null {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < MINUTE - 1) return null;
  if (value % MINUTE === 0) return value;
  return value % MINUTE === MINUTE - 1 ? value + 1 : null;
}
