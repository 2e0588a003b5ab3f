// The way in: every connection accepted is one connection to the app, spliced. The dial starts with the accept and the
// client's bytes are handed on as they come; an app that cannot be reached looks like a refused connection. Where the app
// is, `appOf` says: the target of reverse mode, or where a redirected connection was going.
import { createServer, isIP, type Server, type Socket } from 'node:net';
import { type CapturedAddress, renderProxyHeader } from '@echoplane/wire';
import type { Capture, ConnectionFacts, ConnectionTap } from './capture.ts';
import type { Connections } from './connections.ts';
import type { Dial, Target } from './dial.ts';
import type { ProxyClient } from './outbound-options.ts';
import { type Held, splice, tcpEndpoint } from './splice.ts';
import type { TlsInbound } from './tls-inbound.ts';
import { readOpening } from './tls-opening.ts';

export interface InboundOptions {
  /** Where an accepted connection goes; null when it is not to be served and is closed already. */
  appOf(client: Socket): Target | null;
  /** Why a connection to the app is not decoded, or null. */
  opaqueReason(app: Target): string | null;
  /** The app is told of its client by a PROXY v2 header. */
  tellsClient: boolean;
  dial: Dial;
  capture: Capture;
  connections: Connections;
  /** Null: TLS is not terminated. */
  tls: TlsInbound | null;
}

/** An accepted connection and where it goes. */
interface Entering {
  client: ProxyClient;
  target: Target;
  dial(): Socket;
  opaque: string | null;
}

/** An inbound listener; the caller listens. */
export function createInbound(options: InboundOptions): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const client = { socket, accepted: options.connections.add(socket) };
    const target = options.appOf(socket);
    if (!target) return;
    const dial = () => dialApp(socket, target, options);
    const entering = { client, target, dial, opaque: options.opaqueReason(target) };
    const server = dial();
    if (!options.tls || entering.opaque) return spliceInbound(entering, server, options);
    const taken = openInbound(entering, server, options, options.tls);
    taken.catch((error) => socket.destroy(error as Error));
  });
}

/** Connects to the app; the header about the client, where it is wanted, goes before anything else. */
function dialApp(client: Socket, target: Target, { dial, tellsClient }: InboundOptions): Socket {
  const server = dial(target);
  if (tellsClient && client.remoteAddress) {
    const ip = isIP(target.host) === 0 ? client.localAddress! : target.host;
    const destination = { ip, port: target.port };
    server.write(renderProxyHeader({ source: clientAddress(client), destination }));
  }
  return server;
}

/** Serves a connection in which the client may begin TLS. */
async function openInbound(
  entering: Entering,
  server: Socket,
  options: InboundOptions,
  tls: TlsInbound,
): Promise<void> {
  const { client, target, dial } = entering;
  const opening = await readOpening(client.socket, server);
  if (!opening.hello) return spliceInbound(entering, server, options, opening);
  const connection = {
    client: client.socket,
    server,
    target,
    redial: dial,
    open: (used: Socket, more: Partial<ConnectionFacts>) => openTap(entering, used, options, more),
  };
  await tls.take(connection, opening.hello, opening.fromClient);
}

function spliceInbound(entering: Entering, server: Socket, options: InboundOptions, held: Held = {}): void {
  const { client, opaque } = entering;
  const tap = openTap(entering, server, options, opaque ? { opaque } : {});
  splice(tcpEndpoint(client.socket), tcpEndpoint(server), tap, held);
}

function openTap(
  { client: { socket, accepted }, target }: Entering,
  server: Socket,
  { capture }: InboundOptions,
  more: Partial<ConnectionFacts>,
): ConnectionTap {
  const tap = capture.open({
    direction: 'IN',
    scheme: 'http',
    client: clientAddress(socket),
    server: { ip: '', port: target.port, host: '' },
    tls: null,
    ...more,
  });
  accepted.isQuiet = () => tap.isQuiet;
  // Asked of the kernel, an address costs a system call.
  tellConnect(server, tap, isIP(target.host) === 0 ? null : target);
  return tap;
}

/** Tells a tap how the dial goes, or went; `as`: the destination it is known to have, or taken for. */
export function tellConnect(
  server: Socket,
  tap: { connected(ip: string | undefined, port: number | undefined): void; connectFailed(): void },
  as: Target | null = null,
): void {
  const connected = () => {
    if (as) tap.connected(isIP(as.host) === 0 ? '' : as.host, as.port);
    else tap.connected(server.remoteAddress, server.remotePort);
  };
  if (server.connecting) {
    let isConnected = false;
    server.once('connect', () => {
      isConnected = true;
      connected();
    });
    server.once('error', () => {
      if (!isConnected) tap.connectFailed();
    });
  } else if (server.remoteAddress) connected();
  else tap.connectFailed();
}

/** The address of the peer of an accepted connection. */
export function clientAddress(client: Socket): CapturedAddress {
  return { ip: client.remoteAddress ?? '', port: client.remotePort ?? 0, host: '' };
}
