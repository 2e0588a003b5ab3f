// Many of everything: ten thousand connections at once, and a day's worth of requests on one HTTP/2 connection. All are
// answered, all are accounted for, and memory stays within its bound.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { heldAfterCollection, INSPECTED } from './stages/heap.ts';
import { SidecarStage } from './stages/sidecar-stage.ts';

const MIB = 1 << 20;
/** Ten thousand, or what the limit on open files leaves: a connection is two of them. Node raises its own to the hard limit. */
const [, MAX_FILES = ''] =
  /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
const CROWD = Math.min(10_000, 100 * Math.floor((Number(MAX_FILES || Number.POSITIVE_INFINITY) - 200) / 200));
/** Two sockets, their buffers, a tap and an exchange: 24 KiB for each connection, on top of an idle sidecar. */
const CROWD_MEMORY = 100 * MIB + CROWD * (24 << 10);
/** The origin has a process of its own: the files of one process would not do for both ends. */
const ORIGIN = `
  const { createServer } = require(process.argv[1]);
  const server = process.argv[1] === 'http'
    ? createServer({ keepAliveTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: 1e9 }, (_, to) => to.end('ok'))
    : createServer().on('stream', (stream) => { stream.respond({ ':status': 200 }); stream.end('ok'); });
  server.listen(0, '127.0.0.1', 20_000, () => console.log(JSON.stringify({ event: 'ready', port: server.address().port })));
`;

/** A request every half second for a day, about. */
const DAY = 200_000;

let stage: SidecarStage;
const open: Socket[] = [];

beforeEach(async () => {
  stage = await SidecarStage.open();
  stage.forwarder.keepsPairs = false;
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await stage.close();
});

async function startOrigin(protocol: 'http' | 'http2'): Promise<number> {
  const { event } = stage.start(process.execPath, '-e', ORIGIN, protocol);
  return (await event('ready')).port as number;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

test('ten thousand connections at once, as far as the limit on open files allows: all are answered, twice, and accounted for', async () => {
  const sidecar = await stage.sidecar({ TARGET_PORT: await startOrigin('http') });
  expect(CROWD).toBeGreaterThan(9_000);
  const crowd: Socket[] = [];
  for (let n = 0; n < CROWD; n += 100)
    crowd.push(...(await Promise.all(Array.from({ length: 100 }, () => connected(sidecar.inPort)))));
  await expect.poll(() => sidecar.metric('sidecar_connections'), { timeout: 30_000 }).toBe(CROWD);
  for (let round = 0; round < 2; round++) {
    const answers = crowd.map(async (socket, n) => {
      const answer = once(socket, 'data');
      socket.write(`GET /${round}/${n} HTTP/1.1\r\nHost: crowd\r\n\r\n`);
      return String((await answer)[0]).endsWith('\r\n\r\nok');
    });
    expect((await Promise.all(answers)).every(Boolean)).toBe(true);
  }
  expect(sidecar.memory()).toBeLessThan(CROWD_MEMORY);
  expect(await sidecar.metric('sidecar_connections_unseen_total')).toBe(0);
  const captured = 2 * CROWD;
  await expect
    .poll(() => sidecar.account(), { timeout: 30_000 })
    .toEqual({ captured, delivered: captured, withheld: 0, dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(captured);
  for (const socket of crowd) socket.destroy();
  await expect.poll(() => sidecar.metric('sidecar_connections'), { timeout: 30_000 }).toBe(0);
});

test('one connection more than are captured is served unseen', async () => {
  const sidecar = await stage.sidecar({ TARGET_PORT: await startOrigin('http'), MAX_CONNECTIONS: 10 });
  for (let n = 0; n < 11; n++) {
    const socket = await connected(sidecar.inPort);
    socket.write('GET / HTTP/1.1\r\nHost: crowd\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('200 OK');
  }
  await expect.poll(async () => (await sidecar.account()).captured).toBe(10);
  expect(await sidecar.metric('sidecar_connections_unseen_total')).toBe(1);
});

test('200,000 requests on one HTTP/2 connection: what is held does not grow', async () => {
  const sidecar = await stage.sidecar({ TARGET_PORT: await startOrigin('http2') }, INSPECTED);
  const url = `http://127.0.0.1:${sidecar.inPort}/day`;
  const load = stage.start('h2load', '-n', String(DAY), '-c', '1', '-m', '20', url);
  const heldAfter = async (requests: number) => {
    const captured = async () => (await sidecar.account()).captured;
    await expect.poll(captured, { timeout: 90_000, interval: 20 }).toBeGreaterThanOrEqual(requests);
    // Standing still, the client does not get to its end before everything is delivered and looked at.
    load.child.kill('SIGSTOP');
    const outstanding = async () => {
      const account = await sidecar.account();
      return account.captured - account.delivered;
    };
    await expect.poll(outstanding, { timeout: 90_000 }).toBe(0);
    const held = await heldAfterCollection(sidecar.program);
    // The connection is still open: what it keeps is among it.
    expect(await sidecar.metric('sidecar_connections')).toBe(1);
    load.child.kill('SIGCONT');
    return held;
  };
  const early = await heldAfter(0.2 * DAY);
  const late = await heldAfter(0.8 * DAY);
  // Less than 40 bytes for each request between the two.
  expect(late - early).toBeLessThan(0.6 * DAY * 40);
  expect((await load.ended).stdout).toContain(`${DAY} succeeded, 0 failed, 0 errored`);
  await expect
    .poll(() => sidecar.account(), { timeout: 30_000 })
    .toEqual({ captured: DAY, delivered: DAY, withheld: 0, dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(DAY);
  expect(await sidecar.metric('sidecar_connections_opaque_total')).toBe(0);
  expect(await sidecar.metric('sidecar_capture_bytes')).toBe(0);
});
