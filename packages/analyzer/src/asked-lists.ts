// Answers to requests that name the things they want: a list of ids, of links, words between commas. Such an answer may have an
// order of nobody's making: not the request's, not one of a field that can be seen, and no other answer has the same things in it.
// A service that gathers them in a set gives them in another order in every life. Bounded; it knows no names of fields. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import { leafPattern } from '@echoplane/traffic';
import { hasOrder, type Lists } from './lists.ts';

const MAX_NAMES = 100;
/** Fewer stand in the order of the request, or of a field, by chance. */
const MIN_NAMES = 4;
/** Answers without an order that tell it, and how many with one speak against it. */
const MIN_LOOSE = 2;
const MAX_KEPT_SHARE = 0.5;
const MAX_ANSWERS = 200;
const MAX_LISTS = 2_000;
const ELEMENT = /^(.*)\[\d+\]$/;
/** A field of each of the things in a list: `body.checks[3].correlation_id`. */
const FIELD_OF_ELEMENT = /^(.*)\[\d+\](\.[^[\]]+)$/;
const WORDS = /^[^,\s]+(?:,[^,\s]+)+$/;

/** A request's list and the answer's, by method and patterns. */
export type AskedList = string;

export class AskedLists {
  /** Names in answers, as they stood, with whose answer it was. */
  readonly #lists: { asked: AskedList | null; names: readonly string[] }[] = [];
  readonly #loose = new Map<AskedList, (readonly string[])[]>();
  readonly #kept = new Map<AskedList, number>();
  /** By another kind of request, perhaps for fewer things. */
  readonly #found = new Set<AskedList>();

  /** The lists of an answer and those of its request: the ones whose things the request named. */
  observe(method: string, wanted: readonly RequestList[], lists: Lists): AskedList[] {
    const found: AskedList[] = [];
    for (const [path, columns] of lists) {
      const length = Math.max(...[...columns.values()].map((column) => column.length));
      const full = [...columns.values()].filter((column) => column.length === length);
      for (const names of full.map(namesOf)) {
        if (names.length < 2) continue;
        const list = wanted.find((one) => names.every((name) => one.order.has(name)));
        const key = list ? `${method} ${list.pattern} ${leafPattern(path)}` : null;
        if (key !== null && !found.includes(key)) found.push(key);
        if (key !== null && this.#found.size < MAX_LISTS) this.#found.add(key);
        if (names.length < MIN_NAMES) continue;
        if (this.#lists.length < MAX_LISTS) this.#lists.push({ asked: key, names });
        if (key !== null && list) this.#vote(key, names, isExplained(names, list.order, full));
      }
    }
    return found;
  }

  /** Those of which the answers have no order. */
  finish(): ReadonlySet<AskedList> {
    const loose = new Set<AskedList>();
    for (const [key, lists] of this.#loose) {
      const unseen = lists.filter((names) => !this.#isSeen(key, names)).length;
      const kept = (this.#kept.get(key) ?? 0) + lists.length - unseen;
      if (unseen >= MIN_LOOSE && kept <= unseen * MAX_KEPT_SHARE) loose.add(key);
    }
    // What one method gathers for lists of one place it gathers however it is asked.
    const places = new Set([...loose].map(placeOf));
    for (const key of this.#found)
      if (places.has(placeOf(key)) && !this.#loose.has(key) && !this.#kept.has(key)) loose.add(key);
    return loose;
  }

  #vote(key: AskedList, names: readonly string[], isKept: boolean): void {
    if (isKept) return void this.#kept.set(key, (this.#kept.get(key) ?? 0) + 1);
    const lists = this.#loose.get(key) ?? [];
    if (lists.length < MAX_ANSWERS) lists.push(names);
    this.#loose.set(key, lists);
  }

  /** Whether answers to something else have the same things in this order; by chance a few do, of which more have another one. */
  #isSeen(key: AskedList, names: readonly string[]): boolean {
    const order = orderOf(names);
    let [same, another] = [0, 0];
    for (const { asked, names: other } of this.#lists) {
      const places = asked === key ? [] : other.flatMap((name) => order.get(name) ?? []);
      if (places.length < MIN_NAMES) continue;
      if (isMonotonous(places)) same++;
      else another++;
    }
    return same > another;
  }
}

/** The path of the answer's list. */
export function answerListOf(asked: AskedList): string {
  return asked.slice(asked.lastIndexOf(' ') + 1);
}

/** The method, and the path of the answer's list. */
function placeOf(asked: AskedList): string {
  return `${asked.slice(0, asked.indexOf(' '))} ${answerListOf(asked)}`;
}

/** Names that a request says in a list. */
export interface RequestList {
  pattern: string;
  /** Where each name stands. */
  order: ReadonlyMap<string, number>;
}

/** The lists of names in a request. */
export function requestLists(asked: readonly Leaf[]): RequestList[] {
  const lists = new Map<string, string[]>();
  for (const { path, value } of asked) {
    if (value === null || typeof value === 'boolean' || !/^(?:body|query)/.test(path)) continue;
    const list = listOf(path);
    if (list !== null) {
      const names = lists.get(list);
      if (names) names.push(String(value));
      else lists.set(list, [String(value)]);
    } else if (typeof value === 'string' && WORDS.test(value)) lists.set(path, value.split(','));
  }
  return (
    [...lists]
      .filter(([, names]) => names.length > 1 && names.length <= MAX_NAMES)
      // A field of things names each of them, or says what some have in common.
      .filter(([path, names]) => !path.includes('[]') || new Set(names).size === names.length)
      .map(([path, names]) => ({ pattern: leafPattern(path).replaceAll(' ', '_'), order: orderOf(names) }))
  );
}

/** The list in which a value of a request stands, or of whose things it is a field; null when it is in none. */
function listOf(path: string): string | null {
  if (!path.includes(']')) return null;
  const whole = ELEMENT.exec(path);
  if (whole) return whole[1]!;
  const field = FIELD_OF_ELEMENT.exec(path);
  return field ? `${field[1]}[]${field[2]}` : null;
}

function orderOf(names: readonly string[]): Map<string, number> {
  return new Map(names.map((name, i) => [name, i]));
}

/** Values that each stand once, as texts; none when one stands twice. */
function namesOf(column: readonly Scalar[]): string[] {
  const names = column.flatMap((value) =>
    value === null || typeof value === 'boolean' ? [] : [String(value)],
  );
  const isEach = names.length === column.length && new Set(names).size === names.length;
  return isEach && names.length <= MAX_NAMES ? names : [];
}

function isExplained(
  names: readonly string[],
  order: ReadonlyMap<string, number>,
  columns: readonly (readonly Scalar[])[],
): boolean {
  return isMonotonous(names.map((name) => order.get(name)!)) || columns.some(hasOrder);
}

function isMonotonous(places: readonly number[]): boolean {
  return [1, -1].some((sign) => places.every((place, i) => i === 0 || sign * (place - places[i - 1]!) > 0));
}
