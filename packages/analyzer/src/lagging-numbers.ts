// Numbers and times that a service works out behind its answers, the size of a repository, when it last changed: answers to writes were seen to
// show them as they had been before the write before, and the next read as they were then. How soon it has caught up is its own
// doing, so each answer may show what the same thing had before, what it had next, or what lies between. Not what rises
// behind writes of one kind alone, which is what these do and do not tell. Told of objects with the same fields; where such a
// number ever went down, it is another one. Bounded. Pure.
import { isIdentityKey, kindOf, type Leaf, readTime, type Scalar } from '@echoplane/replay';
import { byHolder } from './object-facts.ts';
import type { Late } from './read-back.ts';

const MIN_SEEN = 2;
const MAX_KINDS = 1_000;
const MAX_NUMBERS = 5_000;
/** Answers that showed a number before it rose; earlier ones are compared by value. */
const MAX_SHOWN = 16;
const MAX_TOLD = 50_000;
const MAX_LEAVES = 2_000;
const MAX_FIELDS = 60;
const MAX_OPERATIONS = 16;
const OWN_ID = /^(?:id|ID|_id)$/;

/** What a number of an answer may be as well, if numbers of its field lag. */
export interface Lagging {
  pair: number;
  field: string;
  changes: [path: string, later: Scalar][];
}

interface Sighting {
  pair: number;
  operation: string;
  path: string;
  value: Scalar;
}

interface Shown {
  value: Scalar;
  before: Scalar;
  /** The operation that showed it last. */
  operation: string;
  at: { pair: number; path: string }[];
}

/** What was seen of the numbers of a field. */
interface Field {
  /** Answers to writes that showed them as they had been, and the operations of these. */
  late: number;
  by: Set<string>;
  /** Operations behind whose answers they rose. */
  behind: Set<string>;
  fell: boolean;
}

const NOTHING_SEEN: Readonly<Field> = { late: 0, by: new Set(), behind: new Set(), fell: false };

export class LaggingNumbers {
  readonly #kinds = new Map<string, number>();
  /** By field and thing. */
  readonly #numbers = new Map<string, Shown>();
  readonly #fields = new Map<string, Field>();
  #told = 0;

  /** Whether numbers of a field were seen to lag. */
  has(field: string): boolean {
    const { late, by, behind, fell } = this.#fields.get(field) ?? NOTHING_SEEN;
    return late >= MIN_SEEN && !fell && [...behind].some((operation) => !by.has(operation));
  }

  /** The next answer; `late`: what the answer to a write before it showed otherwise. */
  observe(pair: number, operation: string, answered: readonly Leaf[], late: Late | null): Lagging[] {
    if (answered.length > MAX_LEAVES) return [];
    const found: Lagging[] = [];
    const lagged = new Set<string>();
    for (const [holder, leaves] of byHolder(answered.filter(({ inner }) => !inner))) {
      if (holder === '' || leaves.length > MAX_FIELDS) continue;
      const id = leaves.find(({ path }) => OWN_ID.test(keyOf(path, holder)))?.value;
      const ranked = id === undefined ? [] : leaves.filter(({ value }) => rankOf(value) !== null);
      const kind = ranked.length === 0 ? null : this.#kindOf(holder, leaves);
      if (kind === null) continue;
      for (const { path, value } of ranked) {
        const key = keyOf(path, holder);
        if (isIdentityKey(key)) continue;
        const field = `${kind} ${key}`;
        found.push(...this.#show(field, `${field} ${id}`, { pair, operation, path, value }));
        if (late?.paths.includes(path)) lagged.add(field);
      }
    }
    for (const field of lagged) {
      const seen = this.#fieldOf(field);
      seen.late++;
      if (seen.by.size < MAX_OPERATIONS) seen.by.add(late!.operation);
    }
    return found;
  }

  #fieldOf(field: string): Field {
    const known = this.#fields.get(field);
    if (known) return known;
    const made = { late: 0, by: new Set<string>(), behind: new Set<string>(), fell: false };
    if (this.#fields.size < MAX_NUMBERS) this.#fields.set(field, made);
    return made;
  }

  #show(field: string, number: string, { pair, operation, path, value }: Sighting): Lagging[] {
    const shown = this.#numbers.get(number);
    if (!shown) {
      if (this.#numbers.size < MAX_NUMBERS)
        this.#numbers.set(number, { value, before: null, operation, at: [{ pair, path }] });
      return [];
    }
    const found: Lagging[] = [];
    const tell = (of: number, at: string, later: Scalar) => {
      if (this.#told++ < MAX_TOLD) found.push({ pair: of, field, changes: [[at, later]] });
    };
    if (value !== shown.value) {
      const seen = this.#fieldOf(field);
      seen.fell ||= rankOf(value)! < rankOf(shown.value)!;
      if (seen.behind.size < MAX_OPERATIONS) seen.behind.add(shown.operation);
      for (const { pair: of, path: at } of shown.at) tell(of, at, value);
      this.#numbers.set(number, { value, before: shown.value, operation, at: [{ pair, path }] });
      tell(pair, path, shown.value);
      return found;
    }
    shown.operation = operation;
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
