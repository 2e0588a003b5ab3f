// What the ways out of the pod hand each other. Types only: the parts import this file and it imports none of them, so
// that the arrows between them run one way.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Capture } from './capture.ts';
import type { Accepted, Connections } from './connections.ts';
import type { DestinationRules } from './destination-rules.ts';
import type { Dial, Target } from './dial.ts';
import type { HostNames } from './host-names.ts';
import type { Metrics } from './metrics.ts';
import type { ReplayRoutes } from './replay-routes.ts';

export interface OutboundOptions {
  dial: Dial;
  capture: Capture;
  connections: Connections;
  metrics: Metrics;
  rules: DestinationRules;
  names: HostNames;
  /** Null: no destination is mocked. */
  replay: ReplayRoutes | null;
  /** Null: TLS passes through. */
  interception: Interception | null;
}

/** An accepted connection. */
export interface ProxyClient {
  socket: Socket;
  accepted: Accepted;
}

/** Everything about a connection on its way out; both sockets are paused or unread. */
export interface Tunnel {
  client: ProxyClient;
  server: Socket;
  /** What is dialled, as it was asked for: a name or an IP address. */
  target: Target;
  /** The server's name as far as it is known, else empty. */
  host: string;
}

/** What the client asks for in its ClientHello. */
export interface ClientHello {
  sni: string | null;
  alpn: string[];
  /** Offered, in the client's order: 0x0304 is TLS 1.3. */
  versions: number[];
}

/** Opens the TLS of clients. */
export interface Interception {
  /** Takes a tunnel over in which the client begins TLS; `held`: the client's bytes so far, its ClientHello. */
  take(tunnel: Tunnel, hello: ClientHello, held: Buffer): Promise<void>;
  /** TLS with the client and nobody dialled; `alpn` is one it offered. Null: it did not want that and is closed. */
  terminate(
    tunnel: Pick<Tunnel, 'client' | 'target'>,
    hello: ClientHello,
    held: Buffer,
    alpn: string | null,
  ): Promise<TLSSocket | null>;
}
