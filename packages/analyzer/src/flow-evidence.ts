// What is told of a flow: the places it goes through, and why they are believed to hold one kind of thing. Pure.
import type { Flow } from '@echoplane/traffic';
import { type Place, placeName } from './places.ts';

/** What was counted at a place. */
export interface PlaceCount {
  place: Place;
  samples: number;
  /** Values that appeared here first. */
  born: number;
}

/** Places by name: those of several operations behind one endpoint are one. */
export function placesOf(list: readonly PlaceCount[]): Flow['places'] {
  const places = new Map<string, Flow['places'][number]>();
  for (const { place, born, samples } of list) {
    const { method, endpoint } = place.operation;
    const name = `${method} ${endpoint} ${place.in} ${place.path}`;
    const role = place.in === 'request' ? 'consumer' : born > 0 ? 'producer' : 'echo';
    const known = places.get(name);
    if (!known) places.set(name, { method, endpoint, in: place.in, path: place.path, role, count: samples });
    else {
      known.count += samples;
      if (role === 'producer') known.role = role;
    }
  }
  return [...places].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, place]) => place);
}

/** Why a flow is one, in words. */
export function evidenceOf(first: PlaceCount, list: readonly PlaceCount[], values: number): string {
  const consumers = list.filter(({ place }) => place.in === 'request');
  const hits = consumers.reduce((sum, stats) => sum + stats.samples, 0);
  const where = consumers.slice(0, 3).map(({ place }) => placeName(place));
  const more = consumers.length > where.length ? ` and ${consumers.length - where.length} more places` : '';
  const sent = where.length > 0 ? `sent back ${hits} times at ${where.join(', ')}${more}` : 'never sent back';
  const shown = list.filter(({ place, born }) => place.in === 'response' && born === 0).length;
  return `${values} value${values === 1 ? '' : 's'} made at ${placeName(first.place)}, ${sent}, shown again in ${shown} other places`;
}
