// Who made a generated value: what the service sends first, in its answers or in its outbound requests, is of its own
// making; another one will stand there on replay. Pure.
import { type RRPair, requestLeaves, responseLeaves, type Vocabulary } from '@echoplane/traffic';
import { atomLeaves } from './correlate.ts';
import { targetOf } from './targets.ts';

/**
 * Generated values that appear first in what the service sends: its responses and its outbound requests. What a client
 * or a dependency brought is the same on replay, because test and mock bring it again.
 */
export function valuesMadeByService(pairs: readonly RRPair[], vocabulary: Vocabulary): ReadonlySet<string> {
  const events = pairs.flatMap((pair) => [
    {
      at: pair.ts,
      byService: pair.direction === 'OUT',
      leaves: pair.request ? () => requestLeaves({ ...pair.request!, target: targetOf(pair) }) : null,
    },
    {
      at: pair.ts + pair.durationUs,
      byService: pair.direction === 'IN',
      leaves: pair.response ? () => responseLeaves(pair.response!) : null,
    },
  ]);
  const seen = new Map<string, boolean>();
  for (const { byService, leaves } of events.sort((a, b) => a.at - b.at)) {
    if (!leaves) continue;
    for (const { value } of atomLeaves(leaves(), vocabulary))
      if (!seen.has(value)) seen.set(value, byService);
  }
  return new Set([...seen].filter(([, byService]) => byService).map(([value]) => value));
}
