// The splice over in-memory streams: what sockets would blur with their own buffers.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Endpoint, splice, type Tap } from './splice.ts';

const CHUNK = Buffer.alloc(16_384, 'x');

function endpointOf(stream: Duplex): Endpoint {
  const socket = Object.assign(stream, { destroySoon: () => stream.destroy() });
  return { stream: socket as unknown as Socket, reset: () => stream.destroy() };
}

/** A stream that gives up to 1,000 chunks, as fast as they are read. */
function spring(): { stream: Duplex; given: () => number } {
  let given = 0;
  const stream = new Duplex({
    read() {
      if (given < 1_000) this.push(CHUNK);
      given++;
    },
    write: (_chunk, _encoding, done) => done(),
  });
  return { stream, given: () => given };
}

/** A stream that takes a chunk only when told to. */
function sink(): { stream: Duplex; take: () => void } {
  let pending: (() => void) | null = null;
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      pending = done;
    },
  });
  return { stream, take: () => pending?.() };
}

function recorder(): Tap & { log: string[]; bytes: number } {
  const log: string[] = [];
  return {
    log,
    bytes: 0,
    nowUs: () => 0,
    fromClient() {},
    fromServer(chunk) {
      this.bytes += chunk.length;
    },
    clientEnded: () => log.push('client ended'),
    serverEnded: () => log.push('server ended'),
    closed: (failed) => log.push(`closed ${failed}`),
  };
}

describe('splice()', () => {
  test('reads no more from a fast side than the slow side and its buffers take', async () => {
    const [fast, slow, tap] = [spring(), sink(), recorder()];
    splice(endpointOf(slow.stream), endpointOf(fast.stream), tap);
    for (let i = 0; i < 50; i++) await turn();
    const held = slow.stream.writableHighWaterMark + fast.stream.readableHighWaterMark;
    expect(fast.given() * CHUNK.length).toBeLessThanOrEqual(held + 2 * CHUNK.length);
    const before = fast.given();
    for (let i = 0; i < 20; i++) {
      slow.take();
      await turn();
    }
    expect(fast.given()).toBeGreaterThan(before);
    slow.stream.destroy();
    fast.stream.destroy();
  });

  test('takes the time, hands bytes to the peer, then shows them to the tap', async () => {
    const order: string[] = [];
    const client = new Duplex({
      read() {},
      write: (_chunk, _encoding, done) => done(order.push('peer') ? null : null),
    });
    const server = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    splice(endpointOf(client), endpointOf(server), {
      ...recorder(),
      nowUs: () => order.push('time'),
      fromServer: () => order.push('tap'),
    });
    server.push(CHUNK);
    await turn();
    expect(order).toEqual(['time', 'peer', 'tap']);
  });

  test('passes an end on, and closes once both sides have ended', async () => {
    const tap = recorder();
    const make = () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const [client, server] = [make(), make()];
    splice(endpointOf(client), endpointOf(server), tap);
    client.push(null);
    await turn();
    expect([server.writableEnded, client.writableEnded, tap.log]).toEqual([true, false, ['client ended']]);
    server.push(null);
    await turn();
    await turn();
    expect(tap.log).toEqual(['client ended', 'server ended', 'closed false']);
  });

  test('ends when one side was closed before it began', async () => {
    const tap = recorder();
    const [client, server] = [spring().stream, spring().stream];
    client.on('error', () => {}).destroy();
    await turn();
    splice(endpointOf(client), endpointOf(server), tap);
    await turn();
    await turn();
    expect(server.destroyed).toBe(true);
    expect(tap.log).toEqual(['closed true']);
  });

  test('tells of bytes that were held before it tells that both sides are closed', async () => {
    const tap = recorder();
    const [client, server] = [spring().stream, spring().stream];
    for (const stream of [client, server]) stream.on('error', () => {}).destroy();
    await turn();
    const seen = { ...tap, fromClient: (chunk: Buffer) => tap.log.push(`client said ${chunk}`) };
    splice(endpointOf(client), endpointOf(server), seen, { fromClient: Buffer.from('GET') });
    await turn();
    expect(tap.log).toEqual(['client said GET', 'closed true']);
  });
});
