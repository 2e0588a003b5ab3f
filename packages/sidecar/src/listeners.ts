// The listeners of a mode, opened in order; when one cannot be, those before it are closed again.
//
//   transparent   inbound and outbound, IPv4 and IPv6 apart, served by original destination
//   reverse       inbound ─▶ the target          forward   outbound: a proxy          dual   both
import { createServer, type Server } from 'node:net';
import { type Logger, listen } from '@echoplane/runtime';
import type { SidecarConfig } from './config.ts';
import { createInbound, type InboundOptions } from './inbound.ts';
import { EVERYWHERE, LOOPBACK, saysNoIpv6 } from './ip-families.ts';
import { loadOriginalDestination } from './original-destination.ts';
import { createOutbound } from './outbound.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { Redirected } from './redirected.ts';
import { createSocks } from './socks.ts';
import type { TlsInbound } from './tls-inbound.ts';
import { createTransparentOutbound } from './transparent-outbound.ts';

/** Ports taken; null for a listener the mode does not have. */
export interface Ports {
  in: number | null;
  out: number | null;
  admin: number;
}

/** What listeners are made of. */
export interface ListenerParts extends OutboundOptions {
  face: Server;
  /** Filled with the ports taken, which nobody may dial. */
  ownPorts: Set<number>;
  inboundTls: TlsInbound | null;
  log: Logger;
}

/** Opens what the mode has, or nothing. */
export async function openListeners(config: SidecarConfig, parts: ListenerParts): Promise<Ports> {
  const { face, ownPorts, connections } = parts;
  try {
    const admin = await listen(face, config.adminPort, config.host, 'the admin listener');
    ownPorts.add(admin);
    await openSecondFamily(config, face, admin);
    const ways =
      config.mode === 'transparent' ? await openTransparent(config, parts) : await openNamed(config, parts);
    return { ...ways, admin };
  } catch (error) {
    face.close();
    connections.close();
    throw error;
  }
}

/** The face is one server on one address; what comes by IPv6 is handed to it. */
async function openSecondFamily({ host, ipv6 }: SidecarConfig, face: Server, port: number): Promise<void> {
  if (!ipv6 || host !== EVERYWHERE[0]) return;
  const second = createServer((socket) => face.emit('connection', socket));
  face.once('close', () => second.close());
  await listen(second, port, EVERYWHERE[1], 'the admin listener', true).catch((error) => {
    if (!saysNoIpv6(error)) throw error;
  });
}

type Ways = Omit<Ports, 'admin'>;

async function openNamed(config: SidecarConfig, parts: ListenerParts): Promise<Ways> {
  const { connections, ownPorts } = parts;
  const ways: Ways = { in: null, out: null };
  if (config.mode !== 'reverse' && config.protocol !== 'tcp') {
    const create = config.protocol.endsWith('socks') ? createSocks : createOutbound;
    ways.out = await connections.listen(create(parts), config.outPort, LOOPBACK[0], 'the outbound listener');
    ownPorts.add(ways.out);
  }
  if (config.mode !== 'forward') {
    const target = { host: config.targetHost, port: config.targetPort! };
    const inbound = inboundOptions(config, parts, () => target);
    ways.in = await openFamilies(config, parts, {
      create: () => createInbound(inbound),
      port: config.inPort,
      addresses: config.host === EVERYWHERE[0] ? EVERYWHERE : [config.host],
      what: 'the inbound listener',
    });
  }
  return ways;
}

async function openTransparent(config: SidecarConfig, parts: ListenerParts): Promise<Ways> {
  const redirected = new Redirected({ ...parts, originalDestination: await loadOriginalDestination() });
  const inbound = inboundOptions(config, parts, (client) => redirected.destinationOf(client));
  const out = await openFamilies(config, parts, {
    create: () => createTransparentOutbound(parts, redirected),
    port: config.outPort,
    addresses: LOOPBACK,
    what: 'the outbound listener',
  });
  const into = await openFamilies(config, parts, {
    create: () => createInbound(inbound),
    port: config.inPort,
    addresses: familiesOf(config.host),
    what: 'the inbound listener',
  });
  return { in: into, out };
}

/** A wildcard or loopback address stands for that of both families, any other for itself. */
function familiesOf(host: string): readonly string[] {
  return (
    [LOOPBACK, EVERYWHERE].find((addresses) => (addresses as readonly string[]).includes(host)) ?? [host]
  );
}

interface Listening {
  create(): Server;
  port: number;
  addresses: readonly string[];
  what: string;
}

/** Listens on each address with the same port; on an IPv6 one only where it is wanted and there is IPv6. */
async function openFamilies(
  { ipv6 }: SidecarConfig,
  { connections, ownPorts, log }: ListenerParts,
  { create, port, addresses, what }: Listening,
): Promise<number> {
  const [first = '', second] = addresses;
  const taken = await connections.listen(create(), port, first, what);
  ownPorts.add(taken);
  if (!ipv6 || second === undefined) return taken;
  try {
    await connections.listen(create(), taken, second, what);
  } catch (error) {
    if (!saysNoIpv6(error)) throw error;
    log.info({ listener: what }, 'there is no IPv6 here, this listener is IPv4 only');
  }
  return taken;
}

function inboundOptions(
  { mode, protocol, clientIp }: SidecarConfig,
  parts: ListenerParts,
  appOf: InboundOptions['appOf'],
): InboundOptions {
  const isTcp = mode !== 'transparent' && protocol.startsWith('tcp');
  return {
    ...parts,
    tls: parts.inboundTls,
    appOf,
    opaqueReason: ({ port }) => (isTcp ? 'protocol-tcp' : parts.rules.opaqueReason({ port })),
    tellsClient: clientIp === 'proxy-protocol',
  };
}
