// What is known of the connection a request came in on: straight to the proxy, or through a tunnel to a named server.
// Pure: from channel and request line to the origin that was asked for.
import { splitUrl } from '@echoplane/traffic';
import type { CapturedAddress, CapturedPair } from '@echoplane/wire';

export interface Channel {
  connection: string;
  client: CapturedAddress;
  scheme: 'http' | 'https';
  /** The authority a CONNECT named, or null on a connection straight to the proxy. */
  authority: string | null;
  tls: CapturedPair['tls'];
  /** Requests seen on it. */
  seq: number;
}

/** Where a request was meant to go. `host` is the name mocks are found by; path and query are `target`. */
export interface Origin {
  scheme: 'http' | 'https';
  host: string;
  target: string;
}

const ABSOLUTE = /^https?:\/\//i;
const DEFAULT_PORT = { http: /:80$/, https: /:443$/ };

/** The origin of a request: an absolute url as it stands, else the Host header with the default port left out, as recordings have it. */
export function originOf(
  channel: Pick<Channel, 'scheme' | 'authority'>,
  url: string,
  hostHeader: string | undefined,
): Origin {
  if (ABSOLUTE.test(url)) {
    const { scheme, host, path, query } = splitUrl(url);
    const target = url.includes('?') ? `${path}?${query}` : path;
    return { scheme: scheme.toLowerCase() === 'https' ? 'https' : 'http', host, target };
  }
  const { scheme, authority } = channel;
  return {
    scheme,
    host: (hostHeader ?? authority ?? '').replace(DEFAULT_PORT[scheme], ''),
    target: url === '*' ? '/' : url,
  };
}

/** Host and port of an authority, `host:443` or `[::1]:443`; null when it is not one. */
export function splitAuthority(authority: string): { host: string; port: number } | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/?#@[\]]+)):(\d{1,5})$/i.exec(authority);
  const port = Number(match?.[3]);
  return match && port > 0 && port <= 65_535 ? { host: (match[1] ?? match[2])!, port } : null;
}
