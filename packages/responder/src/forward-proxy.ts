// The forward proxy in front of the answerer: absolute-form requests, and CONNECT tunnels with TLS or plain HTTP/1.1
// inside. It listens and never dials. All requests end in one HTTP server, whatever way their socket came.
//
//   socket ─▶ request ───────────────────────────────────────▶ answer
//          └▶ CONNECT ─▶ first bytes ─┬ HTTP ────────────────▶ answer
//                                     └ TLS ─▶ terminate ────▶ answer     anything else: recorded as a miss, closed
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Clock, newId } from '@echoplane/runtime';
import type { Answerer } from './answerer.ts';
import { type Channel, splitAuthority } from './channel.ts';
import { peekFirstBytes } from './first-bytes.ts';
import type { TlsTerminator } from './tls-terminator.ts';

const FIRST_BYTES_MS = 10_000;
/** Longer than clients keep idle connections, so that they close them and no request meets a closing one. */
const KEEP_ALIVE_MS = 65_000;
const MAX_HEADER_BYTES = 64 << 10;
const MAX_CONNECTIONS = 10_000;

export interface ForwardProxyOptions {
  answerer: Answerer;
  terminator: TlsTerminator;
  clock: Clock;
}

export class ForwardProxy {
  readonly server: Server;
  readonly #options: ForwardProxyOptions;
  readonly #channels = new WeakMap<Duplex, Channel>();
  readonly #sockets = new Set<Duplex>();

  constructor(options: ForwardProxyOptions) {
    this.#options = options;
    this.server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES });
    this.server.maxConnections = MAX_CONNECTIONS;
    this.server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.server.on('request', (incoming, outgoing) => {
      void options.answerer.answer(incoming, outgoing, this.#channelOf(incoming.socket));
    });
    this.server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      // Without a listener a reset would end the process; the tunnel sees it as a close.
      socket.on('error', () => {});
      this.#tunnel(request.url ?? '', socket, head).catch(() => socket.destroy());
    });
  }

  /** Takes no more connections and ends those there are. */
  close(): void {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #tunnel(authority: string, socket: Socket, head: Buffer): Promise<void> {
    const server = splitAuthority(authority);
    if (!server) {
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    const channel = this.#newChannel(socket, authority);
    const first = await peekFirstBytes(socket, FIRST_BYTES_MS);
    if (first.kind === 'http') return this.#serve(socket, channel);
    if (first.kind === 'tls') return this.#serveTls(socket, channel, first.sni ?? server.host);
    if (first.kind === 'unknown') {
      this.#options.answerer.refuse(channel, 'no-match', 'the tunnel carries neither TLS nor HTTP/1.1');
    }
    socket.destroy();
  }

  async #serveTls(socket: Socket, channel: Channel, name: string): Promise<void> {
    channel.scheme = 'https';
    let secured: TLSSocket;
    try {
      secured = await this.#options.terminator.terminate(socket, name);
    } catch (error) {
      const reason = `TLS with ${name} failed, does the client trust the authority? ${(error as Error).message}`;
      this.#options.answerer.refuse(channel, 'tls-failed', reason);
      socket.destroy();
      return;
    }
    channel.tls = { sni: name, version: secured.getProtocol() ?? '', alpn: secured.alpnProtocol || '' };
    this.#serve(secured, channel);
  }

  #serve(socket: Duplex, channel: Channel): void {
    this.#channels.set(socket, channel);
    this.server.emit('connection', socket);
  }

  #channelOf(socket: Socket): Channel {
    const known = this.#channels.get(socket);
    if (known) return known;
    const channel = this.#newChannel(socket, null);
    this.#channels.set(socket, channel);
    return channel;
  }

  #newChannel(socket: Socket, authority: string | null): Channel {
    const client = { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, host: '' };
    return {
      connection: newId(this.#options.clock.nowUs()),
      client,
      scheme: 'http',
      authority,
      tls: null,
      seq: 0,
    };
  }
}
