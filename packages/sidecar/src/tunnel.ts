// A CONNECT: dial, answer, then splice; with a CA, the client's first bytes are held for as long as they may be the
// beginning of TLS, and no longer: a server that speaks first, or any other byte, ends the waiting.
import type { Socket } from 'node:net';
import { detectProtocol, parseClientHello } from '@echoplane/wire';
import type { ConnectionFacts } from './capture.ts';
import type { Target } from './dial.ts';
import { clientAddress, tellConnect } from './inbound.ts';
import type { ClientHello, OutboundOptions, ProxyClient, Tunnel } from './outbound-options.ts';
import { answer, ESTABLISHED, unreachable } from './proxy-answer.ts';
import { type Held, reset, splice, tcpEndpoint } from './splice.ts';

/** Serves one CONNECT; `early`: bytes the client sent with it. */
export async function openTunnel(
  client: ProxyClient,
  target: Target,
  early: Buffer,
  options: OutboundOptions,
): Promise<void> {
  client.accepted.isQuiet = () => false;
  const server = options.dial(target);
  const failure = await connectResult(server, client.socket);
  if (failure) {
    options.metrics.count('connect_failures', 'OUT');
    return answer(client.socket, 502, unreachable(target.host, target.port, failure), options.metrics);
  }
  client.socket.write(ESTABLISHED);
  const tunnel = { client, server, target };
  if (!options.interception) return spliceTunnel(tunnel, options, { fromClient: early });
  const opening = await readOpening(client.socket, server, early);
  if (opening.hello) await options.interception.take(tunnel, opening.hello, opening.fromClient);
  else spliceTunnel(tunnel, options, opening);
}

/** Splices a tunnel as it is; `opaque`: why it is not to be decoded. */
export function spliceTunnel(
  { client, server, target }: Tunnel,
  options: Pick<OutboundOptions, 'capture'>,
  held: Held,
  more: Partial<ConnectionFacts> = {},
): void {
  const tap = options.capture.open({ ...tunnelFacts(client.socket, server, target), ...more });
  client.accepted.isQuiet = () => tap.isQuiet;
  if (server.connecting) tellConnect(server, tap);
  splice(tcpEndpoint(client.socket), tcpEndpoint(server), tap, held);
}

/** What is known of a tunnel's connection. */
export function tunnelFacts(client: Socket, server: Socket, { host, port }: Target): ConnectionFacts {
  return {
    direction: 'OUT',
    scheme: 'http',
    client: clientAddress(client),
    server: { ip: server.remoteAddress ?? '', port: server.remotePort ?? port, host },
    tls: null,
  };
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

interface Opening {
  fromClient: Buffer;
  fromServer: Buffer;
  /** The client begins TLS. */
  hello: ClientHello | null;
}

/** Reads until it is clear whether the client begins TLS. Both sockets are paused afterwards. */
function readOpening(client: Socket, server: Socket, early: Buffer): Promise<Opening> {
  return new Promise((resolve) => {
    let fromClient = early;
    const settle = (fromServer: Buffer, hello: ClientHello | null) => {
      client.off('data', onClient).off('end', onGone).off('close', onGone).pause();
      server.off('data', onServer).off('end', onGone).off('close', onGone).pause();
      resolve({ fromClient, fromServer, hello });
    };
    const judge = () => {
      const hello = helloOf(fromClient);
      if (hello !== 'need-more') settle(Buffer.alloc(0), hello);
    };
    const onClient = (chunk: Buffer) => {
      fromClient = Buffer.concat([fromClient, chunk]);
      judge();
    };
    const onServer = (chunk: Buffer) => settle(chunk, null);
    const onGone = () => settle(Buffer.alloc(0), null);
    client.on('data', onClient).on('end', onGone).on('close', onGone).resume();
    server.on('data', onServer).on('end', onGone).on('close', onGone).resume();
    if (client.destroyed || server.destroyed) onGone();
    else judge();
  });
}

const TLS_HANDSHAKE = 0x16;

function helloOf(bytes: Buffer): ClientHello | 'need-more' | null {
  if (bytes.length === 0) return 'need-more';
  if (bytes[0] !== TLS_HANDSHAKE) return null;
  const protocol = detectProtocol(bytes);
  if (protocol !== 'tls') return protocol === 'need-more' ? protocol : null;
  const hello = parseClientHello(bytes);
  if (hello.status === 'need-more') return 'need-more';
  return hello.status === 'ok' ? { sni: hello.sni, alpn: hello.alpn } : null;
}
