// Which connections of a pod go through the sidecar: a pure plan, in order, of which the first rule that matches decides.
// It knows neither nft nor iptables; they render it.
//
//   from outside ─▶ inbound rules  ─▶ the sidecar's inbound listener (at the address of the interface it came in by)
//   the app's own ─▶ outbound rules ─▶ the sidecar's outbound listener (at 127.0.0.1 or ::1)
import { isIP } from 'node:net';

export type Family = 4 | 6;

/** What a connection must be for the rule to decide; what is absent matches all. */
export interface Rule {
  readonly chain: 'inbound' | 'outbound';
  readonly protocol?: 'tcp' | 'udp';
  /** Destination port; needs a protocol. */
  readonly port?: number;
  /** In by, or out by, the loopback interface. */
  readonly loopback?: true;
  /** Owner of the socket; outbound only. */
  readonly uid?: number;
  readonly gid?: number;
  /** IP address or CIDR. The rule is then for that family only. */
  readonly source?: string;
  readonly destination?: string;
  /** The local port that gets the connection; absent: it goes its own way. */
  readonly redirectTo?: number;
}

export interface RuleSettings {
  readonly inPort: number;
  readonly outPort: number;
  readonly adminPort: number;
  readonly diagnosticsPort: number;
  readonly dnsPort: number;
  readonly proxyUid: number;
  readonly proxyGid: number;
  readonly ignoreInboundPorts: readonly number[];
  readonly ignoreOutboundPorts: readonly number[];
  readonly ignoreSrcCidrs: readonly string[];
  readonly ignoreDstCidrs: readonly string[];
  readonly hostIp: readonly string[];
  readonly captureNodeTraffic: boolean;
  readonly captureLoopback: boolean;
  /** Name servers whose queries go to the DNS relay. */
  readonly nameServers: readonly string[];
}

/** The rules of both chains and both families, in order. */
export function plan(settings: RuleSettings): Rule[] {
  return [...inboundRules(settings), ...outboundRules(settings)];
}

/** The rules of a chain that concern a family. */
export function rulesOf(rules: readonly Rule[], chain: Rule['chain'], family: Family): Rule[] {
  return rules.filter((rule) => {
    const address = rule.source ?? rule.destination;
    return rule.chain === chain && (address === undefined || familyOf(address) === family);
  });
}

/** The family of an IP address or CIDR. */
export function familyOf(address: string): Family {
  return isIP(address.split('/')[0]!) === 6 ? 6 : 4;
}

function inboundRules(settings: RuleSettings): Rule[] {
  const chain = 'inbound';
  const nodes = settings.captureNodeTraffic ? [] : settings.hostIp;
  return [
    { chain, loopback: true },
    // A neighbour can send to 127.0.0.1. The kernel refuses that after this hook; redirected, the packet would have an
    // allowed address, and the sidecar would dial the loopback port it was meant for.
    { chain, destination: '127.0.0.0/8' },
    { chain, destination: '::1' },
    ...ownPorts(settings).map((port): Rule => ({ chain, protocol: 'tcp', port })),
    ...settings.ignoreInboundPorts.map((port): Rule => ({ chain, protocol: 'tcp', port })),
    ...[...settings.ignoreSrcCidrs, ...nodes].map((source): Rule => ({ chain, source })),
    { chain, protocol: 'tcp', redirectTo: settings.inPort },
  ];
}

function outboundRules(settings: RuleSettings): Rule[] {
  const chain = 'outbound';
  const { captureLoopback, nameServers, dnsPort, outPort } = settings;
  // Captured loopback must not lead back into the sidecar's own listeners.
  const loopback: Rule[] = captureLoopback
    ? ownPorts(settings).map((port) => ({ chain, loopback: true, protocol: 'tcp', port }))
    : [{ chain, loopback: true }];
  const dns = nameServers.flatMap((destination) =>
    (['udp', 'tcp'] as const).map(
      (protocol): Rule => ({ chain, destination, protocol, port: 53, redirectTo: dnsPort }),
    ),
  );
  return [
    { chain, uid: settings.proxyUid },
    { chain, gid: settings.proxyGid },
    ...loopback,
    ...settings.ignoreOutboundPorts.flatMap((port): Rule[] => [
      { chain, protocol: 'tcp', port },
      ...(port === 53 && dns.length > 0 ? [{ chain, protocol: 'udp', port } as const] : []),
    ]),
    ...settings.ignoreDstCidrs.map((destination): Rule => ({ chain, destination })),
    ...dns,
    { chain, protocol: 'tcp', redirectTo: outPort },
  ];
}

/** The sidecar's listeners. Left alone, those on loopback refuse what comes from outside, as any closed port. */
function ownPorts(settings: RuleSettings): number[] {
  const { inPort, outPort, adminPort, diagnosticsPort, dnsPort } = settings;
  return [...new Set([inPort, outPort, adminPort, diagnosticsPort, dnsPort])];
}
