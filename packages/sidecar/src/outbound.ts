// Forward mode: an HTTP proxy for the app's outgoing calls. Each accepted client is read by a relay, which serves
// absolute-form requests itself and hands a CONNECT over to a tunnel:
//
//   accept ─▶ AbsoluteFormRelay ─ GET http://… ─▶ request line rewritten, upstream by host:port
//                    └─ CONNECT ─▶ tunnel ─▶ first bytes ─ TLS and a CA ─▶ TlsInterception ─▶ splice
//                                                └─ anything else ─▶ splice
import { createServer, type Server } from 'node:net';
import { AbsoluteFormRelay } from './absolute-form.ts';
import type { Target } from './dial.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { openTunnel } from './tunnel.ts';

/** The outbound listener; the caller listens, on loopback only. */
export function createOutbound(options: OutboundOptions): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const client = { socket, accepted: options.connections.add(socket) };
    const onConnect = (target: Target, early: Buffer) => {
      openTunnel(client, target, early, options).catch((error) => socket.destroy(error as Error));
    };
    new AbsoluteFormRelay(client, options, onConnect).start();
  });
}
