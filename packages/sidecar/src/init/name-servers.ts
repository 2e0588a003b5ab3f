// Which name servers' queries go to the DNS relay: the one that the relay asks, and no other, so that every query is
// answered by whom the app asked.
import { isIP, isIPv4 } from 'node:net';

/** The first name server of a resolv.conf and the one set for the relay (`IP`, `IP:port`, `[IP]:port`), less those on loopback. */
export function relayedNameServers(resolvConf: string, dnsServer: string | undefined): string[] {
  const first = /^nameserver\s+(\S+)/m.exec(resolvConf)?.[1];
  const set = dnsServer === undefined ? undefined : hostOf(dnsServer);
  const servers = [first, set].filter((server) => server !== undefined);
  // One on loopback asks further itself: what it sends must not come back to it.
  return [...new Set(servers)].filter(
    (server) => isIP(server) !== 0 && !server.includes('%') && !/^127\.|^::1$/.test(server),
  );
}

function hostOf(server: string): string {
  const bracketed = /^\[(.+)\](?::\d+)?$/.exec(server)?.[1];
  if (bracketed !== undefined) return bracketed;
  const [host = '', port] = server.split(':');
  return isIPv4(host) && port !== undefined ? host : server;
}
