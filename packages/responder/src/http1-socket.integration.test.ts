// Real sockets: what is read past the stream, and what is written without a callback, is what was sent, whoever is slow.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tryDirectWrites, tryStaticReads, useStreams } from '@echoplane/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Http1Socket } from './http1-socket.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
  useStreams();
});

/** Both ends of a connection. */
async function connected(): Promise<[client: Socket, accepted: Socket]> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  for (const socket of [client, accepted]) socket.on('error', () => {});
  closers.push(() => {
    client.destroy();
    accepted.destroy();
    server.close();
  });
  return [client, accepted];
}

const pattern = (size: number) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31) & 0xff));

describe.each([
  ['shared reads', () => tryStaticReads()],
  ['stream reads', async () => useStreams()],
])('with %s', (_, prepare) => {
  beforeEach(async () => void (await prepare()));

  test('all bytes come in order, through a pause too, and then the end', async () => {
    const [client, accepted] = await connected();
    const seen: Buffer[] = [];
    const bytes = new Http1Socket(accepted, (read, length) => {
      seen.push(Buffer.from(read.subarray(0, length)));
      if (seen.length % 3 !== 0) return;
      accepted.pause();
      setImmediate(() => accepted.resume());
    });
    bytes.read();
    bytes.readShared();
    const sent = pattern(1_500_000);
    client.end(sent);
    await once(accepted, 'end');
    expect(Buffer.concat(seen).equals(sent)).toBe(true);
  });

  test('what comes after a release is for the next reader of the stream', async () => {
    const [client, accepted] = await connected();
    const seen: string[] = [];
    const bytes = new Http1Socket(accepted, (read, length) => {
      seen.push(read.toString('latin1', 0, length));
      bytes.release();
      client.end(pattern(300_000));
    });
    bytes.read();
    bytes.readShared();
    client.write('mine');
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const rest: Buffer[] = [];
    for await (const chunk of accepted) rest.push(chunk as Buffer);
    expect(seen).toEqual(['mine']);
    expect(Buffer.concat(rest).equals(pattern(300_000))).toBe(true);
  });
});

test.each(['streams', 'direct writes'])(
  'by %s a write is told once: at once when the system took it, later when it had to wait, and when it never will be',
  async (way) => {
    const [client, accepted] = await connected();
    const bytes = new Http1Socket(accepted, () => {});
    if (way === 'direct writes') {
      // A machine that stands still for two seconds fails a trial, not the way.
      await expect.poll(tryDirectWrites).toBe(true);
      bytes.readShared();
    }
    const told: (boolean | string)[] = [];
    bytes.write(Buffer.from('small'), (isWhole) => void told.push(isWhole));
    expect(told).toEqual([true]);
    const large = Buffer.alloc(20 << 20);
    let isTold = false;
    expect(
      bytes.write(large, (isWhole) => {
        isTold = true;
        told.push(isWhole);
      }),
    ).toBe(false);
    expect(isTold).toBe(false);
    let received = 0;
    client.on('data', (chunk) => {
      received += chunk.length;
    });
    // Which of the two is last is not said: no event is left to wait for after both.
    while (!isTold || received < large.length + 5) await new Promise((resolve) => setImmediate(resolve));
    client.pause();
    bytes.write(large, (isWhole) => void told.push(isWhole));
    client.destroy();
    accepted.destroy();
    await once(accepted, 'close');
    while (told.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([true, true, false]);
  },
);
