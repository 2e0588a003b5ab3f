// A live request on its way to the mocks, redacted as the recording's was: by the same carriers, in the same order, so
// that what was equal is equal still. It must not know mocks.
import { type OutboundRequest, type RRPair, splitUrl } from '@echoplane/traffic';
import type { Redactor } from './redactor.ts';

/** The request as a recording of it would hold it; the one given stays as it is. Store its body with `deferJson`. */
export function redactRequest(redactor: Redactor, request: OutboundRequest): OutboundRequest {
  const { scheme, host, method, target } = request;
  const headers: OutboundRequest['headers'] = request.headers.map(([name, value]) => [name, value]);
  const said = { method, url: `${scheme}://${host}${target}`, headers, body: { ...request.body } };
  redactor.pair(pairOf(said));
  const { path, query, host: redactedHost } = splitUrl(said.url);
  const redactedTarget = said.url.includes('?') ? `${path}?${query}` : path;
  return { scheme, host: redactedHost, method, target: redactedTarget, headers, body: said.body };
}

/** What the redactor reads of a pair, and rules with a `when`; the rest is not known of a request under way. */
function pairOf(request: NonNullable<RRPair['request']>): RRPair {
  const nobody = { ip: '', port: 0, host: null };
  return {
    ...{ v: 1, id: '', ts: 0, durationUs: 0, ttfbUs: null, direction: 'OUT', protocol: 'http/1.1' },
    source: { cluster: '', namespace: '', workload: { kind: '', name: '' }, pod: '', container: '' },
    ...{ client: nobody, server: nobody, tls: null, connection: { id: '', seq: 0 }, session: null },
    ...{ request, response: null, error: null, tags: {}, redactions: [] },
  };
}
