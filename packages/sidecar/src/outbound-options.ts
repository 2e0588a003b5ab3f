// What the parts of forward mode hand each other. Types only: the parts import this file and it imports none of them,
// so that the arrows between them run one way.
import type { Socket } from 'node:net';
import type { Capture } from './capture.ts';
import type { Accepted, Connections } from './connections.ts';
import type { Dial, Target } from './dial.ts';
import type { Metrics } from './metrics.ts';

export interface OutboundOptions {
  dial: Dial;
  capture: Capture;
  connections: Connections;
  metrics: Metrics;
  /** Null: TLS passes through. */
  interception: Interception | null;
}

/** A client of the forward proxy. */
export interface ProxyClient {
  socket: Socket;
  accepted: Accepted;
}

/** Everything about an open tunnel; both sockets are paused or unread. */
export interface Tunnel {
  client: ProxyClient;
  server: Socket;
  target: Target;
}

/** What the client asks for in its ClientHello. */
export interface ClientHello {
  sni: string | null;
  alpn: string[];
}

/** Takes tunnels over in which the client begins TLS. */
export interface Interception {
  /** `held`: the client's bytes so far, its ClientHello. */
  take(tunnel: Tunnel, hello: ClientHello, held: Buffer): Promise<void>;
}
