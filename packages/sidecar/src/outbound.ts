// Forward mode: an HTTP proxy for the app's outgoing calls. Each accepted client is read by a relay, which serves
// absolute-form requests itself and hands a CONNECT over to a tunnel:
//
//   accept ─▶ AbsoluteFormRelay ─ GET http://… ─▶ request line rewritten, upstream by host:port
//                    └─ CONNECT ─▶ tunnel ─▶ first bytes ─ TLS and a CA ─▶ TlsInterception ─▶ splice
//                                                └─ anything else ─▶ splice
import { createServer, type Server, type Socket } from 'node:net';
import { AbsoluteFormRelay } from './absolute-form.ts';
import type { Capture } from './capture.ts';
import type { Accepted, Connections } from './connections.ts';
import type { Dial, Target } from './dial.ts';
import type { Metrics } from './metrics.ts';
import type { TlsInterception } from './tls-interception.ts';
import { openTunnel } from './tunnel.ts';

export interface OutboundOptions {
  dial: Dial;
  capture: Capture;
  connections: Connections;
  metrics: Metrics;
  /** Null: TLS passes through. */
  interception: TlsInterception | null;
}

/** A client of the forward proxy. */
export interface ProxyClient {
  socket: Socket;
  accepted: Accepted;
}

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
