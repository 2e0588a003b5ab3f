// OUT pairs as mocks: signature, the keys of it that the service under test makes anew each time, and the position in
// the sequence of equal requests. Pure.
import {
  endpointOf,
  type Mock,
  type OutboundRequest,
  type RRPair,
  requestLeaves,
  responseLeaves,
  signatureDigest,
  signatureOf,
  splitUrl,
  type Vocabulary,
} from '@echoplane/traffic';
import { atomLeaves } from './correlate.ts';
import { targetOf } from './targets.ts';

/** The mocks of the usable OUT pairs; `pairs` are all pairs of the recording in time order, for telling who made a value. */
export function buildMocks(
  pairs: readonly RRPair[],
  outbound: readonly RRPair[],
  vocabulary: Vocabulary,
): Mock[] {
  const madeByService = valuesMadeByService(pairs, vocabulary);
  const sequences = new Map<string, number>();
  return outbound.map((pair) => {
    const request = outboundRequest(pair);
    const signature = signatureOf(request);
    const volatile = volatileKeys(request, madeByService, vocabulary);
    const loose = signatureDigest(signature, volatile);
    const sequence = sequences.get(loose) ?? 0;
    sequences.set(loose, sequence + 1);
    return {
      id: pair.id,
      session: pair.session,
      scheme: request.scheme === 'https' ? 'https' : 'http',
      host: request.host,
      endpoint: endpointOf(splitUrl(pair.request!.url).path),
      signature,
      volatile,
      exact: signatureDigest(signature),
      loose,
      sequence,
      response: pair.response!,
      ttfbUs: pair.ttfbUs ?? 0,
      durationUs: pair.durationUs,
    };
  });
}

function outboundRequest(pair: RRPair): OutboundRequest {
  const { scheme, host } = splitUrl(pair.request!.url);
  const { method, headers, body } = pair.request!;
  return { scheme, host, method, target: targetOf(pair), headers, body };
}

/** Keys that hold a generated value of the service's own making: another one will stand there on replay. */
function volatileKeys(
  request: OutboundRequest,
  madeByService: ReadonlySet<string>,
  vocabulary: Vocabulary,
): string[] {
  const keys = new Set<string>();
  for (const { path, value, kind } of atomLeaves(requestLeaves(request), vocabulary)) {
    const key = path.split('#')[0]!;
    if (key.startsWith('header.') || key.startsWith('cookie.')) continue;
    if (kind === 'timestamp' || madeByService.has(value)) keys.add(key);
  }
  return [...keys].sort();
}

/**
 * Generated values that appear first in what the service sends: its responses and its outbound requests. What a client
 * or a dependency brought is the same on replay, because test and mock bring it again.
 */
function valuesMadeByService(pairs: readonly RRPair[], vocabulary: Vocabulary): Set<string> {
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
