// Mocked destinations against real sockets: whatever way the app asks for one, the responder gets it and nobody else.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type ProxyHeader, parseProxyHeader } from '@echoplane/wire';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { SILENCE_MS } from './first-words.ts';
import { atEnd, closeAll, listening, run, startTestSidecar, until } from './sidecar.fixture.ts';
import { ours, startInterception } from './tls.fixture.ts';

afterEach(closeAll);

/** A client that its machine keeps from its first words for long is not taken for one that waits for its server. */
function holdSilence(): void {
  const { setTimeout } = globalThis;
  const held = (then: () => void, ms?: number) => setTimeout(then, ms === SILENCE_MS ? 60 * SILENCE_MS : ms);
  vi.stubGlobal('setTimeout', held);
  atEnd(() => void vi.unstubAllGlobals());
}

/** A server that says who it is to everyone, at once when `speaksFirst`; and how often it was called. */
async function startNamed(name: string, speaksFirst = false) {
  const calls = { count: 0 };
  const port = await listening(
    createServer((socket) => {
      calls.count++;
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${name.length}\r\n\r\n${name}`;
      if (speaksFirst) socket.end('220 hello\r\n');
      else socket.on('data', () => socket.write(answer));
    }),
  );
  return { port, calls };
}

/** A responder: keeps the header and the first bytes of each connection. */
async function startResponder() {
  const seen: { header: ProxyHeader; first: string }[] = [];
  const port = await listening(
    createServer((socket) => {
      let bytes = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        bytes = Buffer.concat([bytes, chunk]);
        const parsed = parseProxyHeader(bytes);
        if (parsed.status === 'refused') return socket.destroy();
        if (parsed.status !== 'ok' || bytes.length === parsed.sizeBytes) return;
        const first = bytes.toString('latin1', parsed.sizeBytes);
        bytes = bytes.subarray(0, parsed.sizeBytes);
        seen.push({ header: parsed.header, first: first.split('\r\n')[0]! });
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmock');
      });
    }),
  );
  return { seen, env: (...mocks: string[]) => ({ MOCKS: mocks.join(), RESPONDER_PORT: String(port) }) };
}

test('an absolute-form request for a mocked host goes to the responder, for another one its own way', async () => {
  const [origin, responder] = [await startNamed('real'), await startResponder()];
  const env = responder.env(`api.localhost:${origin.port}`);
  const sidecar = await startTestSidecar({ MODE: 'forward', ...env });
  const proxy = ['-sS', '-x', `http://127.0.0.1:${sidecar.ports.out}`];
  const urls = [`http://api.localhost:${origin.port}/a`, `http://other.localhost:${origin.port}/b`];
  expect((await run('curl', [...proxy, ...urls])).stdout).toBe('mockreal');
  expect(origin.calls.count).toBe(1);
  expect(responder.seen).toMatchObject([
    {
      header: { authority: 'api.localhost', destination: { ip: '0.0.0.0', port: origin.port } },
      first: 'GET /a HTTP/1.1',
    },
  ]);
  const [pair] = await sidecar.captured(2);
  expect(pair!.server).toEqual({ ip: '', port: origin.port, host: 'api.localhost' });
});

test('TLS to a mocked host is opened with our CA, and nobody is dialled for it', async () => {
  const responder = await startResponder();
  const stage = await startInterception(responder.env('api.test:443'));
  holdSilence();
  const args = ['-sS', '-x', stage.proxy, '--cacert', stage.files.ours, 'https://api.test/x'];
  expect(await run('curl', args)).toEqual({ code: 0, stdout: 'mock', stderr: '' });
  expect(responder.seen).toMatchObject([
    {
      header: { authority: 'api.test', alpn: 'http/1.1', tls: { version: 'TLSv1.3' } },
      first: 'GET /x HTTP/1.1',
    },
  ]);
  const [pair] = await stage.sidecar.captured(1);
  expect(pair).toMatchObject({
    scheme: 'https',
    protocol: 'http/1.1',
    tls: { sni: 'api.test', version: 'TLSv1.3' },
  });
  expect(pair!.server).toMatchObject({ host: 'api.test', port: 443 });
  const metrics = stage.sidecar.metrics;
  expect([metrics.get('tls_outbound', 'mocked'), metrics.get('connect_failures', 'OUT')]).toEqual([1, 0]);
});

test('a client that offers only h2 gets h2', async () => {
  const responder = await startResponder();
  const stage = await startInterception(responder.env('*'));
  const raw = connect(stage.sidecar.ports.out!, '127.0.0.1');
  raw.write('CONNECT api.test:443 HTTP/1.1\r\n\r\n');
  await once(raw, 'data');
  const client = connectTls({ socket: raw, ca: ours.certPem, servername: 'api.test', ALPNProtocols: ['h2'] });
  client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await once(client, 'data');
  client.destroy();
  expect(responder.seen).toMatchObject([{ header: { alpn: 'h2' }, first: 'PRI * HTTP/2.0' }]);
});

test('an address is not dialled before the client has named the server, and its own way otherwise', async () => {
  const [origin, responder] = [await startNamed('real'), await startResponder()];
  const env = responder.env(`api.test:${origin.port}`);
  const sidecar = await startTestSidecar({ MODE: 'forward', PROTOCOL: 'socks', ...env });
  holdSilence();
  const socks = ['-sS', '--socks5', `127.0.0.1:${sidecar.ports.out}`, `http://127.0.0.1:${origin.port}/`];
  expect((await run('curl', [...socks, '-H', `Host: API.test:${origin.port}`])).stdout).toBe('mock');
  expect(origin.calls.count).toBe(0);
  expect((await run('curl', [...socks, '-H', 'Host: b.test:80'])).stdout).toBe('real');
  const pairs = await sidecar.captured(2);
  expect(pairs.map(({ server }) => server)).toEqual([
    { ip: '127.0.0.1', port: origin.port, host: 'api.test' },
    { ip: '127.0.0.1', port: origin.port, host: 'b.test' },
  ]);
  expect(responder.seen[0]!.header).toMatchObject({
    authority: 'api.test',
    destination: { ip: '127.0.0.1', port: origin.port },
  });
});

test('a client that waits for its server to speak is not kept waiting for a name', async () => {
  const [origin, responder] = [await startNamed('', true), await startResponder()];
  const env = responder.env('api.test:*');
  const sidecar = await startTestSidecar({ MODE: 'forward', PROTOCOL: 'socks', ...env });
  const url = `telnet://127.0.0.1:${origin.port}`;
  const { stdout } = await run('curl', ['-sS', '--socks5', `127.0.0.1:${sidecar.ports.out}`, url]);
  expect(stdout).toBe('220 hello\r\n');
});

test('a mocked destination by address is taken whatever the client calls it, TLS or not', async () => {
  const [origin, responder] = [await startNamed('real'), await startResponder()];
  const env = { MODE: 'forward', ...responder.env(`127.0.0.1:${origin.port}`) };
  const sidecar = await startTestSidecar({ ...env, PROTOCOL: 'socks' });
  const socks = ['-sS', '--socks5', `127.0.0.1:${sidecar.ports.out}`];
  const { stdout } = await run('curl', [...socks, '-H', 'Host: b.test', `http://127.0.0.1:${origin.port}/`]);
  expect(stdout).toBe('mock');
  expect(responder.seen[0]!.header.destination).toEqual({ ip: '127.0.0.1', port: origin.port });
  // Without a CA the responder gets the client's TLS as it is; the destination still is not dialled.
  await run('curl', ['-m', '20', ...socks, `https://127.0.0.1:${origin.port}/`]);
  await until(() => responder.seen.length >= 2, 'the TLS connection');
  expect(responder.seen[1]!.header.tls).toBeUndefined();
  expect(origin.calls.count).toBe(0);
});

test('without a responder a mocked destination fails and is still not dialled', async () => {
  const origin = await startNamed('real');
  const mocks = { MOCKS: '*', RESPONDER_HOST: '127.0.0.9', RESPONDER_PORT: await freePort() };
  const sidecar = await startTestSidecar({ MODE: 'forward', ...mocks });
  const proxy = ['-sS', '-x', `http://127.0.0.1:${sidecar.ports.out}`, `http://127.0.0.1:${origin.port}/`];
  expect((await run('curl', [...proxy, '-w', '%{http_code}'])).stdout).toMatch(/502$/);
  expect((await run('curl', [...proxy, '-p'])).code).not.toBe(0);
  expect(origin.calls.count).toBe(0);
});

test('isolated: what is not mocked is cut as if nobody listened, what is mocked and loopback is not', async () => {
  const [origin, responder] = [await startNamed('real'), await startResponder()];
  const env = { ...responder.env('api.test:80'), ISOLATE: 'true' };
  const sidecar = await startTestSidecar({ MODE: 'forward', ...env });
  const get = (url: string) =>
    run('curl', ['-sS', '-o', '-', '-w', '%{http_code}', '-x', `http://127.0.0.1:${sidecar.ports.out}`, url]);
  expect((await get('http://api.test/')).stdout).toBe('mock200');
  expect((await get('http://192.0.2.1/')).stdout).toMatch(/502$/);
  expect((await get('http://other.test/')).stdout).toMatch(/502$/);
  expect((await get(`http://127.0.0.1:${origin.port}/`)).stdout).toBe('real200');
  expect(sidecar.metrics.get('connect_failures', 'OUT')).toBe(2);
});

test('isolated without mocks: nothing gets out', async () => {
  const sidecar = await startTestSidecar({ MODE: 'forward', PROTOCOL: 'socks', ISOLATE: 'true' });
  const socks = ['-sS', '--socks5-hostname', `127.0.0.1:${sidecar.ports.out}`, 'http://other.test/'];
  expect((await run('curl', socks)).code).not.toBe(0);
  expect(sidecar.metrics.get('connect_failures', 'OUT')).toBe(1);
});
