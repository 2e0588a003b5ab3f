// What recommendations are made of: sightings, grouped by kind and place, counted by endpoint. Bounded: groups and values
// beyond the limits are counted no more, so a recording of any size takes the same memory.
import { hash } from 'node:crypto';
import type { Leaf } from '@echoplane/replay';
import type { RRPair } from '@echoplane/traffic';
import type { Recommendation, RecommendationKind } from '@echoplane/transforms';
import { stableId } from './stable-id.ts';

/** An exchange as detectors look at it. */
export interface Exchange {
  pair: RRPair;
  request: NonNullable<RRPair['request']>;
  host: string;
  endpoint: string;
  /** Leaves of the request, and of the response. */
  leaves: readonly Leaf[];
  answer: readonly Leaf[];
  /** Whether a response of the recording gave this value out before. */
  isHandedOut(value: string): boolean;
}

export interface Sighting {
  kind: RecommendationKind;
  /** Sightings with the same kind and key are one recommendation. */
  key: string;
  /** The value seen, to count distinct ones; never shown. */
  value?: string;
  /** What the first sighting says about all of them. */
  detail: Readonly<Record<string, string>>;
}

export interface Group {
  kind: RecommendationKind;
  key: string;
  detail: Readonly<Record<string, string>>;
  count: number;
  /** Distinct values, up to a bound. */
  values: number;
  endpoints: Recommendation['endpoints'];
}

const MAX_GROUPS = 2_000;
const MAX_VALUES = 1_000;
const MAX_ENDPOINTS = 50;

export class Groups {
  readonly #groups = new Map<
    string,
    Group & { seen: Set<string>; places: Map<string, Group['endpoints'][0]> }
  >();

  add({ kind, key, value, detail }: Sighting, { pair, host, endpoint, request }: Exchange): void {
    const id = `${kind} ${key}`;
    let group = this.#groups.get(id);
    if (!group) {
      if (this.#groups.size >= MAX_GROUPS) return;
      group = {
        ...{ kind, key, detail, count: 0, values: 0, endpoints: [] },
        seen: new Set(),
        places: new Map(),
      };
      this.#groups.set(id, group);
    }
    group.count++;
    if (value !== undefined && group.seen.size < MAX_VALUES) group.seen.add(digest(value));
    const name = `${pair.direction} ${host} ${request.method} ${endpoint}`;
    const place = group.places.get(name);
    if (place) place.count++;
    else if (group.places.size < MAX_ENDPOINTS)
      group.places.set(name, { direction: pair.direction, host, method: request.method, endpoint, count: 1 });
  }

  all(): Group[] {
    return Array.from(this.#groups.values(), ({ seen, places, ...group }) => ({
      ...group,
      values: seen.size,
      endpoints: [...places.values()].sort((a, b) => b.count - a.count),
    }));
  }
}

export function digest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 22);
}

/** An id that stays the same as long as kind and place do. */
export function recommendationId(kind: string, key: string): string {
  return stableId(`${kind}-`, kind, key);
}
