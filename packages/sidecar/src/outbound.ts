// Forward mode: an HTTP proxy for the app's outgoing calls. Each accepted client is read by a relay, which serves
// absolute-form requests itself and hands a CONNECT over to be routed:
//
//   accept ─▶ AbsoluteFormRelay ─ GET http://… ─▶ request line rewritten, upstream by host:port
//                    └─ CONNECT ─▶ route ─▶ tunnel ─▶ first bytes ─ TLS and a CA ─▶ TlsInterception ─▶ splice
//                                    └─▶ mocked tunnel                └─ anything else ─▶ splice
import { createServer, type Server, type Socket } from 'node:net';
import { AbsoluteFormRelay } from './absolute-form.ts';
import type { Target } from './dial.ts';
import type { OutboundOptions } from './outbound-options.ts';
import { routeOutbound } from './outbound-route.ts';
import { answer, ESTABLISHED, unreachable } from './proxy-answer.ts';
import type { Greeting } from './tunnel.ts';

/** The outbound listener; the caller listens, on loopback only. */
export function createOutbound(options: OutboundOptions): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const client = { socket, accepted: options.connections.add(socket) };
    const greeting = greetingOf(socket, options);
    const onConnect = (target: Target, early: Buffer) => {
      const asked = { client, target, named: target.host, early, greeting };
      routeOutbound(asked, options).catch((error) => socket.destroy(error as Error));
    };
    new AbsoluteFormRelay(client, options, onConnect).start();
  });
}

function greetingOf(client: Socket, { metrics }: OutboundOptions): Greeting {
  return {
    connected: () => client.write(ESTABLISHED),
    failed: (error, { host, port }) => answer(client, 502, unreachable(host, port, error), metrics),
  };
}
