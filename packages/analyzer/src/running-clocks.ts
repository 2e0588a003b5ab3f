// Numbers that say how long it has been since one moment, by the service's own clock: the `uptime` of a health check, the age of a
// cache. Several readings of a place, each taken away from the time at which it was read, give one and the same moment. Not what
// lies in lists, where each thing has a moment of its own. Bounded; it knows no names. Pure.
import { type Moment, momentBefore, readTime, type Scalar } from '@echoplane/replay';
import type { VolatileLeaf } from '@echoplane/traffic';
import type { Place } from './places.ts';

/** µs of the units that are tried. */
const UNITS = [1_000_000, 1_000];
const MAX_PLACES = 2_000;
/** Times that the readings are further apart than they are sure: of three or more, and of two. */
const MIN_SPREAD = 3;
const MIN_SPREAD_OF_TWO = 5;
const WHY = 'is how long it has been since one moment: all readings of it give the same';

/** The readings of a place in one unit. */
interface Readings {
  place: Place;
  unitUs: number;
  /** What all of them agree on. */
  moment: Moment;
  /** How sure the least sure is, µs. */
  unsureUs: number;
  values: Set<number>;
  least: number;
  most: number;
}

export interface Span {
  fromUs: number;
  toUs: number;
}

const MAX_VALUES = 4;

export class RunningClocks {
  /** By place; none are left where no unit fits. */
  readonly #places = new Map<Place, Readings[]>();

  /** The numbers of an answer, and when it was made. */
  observe(answered: readonly { place: Place; path: string; value: Scalar }[], { fromUs, toUs }: Span): void {
    for (const { place, path, value } of answered) {
      if (typeof value !== 'number' || value < 0 || path.includes('[') || !path.startsWith('body')) continue;
      const known = this.#places.get(place);
      if (known?.length === 0) continue;
      if (!known && (this.#places.size >= MAX_PLACES || readTime(value) !== null)) continue;
      if (known)
        this.#places.set(
          place,
          known.filter((one) => narrow(one, value, { fromUs, toUs })),
        );
      else
        this.#places.set(
          place,
          UNITS.map((unitUs) => reading(place, unitUs, value, { fromUs, toUs })),
        );
    }
  }

  /** By operation. */
  finish(): Map<string, VolatileLeaf[]> {
    const found = new Map<string, VolatileLeaf[]>();
    for (const { place, unitUs } of [...this.#places.values()].flatMap((all) => all.find(isSure) ?? [])) {
      const list = found.get(place.operation.key) ?? [];
      found.set(place.operation.key, [
        ...list,
        { path: place.path, kind: 'measure', since: unitUs, why: WHY },
      ]);
    }
    return found;
  }
}

function reading(place: Place, unitUs: number, value: number, { fromUs, toUs }: Span): Readings {
  const moment = momentBefore(value, unitUs, fromUs, toUs);
  const unsureUs = moment.mostUs - moment.leastUs;
  return { place, unitUs, moment, unsureUs, values: new Set([value]), least: value, most: value };
}

/** Takes another reading in; false when it gives another moment. */
function narrow(readings: Readings, value: number, { fromUs, toUs }: Span): boolean {
  const { leastUs, mostUs } = momentBefore(value, readings.unitUs, fromUs, toUs);
  const { moment } = readings;
  readings.unsureUs = Math.max(readings.unsureUs, mostUs - leastUs);
  moment.leastUs = Math.max(moment.leastUs, leastUs);
  moment.mostUs = Math.min(moment.mostUs, mostUs);
  readings.least = Math.min(readings.least, value);
  readings.most = Math.max(readings.most, value);
  if (readings.values.size < MAX_VALUES) readings.values.add(value);
  return moment.leastUs <= moment.mostUs;
}

function isSure({ values, least, most, unitUs, unsureUs }: Readings): boolean {
  const spread = ((most - least) * unitUs) / unsureUs;
  return spread >= (values.size > 2 ? MIN_SPREAD : MIN_SPREAD_OF_TWO) && values.size > 1;
}
