// Durations that a service reckons by its own clock: `run_time: 1.110230` beside the times that it lies between. A field that is
// exactly that of several things is a duration of the others as well: of one that still runs, of one that paused. So is a field
// where these numbers come again, and their sums with them. Learned of numbers with so many digits that none is equal to
// another by chance. Bounded. Pure.
import { isRareNumber, type Leaf, readTime, type Scalar, spanUnit } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

/** Numbers of a field that lie between two times beside them, or that another field has as well. */
const MIN_SPANS = 3;
const MIN_REPEATED = 2;
const MIN_SHARE = 0.2;
const MAX_FIELDS = 2_000;
const MAX_NUMBERS = 500;
const MAX_PLACES = 200;
const MAX_SENT = 20_000;
/** Fields of one object that are looked at. */
const MAX_TIMES = 20;
const KEY = /[^.[\]]+$/;
const WHY =
  'is a duration by the clock of the service: the same field lies between two times of its object elsewhere';

/** A number or text of an answer, at its path. */
interface Placed {
  place: Place;
  path: string;
  value: Scalar;
}

/** Fields of one name, wherever they stand. */
interface Field {
  places: Set<Place>;
  numbers: Set<number>;
  spans: Set<number>;
}

export class ClockedNumbers {
  readonly #fields = new Map<string, Field>();
  readonly #sent = new Set<number>();

  /** The numbers and texts of an answer, and the leaves of its request. */
  observe(answered: readonly Placed[], asked: readonly Leaf[]): void {
    for (const { value } of asked)
      if (isRareNumber(value) && this.#sent.size < MAX_SENT) this.#sent.add(value);
    let times: Map<string, number[]> | undefined;
    for (const { place, path, value } of answered) {
      if (!isRareNumber(value) || this.#sent.has(value)) continue;
      const field = this.#fieldOf(KEY.exec(path)?.[0] ?? '');
      if (!field) continue;
      if (field.places.size < MAX_PLACES) field.places.add(place);
      if (field.numbers.size >= MAX_NUMBERS) continue;
      field.numbers.add(value);
      times ??= timesOf(answered);
      if (spanUnit(value, times.get(path.replace(KEY, '')) ?? []) !== null) field.spans.add(value);
    }
  }

  #fieldOf(key: string): Field | undefined {
    const known = this.#fields.get(key);
    if (known || this.#fields.size >= MAX_FIELDS) return known;
    const made: Field = { places: new Set(), numbers: new Set(), spans: new Set() };
    this.#fields.set(key, made);
    return made;
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const isMany = (some: number, least: number, all: number) => some >= least && some >= MIN_SHARE * all;
    const fields = [...this.#fields.values()];
    const clocked = fields.filter(({ spans, numbers }) => isMany(spans.size, MIN_SPANS, numbers.size));
    const durations = new Set(clocked.flatMap(({ numbers }) => [...numbers]));
    const repeating = fields.filter(
      (field) =>
        !clocked.includes(field) &&
        isMany([...field.numbers].filter((n) => durations.has(n)).length, MIN_REPEATED, field.numbers.size),
    );
    const found = new Map<string, VolatileLeaf[]>();
    for (const { operation, path } of [...clocked, ...repeating].flatMap(({ places }) => [...places])) {
      const list = found.get(operation.key) ?? [];
      found.set(operation.key, [...list, { path, kind: 'measure', clocked: true, why: WHY }]);
    }
    return found;
  }
}

/** The times of an answer, in µs, by the path of the object that holds them. */
function timesOf(answered: readonly Placed[]): Map<string, number[]> {
  const times = new Map<string, number[]>();
  for (const { path, value } of answered) {
    const us = typeof value === 'string' ? (readTime(value)?.us ?? null) : null;
    if (us === null) continue;
    const holder = path.replace(KEY, '');
    const known = times.get(holder) ?? [];
    if (known.length < MAX_TIMES) known.push(us);
    times.set(holder, known);
  }
  return times;
}
