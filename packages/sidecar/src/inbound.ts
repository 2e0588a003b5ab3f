// Reverse mode: every connection accepted is one connection to the target, spliced. The dial starts with the accept and
// the client's bytes are handed on as they come; a target that cannot be reached looks like a refused connection.
import { createServer, type Server, type Socket } from 'node:net';
import type { CapturedAddress } from '@echoplane/wire';
import type { Capture } from './capture.ts';
import type { Connections } from './connections.ts';
import type { Dial, Target } from './dial.ts';
import { splice, tcpEndpoint } from './splice.ts';

export interface InboundOptions {
  target: Target;
  dial: Dial;
  capture: Capture;
  connections: Connections;
}

/** The inbound listener; the caller listens. */
export function createInbound({ target, dial, capture, connections }: InboundOptions): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const accepted = connections.add(client);
    const server = dial(target);
    const tap = capture.open({
      direction: 'IN',
      scheme: 'http',
      client: clientAddress(client),
      server: { ip: '', port: target.port, host: '' },
      tls: null,
    });
    accepted.isQuiet = () => tap.isQuiet;
    tellConnect(server, tap);
    splice(tcpEndpoint(client), tcpEndpoint(server), tap);
  });
}

/** Tells a tap how the dial went. */
export function tellConnect(
  server: Socket,
  tap: { connected(ip: string | undefined, port: number | undefined): void; connectFailed(): void },
): void {
  let isConnected = false;
  server.once('connect', () => {
    isConnected = true;
    tap.connected(server.remoteAddress, server.remotePort);
  });
  server.once('error', () => {
    if (!isConnected) tap.connectFailed();
  });
}

/** The address of the peer of an accepted connection. */
export function clientAddress(client: Socket): CapturedAddress {
  return { ip: client.remoteAddress ?? '', port: client.remotePort ?? 0, host: '' };
}
