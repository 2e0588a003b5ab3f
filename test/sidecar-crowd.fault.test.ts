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
/** Two sockets, their buffers, a tap and an exchange: 12 KiB for each connection, on top of an idle sidecar. */
const CROWD_MEMORY = 100 * MIB + CROWD * (12 << 10);
/** A request every half second for a day, about. */
const DAY = 200_000;
/** Requests among them at which is looked at what is held. */
const [EARLY, LATE] = [0.2 * DAY, 0.8 * DAY];
/** Requests of one connection at once. */
const STREAMS = 20;
/**
 * The origin has a process of its own: the files of one process would not do for both ends. That of HTTP/2 stands still by
 * itself at those requests, so that nobody gets to the end before what is held was looked at.
 */
const ORIGIN = `
  const { createServer } = require(process.argv[1]);
  let asked = 0;
  const server = process.argv[1] === 'http'
    ? createServer({ keepAliveTimeout: 0, requestTimeout: 0, connectionsCheckingInterval: 1e9 }, (_, to) => to.end('ok'))
    : createServer().on('stream', (stream) => {
        if (++asked === ${EARLY} || asked === ${LATE}) process.kill(process.pid, 'SIGSTOP');
        stream.respond({ ':status': 200 });
        stream.end('ok');
      });
  server.listen(0, '127.0.0.1', 20_000, () => console.log(JSON.stringify({ event: 'ready', port: server.address().port })));
`;

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

async function startOrigin(protocol: 'http' | 'http2') {
  const { event, child } = stage.start(process.execPath, '-e', ORIGIN, protocol);
  return { port: (await event('ready')).port as number, child };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay();
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

test('ten thousand connections at once, as far as the limit on open files allows: all are answered, twice, and accounted for', async () => {
  const sidecar = await stage.sidecar({ TARGET_PORT: (await startOrigin('http')).port }, INSPECTED);
  expect(CROWD).toBeGreaterThan(9_000);
  const crowd: Socket[] = [];
  for (let n = 0; n < CROWD; n += 100)
    crowd.push(...(await Promise.all(Array.from({ length: 100 }, () => connected(sidecar.inPort)))));
  await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(CROWD);
  for (let round = 0; round < 2; round++) {
    const answers = crowd.map(async (socket, n) => {
      const answer = once(socket, 'data');
      socket.write(`GET /${round}/${n} HTTP/1.1\r\nHost: crowd\r\n\r\n`);
      return String((await answer)[0]).endsWith('\r\n\r\nok');
    });
    expect((await Promise.all(answers)).every(Boolean)).toBe(true);
  }
  // How much garbage is about is a matter of when the collector last ran.
  await heldAfterCollection(sidecar.program);
  expect(sidecar.memory()).toBeLessThan(CROWD_MEMORY);
  expect(await sidecar.metric('sidecar_connections_unseen_total')).toBe(0);
  const captured = 2 * CROWD;
  await expect
    .poll(() => sidecar.account())
    .toEqual({ captured, delivered: captured, withheld: 0, dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(captured);
  for (const socket of crowd) socket.destroy();
  await expect.poll(() => sidecar.metric('sidecar_connections')).toBe(0);
});

test('one connection more than are captured is served unseen', async () => {
  const sidecar = await stage.sidecar({ TARGET_PORT: (await startOrigin('http')).port, MAX_CONNECTIONS: 10 });
  for (let n = 0; n < 11; n++) {
    const socket = await connected(sidecar.inPort);
    socket.write('GET / HTTP/1.1\r\nHost: crowd\r\n\r\n');
    expect(String((await once(socket, 'data'))[0])).toContain('200 OK');
  }
  await expect.poll(async () => (await sidecar.account()).captured).toBe(10);
  expect(await sidecar.metric('sidecar_connections_unseen_total')).toBe(1);
});

test('200,000 requests on one HTTP/2 connection: what is held does not grow', async () => {
  const origin = await startOrigin('http2');
  const sidecar = await stage.sidecar({ TARGET_PORT: origin.port }, INSPECTED);
  const url = `http://127.0.0.1:${sidecar.inPort}/day`;
  const load = stage.start('h2load', '-n', String(DAY), '-c', '1', '-m', String(STREAMS), url);
  const heldAfter = async (requests: number) => {
    const account = () => sidecar.account();
    // All but those that the origin, which stands still, has not answered.
    await expect
      .poll(async () => (await account()).captured, { timeout: 300_000 })
      .toBeGreaterThanOrEqual(requests - STREAMS);
    await expect
      .poll(async () => {
        const { captured, delivered } = await account();
        return captured - delivered;
      })
      .toBe(0);
    const held = await heldAfterCollection(sidecar.program);
    // The connection is still open: what it keeps is among it.
    expect(await sidecar.metric('sidecar_connections')).toBe(1);
    origin.child.kill('SIGCONT');
    return held;
  };
  const early = await heldAfter(EARLY);
  const late = await heldAfter(LATE);
  // Less than 40 bytes for each request between the two.
  expect(late - early).toBeLessThan(0.6 * DAY * 40);
  expect((await load.ended).stdout).toContain(`${DAY} succeeded, 0 failed, 0 errored`);
  await expect
    .poll(() => sidecar.account())
    .toEqual({ captured: DAY, delivered: DAY, withheld: 0, dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(DAY);
  expect(await sidecar.metric('sidecar_connections_opaque_total')).toBe(0);
  expect(await sidecar.metric('sidecar_capture_bytes')).toBe(0);
});
