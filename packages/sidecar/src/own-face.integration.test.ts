import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { atEnd, closeAll, converse, listening, startTestSidecar, until } from './sidecar.fixture.ts';

afterEach(closeAll);

async function page(port: number, path: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, text: await response.text() };
}

/** A server that speaks first and then waits. */
function startApp(): Promise<number> {
  return listening(createServer((socket) => socket.write('hello')));
}

test('the admin port has health and metrics only, the diagnosis pages are elsewhere', async () => {
  const { ports } = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: await startApp() });
  for (const path of ['/healthz', '/readyz', '/metrics'])
    expect((await page(ports.admin, path)).status).toBe(200);
  for (const path of ['/', '/connections', '/config', '/pass-through', '/probe/tcp', '/probe/tcp/x'])
    expect((await page(ports.admin, path)).status).toBe(404);
  for (const path of ['/connections', '/config', '/pass-through'])
    expect((await page(ports.diagnostics!, path)).status).toBe(200);
});

test('on every address, IPv6 reaches the admin port and the inbound port too', async () => {
  const sidecar = await startTestSidecar({ MODE: 'reverse', HOST: '0.0.0.0', TARGET_PORT: await startApp() });
  expect((await fetch(`http://[::1]:${sidecar.ports.admin}/healthz`)).status).toBe(200);
  const socket = connect(sidecar.ports.in!, '::1');
  atEnd(() => void socket.destroy());
  expect(String((await once(socket, 'data'))[0])).toBe('hello');
  await sidecar.stop();
  await expect(fetch(`http://[::1]:${sidecar.ports.admin}/healthz`)).rejects.toThrow();
});

test('the diagnosis pages listen on loopback only', async () => {
  const { ports } = await startTestSidecar({
    MODE: 'reverse',
    HOST: '0.0.0.0',
    TARGET_PORT: await startApp(),
  });
  const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = own.find(({ internal, family }) => !internal && family === 'IPv4')?.address ?? '127.0.0.2';
  const reaches = (port: number) =>
    new Promise((resolve) => {
      const socket = connect(port, outside, () => resolve(true)).on('error', () => resolve(false));
      atEnd(() => void socket.destroy());
    });
  expect([await reaches(ports.admin), await reaches(ports.diagnostics!)]).toEqual([true, false]);
});

test('/config has every setting as it was resolved, paths of keys and never keys, and this life', async () => {
  const TARGET_PORT = await startApp();
  const { ports } = await startTestSidecar({ MODE: 'reverse', TARGET_PORT, TAGS: 'team=a' });
  const { settings, life } = JSON.parse((await page(ports.diagnostics!, '/config')).text);
  expect(settings).toMatchObject({
    ECHOPLANE_MODE: 'reverse',
    ECHOPLANE_TARGET_PORT: TARGET_PORT,
    ECHOPLANE_BODY_LIMIT: 65_536,
    ECHOPLANE_TAGS: { team: 'a' },
  });
  expect(life).toMatchObject({ isCapturing: true, abnormalExits: 0, ports: { in: ports.in } });
});

test('/connections shows what is open, a thousand at most, and how many there are', async () => {
  const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: await startApp() });
  const client = connect(sidecar.ports.in!, '127.0.0.1');
  atEnd(() => void client.destroy());
  await once(client, 'data');
  const { open, connections } = JSON.parse((await page(sidecar.ports.diagnostics!, '/connections')).text);
  expect([open, connections.length]).toEqual([1, 1]);
  expect(connections[0]).toMatchObject({ direction: 'IN', client: `127.0.0.1:${client.localPort}` });
  const more = Array.from({ length: 1_010 }, () => connect(sidecar.ports.in!, '127.0.0.1'));
  atEnd(() => more.forEach((socket) => void socket.destroy()));
  await Promise.all(more.map((socket) => once(socket, 'data')));
  const many = JSON.parse((await page(sidecar.ports.diagnostics!, '/connections')).text);
  expect([many.open, many.connections.length]).toEqual([1_011, 1_000]);
});

test('a port of the diagnosis pages that is taken costs these pages and nothing else', async () => {
  const taken = await startApp();
  const sidecar = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: taken, DIAGNOSTICS_PORT: taken });
  expect(sidecar.ports.diagnostics).toBeNull();
  expect((await converse(sidecar.ports.in!, [], { halfClose: true })).received.toString()).toBe('hello');
});

test('a tcpSocket probe is answered by whether the app accepts', async () => {
  const app = await startApp();
  const gonePort = await freePort();
  const { ports } = await startTestSidecar({ MODE: 'reverse', TARGET_PORT: app });
  const other = await startApp();
  const statuses = await Promise.all(
    [app, other, gonePort, ports.in, ports.admin].map(
      async (port) => (await page(ports.admin, `/probe/tcp/${port}`)).status,
    ),
  );
  expect(statuses).toEqual([200, 200, 503, 503, 503]);
  for (const path of ['0', '65536', '99999', '080', '-1', '80/x', '80@192.0.2.1', '%38%30'])
    expect((await page(ports.admin, `/probe/tcp/${path}`)).status).toBe(404);
});

test('a probe dials the address it came to, so it finds nothing that its sender could not', async () => {
  const loopbackOnly = await startApp();
  const { ports } = await startTestSidecar({ MODE: 'forward', HOST: '0.0.0.0' });
  const from = (host: string) =>
    new Promise<number>((resolve, reject) => {
      request({ host, port: ports.admin, path: `/probe/tcp/${loopbackOnly}` }, (response) => {
        response.resume();
        resolve(response.statusCode!);
      })
        .on('error', reject)
        .end();
    });
  expect([await from('127.0.0.1'), await from('127.0.0.2')]).toEqual([200, 503]);
});

test('clients that dawdle are cut off, and those beyond the bound', async () => {
  const { ports } = await startTestSidecar({ MODE: 'forward' });
  const slow = Array.from({ length: 300 }, () => connect(ports.admin, '127.0.0.1'));
  atEnd(() => slow.forEach((socket) => void socket.destroy()));
  let closed = 0;
  for (const socket of slow) {
    socket.on('error', () => {}).on('close', () => closed++);
    socket.resume().write('GET /healthz HTTP/1.1\r\nX-');
  }
  await until(() => closed >= 300 - 256, 'the connections beyond the bound');
  await until(() => closed === 300, 'the slow connections');
  expect((await page(ports.admin, '/healthz')).status).toBe(200);
});

test.each([
  [
    'a length and chunks at once',
    'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n'],
  ['a blank before the colon', 'GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n'],
  ['a huge head', `GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
])('a request with %s is refused and the connection closed', async (_, text) => {
  const { ports } = await startTestSidecar({ MODE: 'forward' });
  const { received } = await converse(ports.admin, [text]);
  expect(received.toString()).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(received.toString()).not.toContain('ok\n');
});
