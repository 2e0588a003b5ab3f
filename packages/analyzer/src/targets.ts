// The request of a pair as tests send it and signatures read it: path and query, verbatim. Pure.
import { type OutboundRequest, type RequestParts, type RRPair, splitUrl } from '@echoplane/traffic';

/** Path and query of a url, verbatim. */
export function targetOf(url: string): string {
  const { path, query } = splitUrl(url);
  return url.includes('?') ? `${path}?${query}` : path;
}

export function requestParts(pair: RRPair): RequestParts {
  const { method, url, headers, body } = pair.request!;
  return { method, target: targetOf(url), headers, body };
}

export function outboundRequest(pair: RRPair): OutboundRequest {
  const { scheme, host } = splitUrl(pair.request!.url);
  return { scheme, host, ...requestParts(pair) };
}
