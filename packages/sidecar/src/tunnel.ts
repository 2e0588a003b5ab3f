// One connection out: dial, say so to the client where its protocol wants that, then splice. Where TLS is opened, the
// client's first bytes are held for as long as they may be its beginning, and no longer: a server that speaks first, or
// any other byte, ends the waiting.
//
//   opaque by rule, or no TLS to open ─▶ splice at once      ClientHello ─▶ name ignored? ─▶ splice, else interception
//                                                            anything else ─▶ splice
import type { Socket } from 'node:net';
import type { ConnectionFacts, ConnectionTap } from './capture.ts';
import type { Target } from './dial.ts';
import { clientAddress, tellConnect } from './inbound.ts';
import type { ClientHello, Interception, OutboundOptions, ProxyClient, Tunnel } from './outbound-options.ts';
import { type Held, reset, splice, tcpEndpoint } from './splice.ts';
import { readOpening } from './tls-opening.ts';

/** How a client learns what became of the connection it asked for. */
export interface Greeting {
  /** `server`: null when it is a mocked one, which has no address of its own. */
  connected(server: Socket | null): void;
  failed(error: NodeJS.ErrnoException, target: Target): void;
}

/** A connection out that is to be made. */
export interface Asked {
  client: ProxyClient;
  target: Target;
  /** What the app calls the server; empty when only its address is known. */
  named: string;
  /** What the client has sent already. */
  early: Buffer;
  /** Null: the client believes it is connected; when it is not, it is reset. */
  greeting: Greeting | null;
}

/** Makes the connection to where it was going. */
export async function openTunnel(asked: Asked, options: OutboundOptions): Promise<void> {
  const { client, target, early, greeting } = asked;
  const host = options.names.nameFor(target.host, asked.named);
  const opaque = options.rules.opaqueReason({ host: host || target.host, port: target.port });
  const interception = opaque ? null : options.interception;
  const tunnel = { client, server: options.dial(target), target, host };
  const spliceNow = () => spliceTunnel(tunnel, options, { fromClient: early }, opaque ? { opaque } : {});
  if (!interception && !greeting) return spliceNow();

  client.accepted.isQuiet = () => false;
  const failure = await connectResult(tunnel.server, client.socket);
  if (failure) {
    options.metrics.count('connect_failures', 'OUT');
    if (greeting) greeting.failed(failure, target);
    else reset(client.socket);
    return;
  }
  greeting?.connected(tunnel.server);
  if (interception) await lookAtOpening(tunnel, early, options, interception);
  else spliceNow();
}

async function lookAtOpening(
  tunnel: Tunnel,
  early: Buffer,
  options: OutboundOptions,
  interception: Interception,
): Promise<void> {
  const opening = await readOpening(tunnel.client.socket, tunnel.server, early);
  const { hello, fromClient } = opening;
  if (!hello) return spliceTunnel(tunnel, options, opening);
  const named = { ...tunnel, host: options.names.nameFor(tunnel.target.host, hello.sni ?? tunnel.host) };
  const opaque = options.rules.opaqueReason({ host: hello.sni ?? '' });
  if (!opaque) return interception.take(named, hello, fromClient);
  spliceTunnel(named, options, opening, { scheme: 'https', tls: passedTls(hello), opaque });
}

/** Splices a tunnel as it is; `more`: what else is known, such as why it is not to be decoded. */
export function spliceTunnel(
  tunnel: Tunnel,
  options: Pick<OutboundOptions, 'capture'>,
  held: Held,
  more: Partial<ConnectionFacts> = {},
): void {
  const tap = openTunnelTap(tunnel, options, more);
  splice(tcpEndpoint(tunnel.client.socket), tcpEndpoint(tunnel.server), tap, held);
}

/** The tap of a tunnel's connection; `more`: what else is known of it. */
export function openTunnelTap(
  { client, server, target, host }: Tunnel,
  { capture }: Pick<OutboundOptions, 'capture'>,
  more: Partial<ConnectionFacts> = {},
): ConnectionTap {
  const tap = capture.open({
    direction: 'OUT',
    scheme: 'http',
    client: clientAddress(client.socket),
    server: { ip: '', port: target.port, host },
    tls: null,
    ...more,
  });
  client.accepted.isQuiet = () => tap.isQuiet;
  tellConnect(server, tap);
  return tap;
}

/** What is known of TLS that passes through. */
export function passedTls({ sni }: ClientHello): ConnectionFacts['tls'] {
  return { sni: sni ?? '', version: '', alpn: '' };
}

/** Null when the server is connected; a client that goes away meanwhile ends the attempt. */
function connectResult(server: Socket, client: Socket): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    const giveUp = () => reset(server);
    const settle = (error: NodeJS.ErrnoException | null) => {
      client.off('close', giveUp);
      resolve(error);
    };
    client.once('close', giveUp);
    server
      .once('connect', () => settle(null))
      .on('error', settle)
      .once('close', () => settle(new Error('the client went away')));
  });
}
