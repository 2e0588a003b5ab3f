// Lists that stand in the order of a text of theirs, a name or a title, in every answer of an operation: on all pages of a list, in
// the answers to several searches. Their order is the service's doing, whatever of their elements is generated. Bounded: so many
// lists, and fields of one. Pure.
import { atomsIn, isRedacted, isSorted, type Scalar } from '@echoplane/replay';
import type { ListOrder } from '@echoplane/traffic';

const MAX_PLACES = 2_000;
const MAX_FIELDS = 40;
const MAX_KNOWN = 200;
/** What chance does once in so many recordings is no order. */
const MIN_ODDS = 120;
const WORD = /[A-Za-z]/;

/** A field by which all lists of a place were sorted so far. */
interface SortedField {
  sign: 1 | -1;
  /** How seldom chance brings them into that order. */
  odds: number;
  /** Elements in order one after the other: a page goes on where the one before it ended. */
  run: number;
  last: string;
  /** Of what the list was: only pages of one list go on. */
  of: string | null;
  known: Set<string>;
}

export class TextOrders {
  /** By operation and list; of a field that is in no order null. */
  readonly #places = new Map<string, Map<string, SortedField | null>>();

  /** `of`: whose list is read; null where each answer has a list of its own, as those to writes do. */
  observe(
    operation: string,
    path: string,
    columns: ReadonlyMap<string, readonly Scalar[]>,
    of: string | null,
  ): void {
    const length = Math.max(...[...columns.values()].map((column) => column.length));
    if (length < 2) return;
    const place = `${operation}\t${path}`;
    const fields = this.#places.get(place) ?? new Map<string, SortedField | null>();
    if (fields.size === 0 && this.#places.size >= MAX_PLACES) return;
    this.#places.set(place, fields);
    for (const [key, column] of columns) {
      const before = fields.get(key);
      if (before === null || (before === undefined && fields.size >= MAX_FIELDS)) continue;
      fields.set(key, column.length === length && areNames(column) ? withList(before, column, of) : null);
    }
  }

  /** By operation, the orders that are no chance. */
  finish(): Map<string, ListOrder[]> {
    const found = new Map<string, ListOrder[]>();
    for (const [place, fields] of this.#places) {
      const [operation, path] = place.split('\t') as [string, string];
      const orders = [...fields].flatMap(([key, field]): ListOrder[] =>
        field && field.odds >= MIN_ODDS ? [{ path, key, by: field.sign > 0 ? 'rising' : 'falling' }] : [],
      );
      if (orders.length > 0) found.set(operation, [...(found.get(operation) ?? []), ...orders]);
    }
    return found;
  }
}

function withList(
  before: SortedField | undefined,
  list: readonly string[],
  of: string | null,
): SortedField | null {
  const sign = isSorted(list, 1) ? 1 : isSorted(list, -1) ? -1 : 0;
  if (sign === 0 || (before && before.sign !== sign)) return null;
  const { odds = 1, run = 0, last = null, known = new Set<string>() } = before ?? {};
  // What stood in a list before says nothing more.
  const fresh = known.size >= MAX_KNOWN ? 0 : list.filter((name) => !known.has(name)).length;
  if (before && fresh === 0) return before;
  for (const name of list) known.add(name);
  const isNext = of !== null && before?.of === of && fresh === list.length;
  const goesOn = isNext && last !== null && isSorted([last, list[0]!], sign);
  const longer = goesOn ? run + fresh : list.length;
  return {
    ...{ sign, known, of },
    run: longer,
    last: list.at(-1)!,
    odds: (odds * orders(longer)) / orders(longer - fresh),
  };
}

/** In how many orders so many elements can stand. */
function orders(count: number): number {
  let product = 1;
  for (let n = 2; n <= Math.min(count, 20); n++) product *= n;
  return product;
}

/** Texts that are the same in a replay, no two of them alike. */
function areNames(list: readonly Scalar[]): list is string[] {
  return (
    new Set(list).size === list.length &&
    list.every(
      (value) =>
        typeof value === 'string' && WORD.test(value) && !isRedacted(value) && atomsIn(value).length === 0,
    )
  );
}
