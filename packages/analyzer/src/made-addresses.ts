// Redacted e-mail addresses that the service makes up itself, one for each session: a replay makes others. An address
// that a client brought, or that several sessions are shown, is somebody's, and another one in its place is a fault. Pure.
import { leafPattern, type VolatileLeaf } from '@echoplane/traffic';
import type { Sessions } from './sessions.ts';
import type { MadeAddress } from './tokens.ts';

/** Fewer samples prove nothing. */
const MIN_SAMPLES = 5;

/** The leaf patterns of each operation whose addresses are of the service's own making. */
export function madeAddresses(
  addresses: readonly MadeAddress[],
  sessions: Sessions,
): Map<string, VolatileLeaf[]> {
  const places = new Map<string, { operation: string; path: string; count: number; areMade: boolean }>();
  for (const { isMade, seen } of addresses) {
    const isOfOne = new Set(seen.map(({ pair }) => sessions.sessionOf(pair))).size === 1;
    const here = new Map(
      seen.map(({ operation, path }): [string, { operation: string; path: string }] => {
        const pattern = leafPattern(path).replace(/#\d+$/, '');
        return [JSON.stringify([operation, pattern]), { operation, path: pattern }];
      }),
    );
    for (const [key, at] of here) {
      const place = places.get(key) ?? { ...at, count: 0, areMade: true };
      place.count++;
      place.areMade &&= isMade && isOfOne;
      places.set(key, place);
    }
  }
  const learned = new Map<string, VolatileLeaf[]>();
  for (const { operation, path, count, areMade } of places.values()) {
    if (count < MIN_SAMPLES || !areMade) continue;
    const why = `holds ${count} addresses that the service made, one for each session`;
    learned.set(operation, [...(learned.get(operation) ?? []), { path, kind: 'email', why }]);
  }
  return learned;
}
