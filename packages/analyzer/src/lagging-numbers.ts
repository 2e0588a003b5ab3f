// Numbers and times that a service works out behind its answers, the size of a repository, when it last changed: answers to writes were seen to
// show them as they had been before the write before, and the next read as they were then. How soon it has caught up is its own
// doing, so each answer may show what the same thing had before, what it had next, or what lies between. Told of objects with the
// same fields; where such a number ever went down, it is another one. Bounded. Pure.
import { isIdentityKey, kindOf, type Leaf, readTime, type Scalar } from '@echoplane/replay';
import { holderOf } from './object-facts.ts';

const MIN_SEEN = 2;
const MAX_KINDS = 1_000;
const MAX_NUMBERS = 5_000;
/** Answers that showed a number before it rose; earlier ones are compared by value. */
const MAX_SHOWN = 16;
const MAX_TOLD = 50_000;
const MAX_LEAVES = 2_000;
const MAX_FIELDS = 60;
const OWN_ID = /^(?:id|ID|_id)$/;

/** What a number of an answer may be as well, if numbers of its field lag. */
export interface Lagging {
  pair: number;
  field: string;
  changes: [path: string, later: Scalar][];
}

interface Shown {
  value: Scalar;
  before: Scalar;
  at: { pair: number; path: string }[];
}

export class LaggingNumbers {
  readonly #kinds = new Map<string, number>();
  /** By field and thing. */
  readonly #numbers = new Map<string, Shown>();
  readonly #seen = new Map<string, number>();
  readonly #fell = new Set<string>();
  #told = 0;

  /** Whether numbers of a field were seen to lag. */
  has(field: string): boolean {
    return (this.#seen.get(field) ?? 0) >= MIN_SEEN && !this.#fell.has(field);
  }

  /** The next answer; `late`: leaves that the answer to a write before it showed as they had been. */
  observe(pair: number, answered: readonly Leaf[], late: readonly string[]): Lagging[] {
    if (answered.length > MAX_LEAVES) return [];
    const found: Lagging[] = [];
    for (const [holder, leaves] of objectsIn(answered)) {
      const id = leaves.find(({ path }) => OWN_ID.test(keyOf(path, holder)))?.value;
      const kind = id === undefined || leaves.length > MAX_FIELDS ? null : this.#kindOf(holder, leaves);
      if (kind === null) continue;
      for (const { path, value } of leaves) {
        const key = keyOf(path, holder);
        if (isIdentityKey(key) || rankOf(value) === null) continue;
        const field = `${kind} ${key}`;
        found.push(...this.#show(field, `${field} ${id}`, { pair, path, value }));
        if (late.includes(path)) this.#seen.set(field, (this.#seen.get(field) ?? 0) + 1);
      }
    }
    return found;
  }

  #show(field: string, number: string, { pair, path, value }: { pair: number; path: string; value: Scalar }) {
    const shown = this.#numbers.get(number);
    if (!shown) {
      if (this.#numbers.size < MAX_NUMBERS)
        this.#numbers.set(number, { value, before: null, at: [{ pair, path }] });
      return [];
    }
    const found: Lagging[] = [];
    const tell = (of: number, at: string, later: Scalar) => {
      if (this.#told++ < MAX_TOLD) found.push({ pair: of, field, changes: [[at, later]] });
    };
    if (rankOf(value)! < rankOf(shown.value)!) this.#fell.add(field);
    if (value !== shown.value) {
      for (const { pair: of, path: at } of shown.at) tell(of, at, value);
      this.#numbers.set(number, { value, before: shown.value, at: [{ pair, path }] });
      tell(pair, path, shown.value);
      return found;
    }
    if (shown.before !== null) tell(pair, path, shown.before);
    shown.at.push({ pair, path });
    if (shown.at.length > MAX_SHOWN) shown.at.shift();
    return found;
  }

  /** Objects with the same fields are of one kind. */
  #kindOf(holder: string, leaves: readonly Leaf[]): number | null {
    const keys = leaves.map(({ path }) => keyOf(path, holder)).join();
    const known = this.#kinds.get(keys);
    if (known !== undefined) return known;
    if (this.#kinds.size >= MAX_KINDS) return null;
    this.#kinds.set(keys, this.#kinds.size);
    return this.#kinds.size - 1;
  }
}

/** Null: neither a number that counts something, nor a time. */
function rankOf(value: Scalar): number | null {
  return typeof value === 'number' && kindOf(value) === null ? value : (readTime(value)?.us ?? null);
}

function keyOf(path: string, holder: string): string {
  return path.slice(holder.length + 1);
}

/** The leaves of a body by the objects that they are directly in. */
function objectsIn(answered: readonly Leaf[]): Map<string, Leaf[]> {
  const objects = new Map<string, Leaf[]>();
  for (const leaf of answered) {
    if (leaf.inner || !leaf.path.startsWith('body')) continue;
    const holder = holderOf(leaf.path);
    const list = objects.get(holder);
    if (list) list.push(leaf);
    else if (holder !== '') objects.set(holder, [leaf]);
  }
  return objects;
}
