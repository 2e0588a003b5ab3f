// Finds values that clients make anew for each request: ids of requests, keys of idempotency. A service that remembers them
// must get fresh ones on replay.
import { kindOf, type Leaf } from '@echoplane/replay';
import { leafPattern } from '@echoplane/traffic';
import type { Exchange, Sighting } from './recommend-sightings.ts';

const REQUEST_ID =
  /(?:^|[._-])(?:request|correlation|idempotency|transaction|message|nonce|client[-_]?(?:request|token))[-_]?(?:id|key|token)?$/i;

/** The values of one request that were made for it alone. */
export function freshValuesIn(exchange: Exchange): Sighting[] {
  if (exchange.pair.direction === 'OUT') return [];
  return exchange.leaves.flatMap((leaf) => requestId(leaf, exchange) ?? []);
}

function requestId({ path, value }: Leaf, exchange: Exchange): Sighting | null {
  if (typeof value !== 'string' || value.length < 8 || !/^(?:body\.|header\.|query\.)/.test(path))
    return null;
  if (!REQUEST_ID.test(path) || exchange.isHandedOut(value)) return null;
  const kind = kindOf(value);
  if (kind === null || kind === 'mixed') return null;
  const pattern = leafPattern(path);
  return {
    kind: 'request-id',
    key: pattern,
    value,
    detail: { path: pattern, kind, length: String(value.length) },
  };
}
