// The other protocols of forward, reverse and dual mode: SOCKS by real clients, and plain TCP.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { atEnd, closeAll, converse, listening, run, startTestSidecar } from './sidecar.fixture.ts';

afterEach(closeAll);

const startOrigin = () => listening(createHttpServer((request, response) => response.end(request.url)));

async function startIpv6Origin(): Promise<number> {
  const server = createHttpServer((_, response) => response.end('six'));
  server.listen(0, '::1');
  await once(server, 'listening');
  atEnd(() => void server.close());
  return (server.address() as { port: number }).port;
}

const startSocks = () => startTestSidecar({ MODE: 'forward', PROTOCOL: 'socks' });

describe('curl by SOCKS', () => {
  test.each([
    ['--socks4', '127.0.0.1', '127.0.0.1'],
    ['--socks4a', 'app.localhost', 'app.localhost'],
    ['--socks5', '127.0.0.1', '127.0.0.1'],
    ['--socks5-hostname', 'app.localhost', 'app.localhost'],
  ])('%s reaches %s and is captured by that name', async (option, host, captured) => {
    const origin = await startOrigin();
    const sidecar = await startSocks();
    const args = ['-sS', option, `127.0.0.1:${sidecar.ports.out}`, `http://${host}:${origin}/x`];
    expect(await run('curl', args)).toEqual({ code: 0, stdout: '/x', stderr: '' });
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({ direction: 'OUT', protocol: 'http/1.1' });
    expect(pair!.server).toEqual({ ip: '127.0.0.1', port: origin, host: captured });
  });

  test('with a password, which any will do, and to IPv6', async () => {
    const origin = await startIpv6Origin();
    const sidecar = await startSocks();
    const args = [
      '-sS',
      '-x',
      `socks5://user:pass@127.0.0.1:${sidecar.ports.out}`,
      `http://[::1]:${origin}/`,
    ];
    expect(await run('curl', args)).toEqual({ code: 0, stdout: 'six', stderr: '' });
    const [pair] = await sidecar.captured(1);
    expect(pair!.server).toMatchObject({ ip: '::1', port: origin });
  });

  test('a server that cannot be reached is said so, in both versions', async () => {
    const sidecar = await startSocks();
    const url = `http://127.0.0.1:${await freePort()}/`;
    for (const option of ['--socks4', '--socks5']) {
      const { code, stderr } = await run('curl', ['-sS', option, `127.0.0.1:${sidecar.ports.out}`, url]);
      expect([code, stderr]).toEqual([97, expect.stringMatching(/\(91\)|\(5\)/)]);
    }
    const loop = ['--socks5', `127.0.0.1:${sidecar.ports.out}`, `http://127.0.0.1:${sidecar.ports.out}/`];
    expect((await run('curl', ['-sS', ...loop])).stderr).toContain('(2)');
    expect(sidecar.metrics.get('proxy_answers', 'socks-failed')).toBe(3);
  });
});

test('what is no SOCKS is closed, and counted', async () => {
  const sidecar = await startSocks();
  expect(await converse(sidecar.ports.out!, ['GET / HTTP/1.1\r\n\r\n'])).toMatchObject({
    received: Buffer.alloc(0),
  });
  expect(sidecar.metrics.get('proxy_answers', 'socks-refused')).toBe(1);
});

test('a server that speaks first and a client that waits for it are heard through SOCKS', async () => {
  const origin = await listening(createServer((socket) => socket.end('220 hello\r\n')));
  const sidecar = await startSocks();
  const client = connect(sidecar.ports.out!, '127.0.0.1');
  const said: Buffer[] = [];
  client.on('data', (chunk) => said.push(chunk));
  const port = Buffer.alloc(2);
  port.writeUInt16BE(origin);
  client.write(Buffer.concat([Buffer.from([4, 1]), port, Buffer.from([127, 0, 0, 1, 0])]));
  await once(client, 'end');
  expect(Buffer.concat(said).subarray(8).toString()).toBe('220 hello\r\n');
  client.end();
  expect((await sidecar.captured(1))[0]).toMatchObject({ protocol: 'opaque', gapReason: 'server-first' });
});

describe('plain TCP', () => {
  test('inbound is not decoded; outbound is what comes after the colon', async () => {
    const origin = await startOrigin();
    const sidecar = await startTestSidecar({ MODE: 'dual', PROTOCOL: 'tcp:socks', TARGET_PORT: origin });
    expect((await run('curl', ['-sS', `http://127.0.0.1:${sidecar.ports.in}/in`])).stdout).toBe('/in');
    const out = ['-sS', '--socks5', `127.0.0.1:${sidecar.ports.out}`, `http://127.0.0.1:${origin}/out`];
    expect((await run('curl', out)).stdout).toBe('/out');
    const pairs = await sidecar.captured(2);
    const seen = pairs.map(({ direction, protocol, gapReason }) => [direction, protocol, gapReason]);
    expect(seen).toEqual([
      ['IN', 'opaque', 'protocol-tcp'],
      ['OUT', 'http/1.1', ''],
    ]);
  });

  test('tcp alone has no way out', async () => {
    const origin = await startOrigin();
    const dual = await startTestSidecar({ MODE: 'dual', PROTOCOL: 'tcp', TARGET_PORT: origin });
    expect(dual.ports.out).toBeNull();
    await expect(startTestSidecar({ MODE: 'forward', PROTOCOL: 'tcp' })).rejects.toThrow(/PROTOCOL/);
  });
});
