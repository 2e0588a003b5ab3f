// Path and query of a recorded request: the form in which tests send it and signatures read it.
import { type RRPair, splitUrl } from '@echoplane/traffic';

/** Path and query, verbatim. */
export function targetOf(pair: RRPair): string {
  const { path, query } = splitUrl(pair.request?.url ?? '');
  return pair.request?.url.includes('?') ? `${path}?${query}` : path;
}
