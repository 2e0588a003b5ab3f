// Which destinations are spliced and not decoded, by what is known of them: port lists before any byte, host lists as
// soon as a name is known (CONNECT, SOCKS, SNI, Host). Pure; it must not know how a name was learned.
import type { SidecarConfig } from './config.ts';

/** What is known of a destination; `host`: a name, with or without its port, or an IP address. */
export interface KnownDestination {
  host?: string;
  port?: number;
}

/** Why a destination is not decoded. */
export type OpaqueRule = 'opaque-port' | 'ignored-host';

export interface DestinationRules {
  /** Whether there is a rule on names at all. */
  readonly hasHosts: boolean;
  /** Why it is opaque, or null; asked again whenever more is known. */
  opaqueReason(destination: KnownDestination): OpaqueRule | null;
}

/** The rules of a configuration. */
export function destinationRules(
  config: Pick<SidecarConfig, 'opaquePorts' | 'ignoreDstHosts'>,
): DestinationRules {
  const ports = new Set(config.opaquePorts);
  const isIgnored = hostPatterns(config.ignoreDstHosts);
  return {
    hasHosts: config.ignoreDstHosts.length > 0,
    opaqueReason({ host, port }) {
      if (port !== undefined && ports.has(port)) return 'opaque-port';
      return host && isIgnored(host) ? 'ignored-host' : null;
    },
  };
}

/** Whether a host matches one of `patterns`: exactly, or `*.example.com` for what is below it, or `*`. */
export function hostPatterns(patterns: readonly string[]): (host: string) => boolean {
  const exact = new Set<string>();
  const below: string[] = [];
  for (const pattern of patterns.map(plainHost)) {
    if (pattern === '*') below.push('');
    else if (pattern.startsWith('*.')) below.push(pattern.slice(1));
    else exact.add(pattern);
  }
  return (host) => {
    if (exact.size === 0 && below.length === 0) return false;
    const name = plainHost(host);
    return exact.has(name) || below.some((suffix) => name.endsWith(suffix) && name.length > suffix.length);
  };
}

/** A host as it is compared: lower case, without port, brackets or the dot of the root. */
export function plainHost(host: string): string {
  const [, bracketed] = /^\[([^\]]*)\]/.exec(host) ?? [];
  if (bracketed !== undefined) return bracketed.toLowerCase();
  const isIpv6 = host.indexOf(':') !== host.lastIndexOf(':');
  return (isIpv6 ? host : host.replace(/:\d*$/, '')).replace(/\.$/, '').toLowerCase();
}
