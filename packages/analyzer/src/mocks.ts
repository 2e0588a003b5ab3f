// OUT pairs as mocks: signature, the keys of it that the service under test makes anew each time, and the position in
// the sequence of equal requests. Pure.
import {
  endpointOf,
  type Mock,
  type OutboundRequest,
  type RRPair,
  requestLeaves,
  signatureDigest,
  signatureOf,
  splitUrl,
  type Vocabulary,
} from '@echoplane/traffic';
import { atomLeaves } from './correlate.ts';
import { targetOf } from './targets.ts';

/** The mocks of the usable OUT pairs; `madeByService` are the values of the recording that a replay will make anew. */
export function buildMocks(
  outbound: readonly RRPair[],
  madeByService: ReadonlySet<string>,
  vocabulary: Vocabulary,
): Mock[] {
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
