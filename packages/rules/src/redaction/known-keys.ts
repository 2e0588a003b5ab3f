// What is known of the keys of objects and forms: JSON repeats a few names for ever. A table of fixed size with one key a
// slot, asked with a place in a text, so that nothing is cut out of it; a key that meets another takes its slot.
import type { SecretKind } from '../rules-document.ts';
import { ownCopy } from './own-copy.ts';

/** A key that holds no data, and what it says of its value. */
export interface KnownKey {
  readonly key: string;
  readonly kind: SecretKind | null;
  /** Its value names another one: `{"name": "password", "value": "x"}`. */
  readonly isNaming: boolean;
  /** Its value may be named by another one. */
  readonly isNamed: boolean;
  /** Letters, digits, `_` and `-`: in no notation it stands for another key, or for a path of keys. */
  readonly isSimple: boolean;
}

/** Headers, forms and settings are written so. */
export const NAMING: ReadonlySet<string> = new Set(['name', 'key', 'field', 'header', 'parameter']);
export const NAMED: ReadonlySet<string> = new Set(['value', 'values', 'val', 'content']);

const SLOTS = 2_048;
const MAX_LENGTH = 64;

export class KnownKeys {
  readonly #kindOf: (key: string) => SecretKind | null;
  readonly #holdsData: (key: string) => boolean;
  readonly #slots: (KnownKey | null)[] = new Array<KnownKey | null>(SLOTS).fill(null);

  /** What is asked of a key that is not known yet: the same for the same key. */
  constructor(kindOf: (key: string) => SecretKind | null, holdsData: (key: string) => boolean) {
    this.#kindOf = kindOf;
    this.#holdsData = holdsData;
  }

  /** The key written at [start, end); null for one that holds data or is long: the caller has to look itself. */
  at(text: string, start: number, end: number): KnownKey | null {
    if (end - start > MAX_LENGTH || end === start) return null;
    const slot = slotOf(text, start, end);
    const known = this.#slots[slot]!;
    return known !== null && isAt(known.key, text, start, end)
      ? known
      : this.#learn(text.slice(start, end), slot);
  }

  #learn(key: string, slot: number): KnownKey | null {
    if (this.#holdsData(key)) return null;
    const known = {
      key: ownCopy(key),
      kind: this.#kindOf(key),
      isNaming: NAMING.has(key),
      isNamed: NAMED.has(key),
      isSimple: /^[\w-]+$/.test(key),
    };
    this.#slots[slot] = known;
    return known;
  }
}

function isAt(key: string, text: string, start: number, end: number): boolean {
  if (key.length !== end - start) return false;
  for (let at = 0; at < key.length; at++)
    if (key.charCodeAt(at) !== text.charCodeAt(start + at)) return false;
  return true;
}

/** By length and three characters: all of them would be read twice. */
function slotOf(text: string, start: number, end: number): number {
  const middle = text.charCodeAt((start + end) >> 1);
  const hash =
    text.charCodeAt(start) * 31 + middle * 337 + text.charCodeAt(end - 1) * 131 + (end - start) * 7;
  return hash & (SLOTS - 1);
}
