// Lists in the order of a hash table: things with generated ids that stand in no order that can be seen, while another answer of
// the recording names the same things in another order that cannot be seen either, or that stand as such a table has them, in a
// service that is known to have some. Their ids are made anew in a replay, and the order with them. Bounded: of an operation the
// first answers are looked at, and so many lists are kept. Pure.
import { hashOrders, kindOf, type Leaf, type Scalar } from '@echoplane/replay';
import { type ListOrder, leafPattern } from '@echoplane/traffic';
import { type AskedList, AskedLists, requestLists } from './asked-lists.ts';
import { hasOrder, type Lists, listsOf } from './lists.ts';
import type { Operation } from './places.ts';
import { TextOrders } from './text-orders.ts';

const MAX_ANSWERS = 40;
const MAX_LISTS = 2_000;
const MAX_ELEMENTS = 100;
/** Three are in a circle whichever way they stand. */
const MIN_NAMES = 4;
const MIN_SHARE = 0.75;
/** Fewer stand in the order of a hash table by chance; once some do, shorter lists may be such, too. */
const MIN_HASHED = 5;
const NAME = /^[A-Za-z][\w.:-]*$/;

interface ThingList {
  operation: string;
  path: string;
  /** Fields by which the things may be named. */
  names: readonly (readonly string[])[];
  hasOrder: boolean;
  length: number;
  /** Generated fields by which they stand in the order of a hash table. */
  hashedBy: readonly string[];
}

export interface LearnedOrders {
  /** Patterns of lists without an order, by operation. */
  unordered: ReadonlyMap<string, ReadonlySet<string>>;
  /** Orders that lists keep, by operation. */
  kept: ReadonlyMap<string, readonly ListOrder[]>;
  /** Lists without an order in the answers to requests that name the things in them. */
  asked: ReadonlySet<AskedList>;
}

export class OrderLearner {
  readonly #answers = new Map<string, number>();
  /** Sets of names as they stood, without an order that can be seen. */
  readonly #names = new Map<string, readonly string[]>();
  readonly #things: ThingList[] = [];
  readonly #texts = new TextOrders();
  readonly #asked = new AskedLists();

  /** An answer, with what is inside its tokens, and what was asked: gives the lists whose things the request named. */
  observe(
    { key, method }: Operation,
    leaves: readonly Leaf[],
    asked: readonly Leaf[],
    isWrite: boolean,
  ): readonly AskedList[] {
    const wanted = requestLists(asked);
    const answers = (this.#answers.get(key) ?? 0) + 1;
    this.#answers.set(key, answers);
    if (answers > MAX_ANSWERS && wanted.length === 0) return [];
    const lists = listsOf(leaves);
    if (answers <= MAX_ANSWERS) this.#learn(key, lists, isWrite ? null : pathOf(asked));
    return this.#asked.observe(method, wanted, lists);
  }

  /** `of`: whose lists are read. */
  #learn(key: string, lists: Lists, of: string | null): void {
    for (const [path, columns] of lists) {
      const bare = columns.get('');
      if (bare && columns.size === 1) this.#named(bare);
      else if (!bare) {
        this.#listed(key, path, columns);
        this.#texts.observe(key, leafPattern(path), columns, of);
      }
    }
  }

  #named(list: readonly Scalar[]): void {
    if (!areNames(list) || hasOrder(list) || this.#names.size >= MAX_LISTS) return;
    this.#names.set(list.join('\n'), list);
  }

  #listed(operation: string, path: string, columns: ReadonlyMap<string, readonly Scalar[]>): void {
    if (this.#things.length >= MAX_LISTS) return;
    const length = Math.max(...[...columns.values()].map((column) => column.length));
    const full = [...columns].filter(([, column]) => column.length === length);
    const generated = full.filter(([, column]) => areGenerated(column));
    if (generated.length === 0) return;
    this.#things.push({
      ...{ operation, path: leafPattern(path), length },
      names: full.map(([, column]) => column).filter(areNames),
      hasOrder: full.some(([, column]) => hasOrder(column)),
      hashedBy: generated.flatMap(([key, column]) => (hashOrders(column).length > 0 ? [key] : [])),
    });
  }

  finish(): LearnedOrders {
    const unordered = new Map<string, Set<string>>();
    const kept = this.#texts.finish();
    const long = this.#things.filter(({ hasOrder, length }) => !hasOrder && length >= MIN_HASHED);
    /** What hash tables are seen to be keyed by; a short list stands in the order of something else by chance. */
    const tableKeys = new Set(long.flatMap(({ hashedBy }) => hashedBy));
    for (const lists of Map.groupBy(this.#things, ({ operation, path }) => `${operation} ${path}`).values()) {
      const { operation, path } = lists[0]!;
      if (lists.some((list) => list.hasOrder)) continue;
      const isTold = lists.some(({ names }) => names.some((one) => this.#isOtherwise(one)));
      const keys = tableKeys.size > 0 && lists.some(({ length }) => length > 1) ? hashKeysOf(lists) : [];
      if (!isTold && keys.length === 0) continue;
      unordered.set(operation, (unordered.get(operation) ?? new Set<string>()).add(path));
      const orders = keys
        .filter((key) => tableKeys.has(key))
        .map((key): ListOrder => ({ path, key, by: 'hash' }));
      if (orders.length > 0) kept.set(operation, [...(kept.get(operation) ?? []), ...orders]);
    }
    return { unordered, kept, asked: this.#asked.finish() };
  }

  #isOtherwise(list: readonly string[]): boolean {
    return [...this.#names.values()].some((other) => {
      const known = new Set(other);
      const here = list.filter((name) => known.has(name));
      if (here.length < MIN_SHARE * Math.max(list.length, other.length)) return false;
      const there = other.filter((name) => here.includes(name));
      return !isTurned(here, there) && !isTurned(here, there.toReversed());
    });
  }
}

/** The path of a request, without its query. */
function pathOf(asked: readonly Leaf[]): string {
  return asked.flatMap(({ path, value }) => (path.startsWith('path[') ? [value] : [])).join('/');
}

/** The fields by which all of them stand in the order of a hash table. */
function hashKeysOf([first, ...others]: readonly ThingList[]): string[] {
  return first!.hashedBy.filter((key) => others.every(({ hashedBy }) => hashedBy.includes(key)));
}

function areNames(list: readonly Scalar[]): list is string[] {
  return (
    list.length >= MIN_NAMES &&
    list.length <= MAX_ELEMENTS &&
    new Set(list).size === list.length &&
    list.every((value) => typeof value === 'string' && NAME.test(value) && kindOf(value) !== 'uuid')
  );
}

function areGenerated(list: readonly Scalar[]): boolean {
  const kinds = new Set(list.map((value) => (typeof value === 'string' ? kindOf(value) : null)));
  return (
    new Set(list).size === list.length && [...kinds].every((kind) => kind !== null && GENERATED.has(kind))
  );
}

const GENERATED: ReadonlySet<string> = new Set(['uuid', 'token', 'hex']);

/** The same from another beginning. */
function isTurned(a: readonly string[], b: readonly string[]): boolean {
  const first = b.indexOf(a[0]!);
  return a.every((name, i) => b[(first + i) % b.length] === name);
}
