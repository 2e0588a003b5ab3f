// The splice over real sockets, byte for byte: what arrives and what the tap was shown are what was sent, whoever is slow.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { createAuthority, loadAuthority, tryStaticReads, useStreams } from '@echoplane/runtime';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { readBuffers, splice, type Tap, tcpEndpoint, tlsEndpoint } from './splice.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listening(server: Server): Promise<number> {
  closers.push(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

interface Ends {
  client: Socket;
  server: Socket;
  tap: { sent: string[]; received: string[]; closed: Promise<boolean> };
}

/** A spliced connection and its two outer ends. */
async function spliced(kind: 'tcp' | 'tls'): Promise<Ends> {
  const authority = await loadAuthority(...(await keyPair()));
  const { certPem: cert, keyPem: key } = await authority.leaf('localhost');
  const upstream = createServer({ allowHalfOpen: true });
  const upstreamPort = await listening(upstream);
  const hashes = { client: createHash('sha256'), server: createHash('sha256') };
  const tap: Ends['tap'] = { sent: [], received: [], closed: Promise.resolve(false) };
  const join = (accepted: Socket, raw: Socket) => {
    const dialled = connect({ port: upstreamPort, host: '127.0.0.1', allowHalfOpen: true });
    tap.closed = new Promise((resolve) => {
      const recorder: Tap = {
        nowUs: () => 0,
        fromClient: (chunk) => hashes.client.update(chunk),
        fromServer: (chunk) => hashes.server.update(chunk),
        clientEnded: () => tap.sent.push(hashes.client.digest('hex')),
        serverEnded: () => tap.received.push(hashes.server.digest('hex')),
        closed: resolve,
      };
      const client = kind === 'tls' ? tlsEndpoint(accepted as TLSSocket, raw) : tcpEndpoint(accepted);
      splice(client, tcpEndpoint(dialled), recorder);
    });
  };
  const proxy =
    kind === 'tcp'
      ? createServer({ allowHalfOpen: true, noDelay: true }, (socket) => join(socket, socket))
      : createTlsServer({ cert, key, allowHalfOpen: true }, (socket) => join(socket, socket));
  const port = await listening(proxy);
  const arrives = once(upstream, 'connection');
  const to = { port, host: '127.0.0.1', allowHalfOpen: true };
  const client = kind === 'tcp' ? connect(to) : connectTls({ ...to, rejectUnauthorized: false });
  const [server] = (await arrives) as [Socket];
  closers.push(
    () => client.destroy(),
    () => server.destroy(),
  );
  return { client, server, tap };
}

async function keyPair(): Promise<[string, string]> {
  const { certPem, keyPem } = await createAuthority({ commonName: 'test', days: 1 });
  return [certPem, keyPem];
}

/** Sends pieces of odd sizes, waiting when told to, then ends; gives the hash of it all. */
async function send(socket: Socket, sizes: readonly number[]): Promise<string> {
  const hash = createHash('sha256');
  for (const size of sizes) {
    const piece = randomBytes(size);
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
    if (size < 5_000) await turn();
  }
  socket.end();
  return hash.digest('hex');
}

/** Reads to the end; a slow reader stops after every piece. */
async function receive(socket: Socket, isSlow: boolean): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    if (isSlow) for (let i = 0; i < 20; i++) await turn();
  }
  return hash.digest('hex');
}

const SMALL = Array.from({ length: 400 }, (_, i) => 1 + ((i * 37) % 900));
const LARGE = Array.from({ length: 60 }, (_, i) => 1 + ((i * 104_729) % 300_000));
const MIXED = [...SMALL.slice(0, 60), ...LARGE.slice(0, 20), ...SMALL, ...LARGE, ...SMALL.slice(0, 80)];

describe.each(['static', 'stream'] as const)('splice() with %s reads', (reads) => {
  beforeAll(async () => {
    // A machine that stands still for two seconds fails a trial, not the way.
    if (reads === 'static') await vi.waitUntil(tryStaticReads, { timeout: 30_000 });
    else useStreams();
  });
  describe.each(['tcp', 'tls'] as const)('over %s', (kind) => {
    test.each([
      ['small pieces', SMALL, false, false],
      ['large pieces to slow readers', LARGE, true, true],
      ['a mixture to a slow client', MIXED, true, false],
      ['a mixture to a slow server', MIXED, false, true],
    ] as const)('%s pass unchanged and the tap is shown them', async (_, sizes, slowClient, slowServer) => {
      const { client, server, tap } = await spliced(kind);
      const [sent, answered, atClient, atServer] = await Promise.all([
        send(client, sizes),
        send(server, sizes.toReversed()),
        receive(client, slowClient),
        receive(server, slowServer),
      ]);
      expect(atServer).toBe(sent);
      expect(atClient).toBe(answered);
      expect(await tap.closed).toBe(false);
      expect(tap).toMatchObject({ sent: [sent], received: [answered] });
      expect(readBuffers.takenBytes).toBe(0);
    });
  });
});
