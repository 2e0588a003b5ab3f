/**
 * Test support: a TCP relay that shows a Http2Exchange the bytes of one connection as they pass, and a node:http2
 * server to put behind it.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Http2Exchange, type Http2ExchangeOptions, type Http2OpaqueReason } from './http2-exchange.ts';
import type { RawHttpPair } from './raw-http-pair.ts';

export interface TappedConnection {
  exchange: Http2Exchange;
  opaque: Http2OpaqueReason | null;
  isClosed: boolean;
}

/** Relays to `port` and taps every connection. */
export class Tap {
  readonly pairs: RawHttpPair[] = [];
  readonly connections: TappedConnection[] = [];
  readonly #relay: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: Http2ExchangeOptions;

  constructor(port: number, options: Http2ExchangeOptions = {}) {
    this.#options = options;
    this.#relay = createServer((client) => this.#tap(client, connect(port, '127.0.0.1')));
  }

  async listen(): Promise<number> {
    this.#relay.listen(0, '127.0.0.1');
    await once(this.#relay, 'listening');
    return (this.#relay.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#relay.close();
    await once(this.#relay, 'close');
  }

  /** Waits until `isSo`. */
  async until(isSo: () => boolean): Promise<void> {
    for (const end = Date.now() + 30_000; !isSo(); ) {
      if (Date.now() > end) throw new Error(`waited in vain: ${isSo}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #tap(client: Socket, server: Socket): void {
    const nowUs = () => Math.round(performance.now() * 1_000);
    const tapped: TappedConnection = {
      exchange: new Http2Exchange(
        {
          pair: (pair) => this.pairs.push(pair),
          abandoned: () => {
            throw new Error('nothing here is malformed');
          },
          opaque: (reason) => {
            tapped.opaque = reason;
          },
        },
        this.#options,
      ),
      opaque: null,
      isClosed: false,
    };
    this.connections.push(tapped);
    client.on('data', (chunk) => {
      tapped.exchange.client(chunk, nowUs());
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      tapped.exchange.server(chunk, nowUs());
      client.write(chunk);
    });
    client.on('end', () => server.end());
    server.on('end', () => client.end());
    server.on('close', () => {
      tapped.exchange.serverEnd(nowUs());
      tapped.isClosed = true;
      client.destroy();
    });
    client.on('close', () => server.destroy());
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    }
  }
}

/** Lines of a head by name, the last of each. */
export function fieldsOf(head: Buffer | null): Record<string, string> {
  const lines =
    head
      ?.toString('latin1')
      .split('\r\n')
      .filter((line) => line !== '') ?? [];
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':', 1);
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
  );
}

export function bodyOf({ kept }: RawHttpPair['requestBody']): Buffer {
  return Buffer.concat(kept);
}
