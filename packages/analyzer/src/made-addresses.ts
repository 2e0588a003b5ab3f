// Redacted e-mail addresses that the service makes up itself, one for each session: a replay makes others. An address
// that a client brought, or that several sessions are shown, is somebody's, and another one in its place is a fault. Pure.
import { atomsIn, leafPattern, type RRPair, responseLeaves, type VolatileLeaf } from '@echoplane/traffic';

/** Fewer samples prove nothing. */
const MIN_SAMPLES = 5;

export interface AddressContext {
  endpointKey(pair: RRPair): string;
  session(pair: RRPair): string;
  madeByService: ReadonlySet<string>;
}

/** The leaf patterns of each endpoint whose addresses are of the service's own making. */
export function learnMadeAddresses(
  inbound: readonly RRPair[],
  { endpointKey, session, madeByService }: AddressContext,
): Map<string, VolatileLeaf[]> {
  const samples = new Map<string, Set<string>>();
  const sessions = new Map<string, Set<string>>();
  for (const pair of inbound) {
    for (const { path, value } of pair.response ? responseLeaves(pair.response) : []) {
      if (typeof value !== 'string') continue;
      for (const { kind, value: address } of atomsIn(value)) {
        if (kind !== 'email') continue;
        add(samples, JSON.stringify([endpointKey(pair), leafPattern(path)]), address);
        add(sessions, address, session(pair));
      }
    }
  }
  const learned = new Map<string, VolatileLeaf[]>();
  const isMade = (address: string) => madeByService.has(address) && sessions.get(address)!.size === 1;
  for (const [key, addresses] of samples) {
    if (addresses.size < MIN_SAMPLES || ![...addresses].every(isMade)) continue;
    const [endpoint, path] = JSON.parse(key) as [string, string];
    const why = `holds ${addresses.size} addresses that the service made, one for each session`;
    learned.set(endpoint, [...(learned.get(endpoint) ?? []), { path, kind: 'email', why }]);
  }
  return learned;
}

function add(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set) set.add(value);
  else sets.set(key, new Set([value]));
}
