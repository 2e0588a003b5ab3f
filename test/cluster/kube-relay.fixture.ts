// A way to an API server that a test can cut, stall and count: bytes both ways, TLS untouched.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Relay {
  url: string;
  /** Connections that were ever made through it. */
  readonly connections: number;
  /** Resets every connection; `refuse`: and takes no new ones until `admit`. */
  cut(options?: { refuse?: boolean }): void;
  /** Connections stay open and nothing comes through them any more; new ones work. */
  stall(): void;
  admit(): void;
  close(): Promise<void>;
}

export async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<[Socket, Socket]>();
  let connections = 0;
  let refusing = false;
  const server = createServer((near) => {
    connections++;
    if (refusing) return void near.resetAndDestroy();
    const far = connect(Number(port), hostname);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) socket.on('error', end).on('close', end);
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cut({ refuse = false } = {}) {
      refusing = refuse;
      for (const [near] of pairs) near.resetAndDestroy();
    },
    stall() {
      for (const [near, far] of pairs) {
        far.unpipe(near);
        near.unpipe(far);
      }
    },
    admit() {
      refusing = false;
    },
    async close() {
      for (const [near, far] of pairs) {
        near.destroy();
        far.destroy();
      }
      server.close();
      await once(server, 'close');
    },
  };
}
