// Transparent mode, on the way out: the redirected connections of the app. Where each was going, the kernel says; it is
// routed there, and a server that cannot be reached looks like accept-then-close to the app.
import { createServer, type Server } from 'node:net';
import type { OutboundOptions } from './outbound-options.ts';
import { routeOutbound } from './outbound-route.ts';
import type { Redirected } from './redirected.ts';

const NOTHING = Buffer.alloc(0);

/** An outbound listener; the caller listens, on loopback only. */
export function createTransparentOutbound(options: OutboundOptions, redirected: Redirected): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const client = { socket, accepted: options.connections.add(socket) };
    const target = redirected.destinationOf(socket);
    if (!target) return;
    const asked = { client, target, named: '', early: NOTHING, greeting: null };
    routeOutbound(asked, options).catch((error) => socket.destroy(error as Error));
  });
}
