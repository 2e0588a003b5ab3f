// Lists of words that a service keeps as a set: clients send them in one order, and some answers give them in another, which is
// not that of the alphabet, nor the reverse of what was sent wherever they are shown. Such an order is another one in each life
// of a service whose hashes are seeded. Bounded: so many sets, and places. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import { leafPattern } from '@echoplane/traffic';
import { IdTexts } from './id-texts.ts';
import { MapEntries } from './map-entries.ts';
import type { Operation } from './places.ts';

const MIN_SETS = 2;
/** Words of a list that is the only one. */
const MIN_ALONE = 4;
const MAX_SETS = 5_000;
const MAX_PLACES = 2_000;
const MAX_WORDS = 30;
const MAX_WORD_CHARS = 100;
/** An element of a list of words. */
const ELEMENT = /^(body.*)\[\d+\]$/;

/** What no list of a place spoke against so far. */
interface Orders {
  operation: string;
  path: string;
  sets: Set<string>;
  mayBe: { asSent: boolean; reversed: boolean; rising: boolean; falling: boolean };
}

export class TextSets {
  /** Orders in which clients sent a set. */
  readonly #sent = new Map<string, Set<string>>();
  /** Sets that a field showed as they were sent, and not backwards. */
  readonly #kept = new Set<string>();
  readonly #places = new Map<string, Orders>();
  readonly #ids = new IdTexts();
  readonly #maps = new MapEntries();

  observe(operation: Operation, asked: readonly Leaf[], answered: readonly Leaf[]): void {
    this.#ids.observe(operation, asked, answered);
    this.#maps.observe(operation, asked, answered);
    for (const [, list] of listsIn(asked)) this.#send(list);
    if (this.#sent.size === 0) return;
    for (const [path, list] of listsIn(answered)) this.#answer(operation.key, leafPattern(path), list);
  }

  #send(list: readonly string[]): void {
    const set = setOf(list);
    const orders = this.#sent.get(set);
    if (orders) orders.add(list.join('\n'));
    else if (this.#sent.size < MAX_SETS) this.#sent.set(set, new Set([list.join('\n')]));
  }

  #answer(operation: string, path: string, list: readonly string[]): void {
    const set = setOf(list);
    const sent = this.#sent.get(set);
    if (!sent) return;
    const id = `${operation}\t${path}`;
    let orders = this.#places.get(id);
    if (!orders) {
      if (this.#places.size >= MAX_PLACES) return;
      const mayBe = { asSent: true, reversed: true, rising: true, falling: true };
      orders = { operation, path, sets: new Set(), mayBe };
      this.#places.set(id, orders);
    }
    const [forward, backward] = [list.join('\n'), list.toReversed().join('\n')];
    const { mayBe } = orders;
    const kept = `${fieldOf(path)}\t${set}`;
    if (sent.has(forward) && !sent.has(backward) && this.#kept.size < MAX_SETS) this.#kept.add(kept);
    if (orders.sets.size < MAX_SETS) orders.sets.add(set);
    mayBe.asSent &&= sent.has(forward);
    mayBe.reversed &&= sent.has(backward);
    mayBe.rising &&= forward === set;
    mayBe.falling &&= backward === set;
  }

  /** Patterns of lists without an order, by operation; of texts that list ids and of maps as well. */
  finish(): Map<string, ReadonlySet<string>> {
    const found = new Map<string, Set<string>>();
    for (const { operation, path, sets, mayBe } of this.#places.values()) {
      if (mayBe.asSent || mayBe.rising) continue;
      const isKept = [...sets].some((set) => this.#kept.has(`${fieldOf(path)}\t${set}`));
      const isTurned = mayBe.reversed || mayBe.falling;
      // Of one list chance may be why it is in no order; not when the service shows it as it was sent elsewhere.
      const isOnce = sets.size < MIN_SETS && ![...sets].some((set) => set.split('\n').length >= MIN_ALONE);
      if (isOnce || ((isTurned || sets.size < MIN_SETS) && !isKept)) continue;
      found.set(operation, (found.get(operation) ?? new Set<string>()).add(path));
    }
    this.#ids.addTo(found);
    this.#maps.addTo(found);
    return found;
  }
}

/** The lists of two distinct words or more, by their path. */
function listsIn(leaves: readonly Leaf[]): [string, string[]][] {
  const lists = new Map<string, Scalar[]>();
  for (const { path, value } of leaves) {
    if (!path.endsWith(']')) continue;
    const list = ELEMENT.exec(path)?.[1];
    if (list === undefined) continue;
    const known = lists.get(list);
    if (known) known.push(value);
    else lists.set(list, [value]);
  }
  return [...lists].filter((one): one is [string, string[]] => areWords(one[1]));
}

function areWords(list: readonly Scalar[]): list is string[] {
  return (
    list.length >= 2 &&
    list.length <= MAX_WORDS &&
    new Set(list).size === list.length &&
    list.every((value) => typeof value === 'string' && value.length <= MAX_WORD_CHARS)
  );
}

function fieldOf(path: string): string {
  return /[^.[\]]*$/.exec(path)![0];
}

function setOf(list: readonly string[]): string {
  return list.toSorted().join('\n');
}
