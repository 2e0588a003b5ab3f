// Texts that list ids between commas, `annotations_ids: "9,3"`, as an aggregate without an order gives them: some rise and some fall, so
// it is not the order in which the things were made, and no client sent the list. Told by the name of the field, wherever it stands.
// Bounded: so many fields, places and lists. Pure.
import { idsListed, type Leaf } from '@echoplane/replay';
import { leafPattern } from '@echoplane/traffic';
import type { Operation } from './places.ts';

/** Chance, or a thing that was changed later, may turn one list of two. */
const MIN_LISTS = 3;
const MAX_FIELDS = 200;
const MAX_PLACES = 2_000;
const MAX_LISTS = 5_000;
const MAX_IDS = 100;
/** The last name of a path, `annotations_ids`, `memberIds`. */
const FIELD = /(?:^|\.)(\w*(?:_ids|[a-z]I[Dd]s))$/;
const NUMBER = /^(?:body|query).*\[\d+\]$/;

/** What no list of a field spoke against so far. */
interface Field {
  places: Map<string, readonly [operation: string, path: string]>;
  sets: Set<string>;
  mayBe: { rising: boolean; falling: boolean; risingText: boolean };
  isSent: boolean;
}

export class IdTexts {
  readonly #fields = new Map<string, Field>();
  /** Sets of ids that clients sent. */
  readonly #sent = new Set<string>();

  observe({ key }: Operation, asked: readonly Leaf[], answered: readonly Leaf[]): void {
    for (const list of listsSent(asked)) if (this.#sent.size < MAX_LISTS) this.#sent.add(setOf(list));
    for (const { path, value } of answered) {
      const ids = idsIn(value);
      const field = ids ? FIELD.exec(path)?.[1] : undefined;
      if (ids && field !== undefined) this.#answer(field, key, leafPattern(path), ids);
    }
  }

  #answer(name: string, operation: string, path: string, ids: readonly string[]): void {
    let field = this.#fields.get(name);
    if (!field) {
      if (this.#fields.size >= MAX_FIELDS) return;
      const mayBe = { rising: true, falling: true, risingText: true };
      field = { places: new Map(), sets: new Set(), mayBe, isSent: false };
      this.#fields.set(name, field);
    }
    const { places, sets, mayBe } = field;
    if (places.size < MAX_PLACES) places.set(`${operation}\t${path}`, [operation, path]);
    const set = setOf(ids);
    if (sets.size < MAX_LISTS) sets.add(set);
    field.isSent ||= this.#sent.has(set);
    const byNumber = ids.toSorted((a, b) => Number(a) - Number(b));
    mayBe.rising &&= isSame(ids, byNumber);
    mayBe.falling &&= isSame(ids, byNumber.toReversed());
    mayBe.risingText &&= isSame(ids, ids.toSorted());
  }

  /** Adds the patterns of texts without an order, by operation. */
  addTo(found: Map<string, Set<string>>): void {
    for (const { places, sets, mayBe, isSent } of this.#fields.values()) {
      if (isSent || sets.size < MIN_LISTS || Object.values(mayBe).includes(true)) continue;
      for (const [operation, path] of places.values())
        found.set(operation, (found.get(operation) ?? new Set<string>()).add(path));
    }
  }
}

/** Lists of ids in a request, between commas or as arrays. */
function listsSent(asked: readonly Leaf[]): readonly (readonly string[])[] {
  const arrays = Map.groupBy(
    asked.filter(({ path, value }) => NUMBER.test(path) && /^\d{1,12}$/.test(String(value))),
    ({ path }) => path.slice(0, path.lastIndexOf('[')),
  );
  const texts = asked.flatMap(({ value }) => {
    const ids = idsIn(value);
    return ids ? [ids] : [];
  });
  return [...[...arrays.values()].map((list) => list.map(({ value }) => String(value))), ...texts];
}

function idsIn(value: Leaf['value']): string[] | null {
  const ids = typeof value === 'string' ? idsListed(value) : null;
  return ids && ids.length <= MAX_IDS ? ids : null;
}

function setOf(ids: readonly string[]): string {
  return ids.toSorted().join();
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.every((id, i) => id === b[i]);
}
