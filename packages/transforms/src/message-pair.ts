// Messages as pairs, for filter expressions, and pairs as messages, for previews.
import { type RRPair, splitUrl } from '@echoplane/traffic';
import type { Message } from './message.ts';

const NOWHERE = { ip: '', port: 0, host: null };

/** The RRPair that a filter expression sees; what a message does not know is empty. */
export function pairOfMessage(message: Message): RRPair {
  const { request, response } = message;
  const [cluster = '', namespace = '', name = ''] = (message.service ?? '').split('/');
  const base = request.host === undefined ? '' : `${request.scheme ?? 'http'}://${request.host}`;
  return {
    ...{ v: 1, id: '', ts: 0, ttfbUs: null, error: null, tls: null, redactions: [] },
    durationUs: message.latencyUs ?? 0,
    direction: message.direction,
    protocol: message.protocol ?? 'http/1.1',
    source: { cluster, namespace, workload: { kind: '', name }, pod: '', container: '' },
    client: NOWHERE,
    server: { ...NOWHERE, host: request.host ?? null },
    connection: { id: '', seq: 0 },
    session: message.session ?? null,
    request: { ...request, url: base + request.target },
    response: response ?? null,
    tags: message.tags ?? {},
  };
}

/** The exchange of a pair; null when it is not a request. */
export function messageOfPair(pair: RRPair): Message | null {
  if (!pair.request) return null;
  const { url, method, headers, trailers, body } = pair.request;
  const { scheme, host, path, query } = splitUrl(url);
  const request = {
    ...{ method, headers, body, target: query === '' ? path : `${path}?${query}` },
    ...(scheme === '' ? {} : { scheme, host }),
    ...(trailers ? { trailers } : {}),
  };
  return {
    ...{ direction: pair.direction, protocol: pair.protocol, request },
    ...(pair.response ? { response: pair.response } : {}),
    ...{ session: pair.session, latencyUs: pair.durationUs, tags: pair.tags },
    service: `${pair.source.cluster}/${pair.source.namespace}/${pair.source.workload.name}`,
  };
}
