// Maps of protobuf, which on the wire are lists of entries, `{1: key, 2: value}`, in an order that means nothing and that some
// languages shuffle each time. https://protobuf.dev/programming-guides/encoding/#maps Without a schema a list of such entries
// may be anything: that this service shuffles shows in answers that give the same entries in several orders. Then those are maps,
// and so is what is keyed by what a request listed, when its keys stand otherwise. Bounded: of entries, which may be long, digests
// are kept. Pure.
import { hash } from 'node:crypto';
import type { Leaf, Scalar } from '@echoplane/replay';
import { leafPattern } from '@echoplane/traffic';
import { hasOrder } from './lists.ts';
import type { Operation } from './places.ts';

const MAX_ENTRIES = 200;
const MAX_PLACES = 1_000;
const MAX_SETS = 5_000;
const MAX_ORDERS = 8;
/** Sets of entries that stand in several orders; one alone may have been put together twice. */
const MIN_SHUFFLED = 2;
/** Fewer keys stand in the order of the request by chance. */
const MIN_ASKED = 3;
/** A field of an element of a list of messages. */
const FIELD = /\[(\d+)\]\.(\d+)/g;

/** A list of entries, by the keys as they stand; `content`: with all that is in them. */
interface Entries {
  path: string;
  keys: readonly Scalar[];
  content: readonly string[];
}

interface Lists {
  operation: string;
  path: string;
  /** Sets of entries that stood here. */
  sets: Set<string>;
  /** Lists whose keys the request had in its order, or in another one. */
  asAsked: number;
  otherwise: number;
}

export class MapEntries {
  /** Orders by set of entries, of requests as well. */
  readonly #orders = new Map<string, Set<string>>();
  /** Sets that an answer gave in no order that can be seen. */
  readonly #loose = new Set<string>();
  readonly #places = new Map<string, Lists>();

  observe({ key }: Operation, asked: readonly Leaf[], answered: readonly Leaf[]): void {
    for (const { content } of entriesIn(asked)) this.#stood(content);
    for (const { path, keys, content } of entriesIn(answered)) {
      const place = this.#place(key, leafPattern(path));
      const set = place && this.#stood(content);
      if (set === undefined) return;
      if (!hasOrder(keys)) this.#loose.add(set);
      if (place!.sets.size < MAX_SETS) place!.sets.add(set);
      if (keys.length < MIN_ASKED || hasOrder(keys)) continue;
      const wanted = asked.flatMap(({ value }) => (keys.includes(value) ? [value] : []));
      if (wanted.length !== keys.length) continue;
      if (wanted.every((one, i) => one === keys[i])) place!.asAsked++;
      else place!.otherwise++;
    }
  }

  /** The set, when there is room for it. */
  #stood(content: readonly string[]): string | undefined {
    const set = digestOf(content.toSorted());
    const orders = this.#orders.get(set) ?? new Set<string>();
    if (orders.size === 0 && this.#orders.size >= MAX_SETS) return undefined;
    this.#orders.set(set, orders);
    if (orders.size < MAX_ORDERS) orders.add(digestOf(content));
    return set;
  }

  #place(operation: string, path: string): Lists | undefined {
    const id = `${operation}\t${path}`;
    const known = this.#places.get(id);
    if (known || this.#places.size >= MAX_PLACES) return known;
    const place: Lists = { operation, path, sets: new Set(), asAsked: 0, otherwise: 0 };
    this.#places.set(id, place);
    return place;
  }

  /** Adds the patterns of maps, by operation. */
  addTo(found: Map<string, Set<string>>): void {
    const shuffled = new Set([...this.#loose].filter((set) => this.#orders.get(set)!.size > 1));
    if (shuffled.size < MIN_SHUFFLED) return;
    for (const { operation, path, sets, asAsked, otherwise } of this.#places.values()) {
      const isAskedMap = otherwise > 0 && asAsked === 0;
      if (isAskedMap || [...sets].some((set) => shuffled.has(set)))
        found.set(operation, (found.get(operation) ?? new Set<string>()).add(path));
    }
  }
}

function digestOf(content: readonly string[]): string {
  return hash('sha256', content.join('\n'), 'base64url');
}

/** The lists of entries in a message. */
function entriesIn(leaves: readonly Leaf[]): Entries[] {
  const lists = new Map<string, Map<number, { key?: Scalar; content: string[] }> | null>();
  for (const { path, value } of leaves) {
    if (!path.startsWith('body[')) continue;
    for (const { index, 0: step, 1: element, 2: field } of path.matchAll(FIELD)) {
      const list = path.slice(0, index);
      if (lists.get(list) === null) continue;
      const rest = path.slice(index + step.length);
      // Another field, or a key that is itself a message.
      if ((field !== '1' && field !== '2') || (field === '1' && rest !== '')) {
        lists.set(list, null);
        continue;
      }
      const entries = lists.get(list) ?? new Map<number, { key?: Scalar; content: string[] }>();
      lists.set(list, entries);
      const entry = entries.get(Number(element)) ?? { content: [] };
      entries.set(Number(element), entry);
      if (field === '1') entry.key = value;
      entry.content.push(`${field}${leafPattern(rest)}=${JSON.stringify(value)}`);
    }
  }
  return [...lists].flatMap(([path, entries]): Entries[] => {
    if (!entries || entries.size < 2 || entries.size > MAX_ENTRIES) return [];
    const keys = [...entries.values()].map(({ key }) => key ?? null);
    if (keys.includes(null) || new Set(keys).size !== keys.length) return [];
    const content = [...entries.values()].map((entry) => entry.content.toSorted().join('\t'));
    return [{ path, keys, content }];
  });
}
