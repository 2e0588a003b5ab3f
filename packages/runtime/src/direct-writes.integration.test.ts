import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directWrites, tryDirectWrites, type Written } from './direct-writes.ts';

/** As long as one can be that is handed to the kernel directly. */
const SMALL = 16 << 10;

const open: { destroy(): void }[] = [];

afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

async function connected(): Promise<{ client: Socket; accepted: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  open.push({ destroy: () => server.close() });
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  await (client.connecting ? once(client, 'connect') : null);
  open.push(client, accepted);
  return { client, accepted };
}

test('direct writes work on this Node.js', async () => {
  expect(await tryDirectWrites()).toBe(true);
});

test('bytes arrive whole and in order, also past what the kernel takes, and mixed with the writes of the stream', async () => {
  await tryDirectWrites();
  const { client, accepted } = await connected();
  const write = directWrites(client);
  const sent: Buffer[] = [];
  // Nobody reads yet: the kernel is full soon, and then everything waits in one order.
  for (let i = 0; i < 2_000; i++) {
    const bytes = Buffer.alloc(i % 7 === 0 ? 40_000 : 4_000, i % 251);
    sent.push(bytes);
    if (i % 5 === 0) client.write(bytes);
    else write(bytes);
  }
  client.end();
  const received = Buffer.concat(await accepted.toArray());
  expect(received.equals(Buffer.concat(sent))).toBe(true);
});

/** Writes until the kernel takes no more; what was said of each write. */
function fill(write: (bytes: Buffer) => Written): { all: Written[]; bytes: number } {
  const all: Written[] = [];
  for (let last: Written = 'taken'; last === 'taken'; all.push(last)) last = write(Buffer.alloc(SMALL));
  return { all, bytes: all.length * SMALL };
}

test('a small write is taken by the kernel; one that is not taken whole is kept, and until it is gone the stream writes', async () => {
  await tryDirectWrites();
  const { client, accepted } = await connected();
  const write = directWrites(client);
  expect(write(Buffer.alloc(SMALL))).toBe('taken');
  const { all, bytes } = fill(write);
  expect(all.at(-1)).toBe('kept');
  expect([write(Buffer.from('later')), write(Buffer.from('last'))]).toEqual(['streamed', 'streamed']);
  client.end();
  const received = Buffer.concat(await accepted.toArray());
  expect(received.length).toBe(SMALL + bytes + 9);
  expect(received.subarray(-9).toString()).toBe('laterlast');
});

test('a large write, which may be taken in part, goes through the stream', async () => {
  await tryDirectWrites();
  const { client } = await connected();
  expect(directWrites(client)(Buffer.alloc(SMALL + 1))).toBe('streamed');
});

test('a write does not overtake what the stream still holds', async () => {
  await tryDirectWrites();
  const { client, accepted } = await connected();
  const write = directWrites(client);
  // The first waits in the system, the second in the stream.
  for (let i = 0; i < 2; i++) client.write(Buffer.alloc(8 << 20, 'a'));
  expect(client.writableLength).toBeGreaterThan(8 << 20);
  expect(write(Buffer.from('z'))).toBe('streamed');
  client.end();
  const received = Buffer.concat(await accepted.toArray());
  expect(received.indexOf('z')).toBe(received.length - 1);
});

test('a kept write that fails later ends the connection with an error', async () => {
  await tryDirectWrites();
  const { client, accepted } = await connected();
  fill(directWrites(client));
  // Whoever reads would notice the reset by that.
  (client as Socket & { _handle: { readStop(): void } })._handle.readStop();
  const { promise: failed, resolve } = Promise.withResolvers<string>();
  client.once('error', ({ message }) => resolve(message));
  accepted.resetAndDestroy();
  expect(await failed).toMatch(/^a write failed/);
});

describe('on a Node.js whose writes are others', () => {
  /** What the handles of all sockets share. */
  let shared: { writeBuffer?: unknown };
  let asItWas: unknown;

  beforeEach(async () => {
    const { client } = await connected();
    shared = Object.getPrototypeOf((client as Socket & { _handle: object })._handle);
    asItWas = shared.writeBuffer;
  });
  afterEach(async () => {
    shared.writeBuffer = asItWas;
    await tryDirectWrites();
  });

  type WriteBuffer = (this: object, request: object, bytes: Buffer) => number;
  test.each<[string, (real: WriteBuffer) => WriteBuffer]>([
    [
      'that lose a write',
      (real) =>
        function (request, bytes) {
          return bytes.toString() === '2' ? 0 : real.call(this, request, bytes);
        },
    ],
    [
      'that refuse one',
      (real) =>
        function (request, bytes) {
          return bytes.toString() === '2' ? -22 : real.call(this, request, bytes);
        },
    ],
  ])('%s everything goes through the stream', async (_, changed) => {
    shared.writeBuffer = changed(asItWas as WriteBuffer);
    expect(await tryDirectWrites()).toBe(false);
    const { client, accepted } = await connected();
    expect(directWrites(client)(Buffer.from('all'))).toBe('streamed');
    client.end();
    expect(Buffer.concat(await accepted.toArray()).toString()).toBe('all');
  });
});

test('a write to a connection that was reset ends it with an error, and later ones do no harm', async () => {
  await tryDirectWrites();
  const { client, accepted } = await connected();
  const write = directWrites(client);
  let failure: Error | null = null;
  client.on('error', (error) => {
    failure = error;
  });
  accepted.resetAndDestroy();
  const closed = once(client.resume(), 'close').catch(() => {});
  while (!client.destroyed) {
    write(Buffer.from('more'));
    await new Promise(setImmediate);
  }
  await closed;
  write(Buffer.from('again'));
  expect(failure).toBeInstanceOf(Error);
});
