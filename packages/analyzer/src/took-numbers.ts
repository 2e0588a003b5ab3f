// Numbers that say how long their own exchange took, whatever they are called, or where fields have no names: `4: 48137` in an answer
// that came after 48.9 ms. Told by their values: in every answer a little less than it took, and more where it took longer.
// Numbers of few digits are such by chance. Bounded. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

/** µs of the units that are tried: ns, µs, ms. */
const UNITS = [1e-3, 1, 1e3];
const MIN_ANSWERS = 4;
/** A number of three digits. */
const MIN_NUMBER = 100;
/** What the service sees of an exchange, at least. */
const MIN_SHARE = 0.5;
/** The longest exchange is so many times as long as the shortest. */
const MIN_SPREAD = 1.3;
/** Pairs of answers of which the longer one has the smaller number. */
const MAX_DISCORDANT = 0.25;
const MAX_PLACES = 8_000;
const MAX_ANSWERS = 64;
const MAX_SENT = 20_000;
const WHY = 'is a little less than its exchange took, in every answer, and more where that took longer';

interface Taken {
  units: readonly number[];
  answers: { number: number; tookUs: number }[];
}

export class TookNumbers {
  /** Null: other numbers stood there as well. */
  readonly #taken = new Map<Place, Taken | null>();
  readonly #sent = new Set<number>();

  /** The values of an answer, the leaves of its request, and how long the exchange took. */
  observe(
    answered: readonly { place: Place; value: Scalar }[],
    asked: readonly Leaf[],
    tookUs: number,
  ): void {
    for (const { value } of asked)
      if (typeof value === 'number' && value >= MIN_NUMBER && this.#sent.size < MAX_SENT)
        this.#sent.add(value);
    for (const { place, value } of answered) {
      const taken = this.#taken.get(place);
      if (taken === null || typeof value !== 'number') continue;
      if (taken === undefined && this.#taken.size >= MAX_PLACES) continue;
      const units = (taken?.units ?? UNITS).filter((unitUs) => isPart(value * unitUs, tookUs));
      const isOther = value < MIN_NUMBER || units.length === 0 || this.#sent.has(value);
      const answers = taken?.answers ?? [];
      if (answers.length < MAX_ANSWERS) answers.push({ number: value, tookUs });
      this.#taken.set(place, isOther ? null : { units, answers });
    }
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const found = new Map<string, VolatileLeaf[]>();
    for (const [{ operation, path }, taken] of this.#taken) {
      const [unitUs] = taken?.units ?? [];
      if (unitUs === undefined || !isMeasured(taken!.answers)) continue;
      const list = found.get(operation.key) ?? [];
      found.set(operation.key, [...list, { path, kind: 'measure', tookUs: unitUs, why: WHY }]);
    }
    return found;
  }
}

function isPart(us: number, tookUs: number): boolean {
  return us <= tookUs && us >= MIN_SHARE * tookUs;
}

/** Whether there are enough answers, of different lengths, and the numbers follow these. */
function isMeasured(answers: Taken['answers']): boolean {
  if (new Set(answers.map(({ number }) => number)).size < Math.max(MIN_ANSWERS, answers.length)) return false;
  const sorted = answers.toSorted((a, b) => a.tookUs - b.tookUs);
  if (sorted.at(-1)!.tookUs < MIN_SPREAD * sorted[0]!.tookUs) return false;
  const later = sorted.flatMap((one, i) => sorted.slice(i + 1).map((next) => next.number < one.number));
  return later.filter(Boolean).length <= MAX_DISCORDANT * later.length;
}
