// Destinations that are not decoded: by port before any byte, by name as soon as it is known; and with outbound TLS opened,
// nobody who does not speak it is kept waiting.
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, expect, test } from 'vitest';
import { closeAll, listening, run, startTestSidecar } from './sidecar.fixture.ts';
import { startInterception, theirAuthority } from './tls.fixture.ts';

afterEach(closeAll);

const startOrigin = () => listening(createHttpServer((_, response) => response.end('ok')));

async function startSecure(): Promise<number> {
  const { certPem, keyPem } = await theirAuthority.leaf('api.localhost');
  const server = createTlsServer({ cert: certPem, key: keyPem }, (socket) => {
    socket
      .on('error', () => {})
      .once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  return listening(server);
}

test('an opaque port is not decoded, on either way', async () => {
  const origin = await startOrigin();
  const env = { MODE: 'dual', TARGET_PORT: origin, OPAQUE_PORTS: origin };
  const sidecar = await startTestSidecar(env);
  await run('curl', ['-sS', `http://127.0.0.1:${sidecar.ports.in}/`]);
  const proxy = `http://127.0.0.1:${sidecar.ports.out}`;
  await run('curl', ['-sS', '-p', '-x', proxy, `http://127.0.0.1:${origin}/`]);
  await run('curl', ['-sS', '-x', proxy, `http://127.0.0.1:${origin}/`]);
  const pairs = await sidecar.captured(3);
  expect(pairs.map(({ direction, protocol, gapReason }) => [direction, protocol, gapReason])).toEqual([
    ['IN', 'opaque', 'opaque-port'],
    ['OUT', 'opaque', 'opaque-port'],
    ['OUT', 'opaque', 'opaque-port'],
  ]);
});

test('an ignored host keeps its own certificate, by the name of the CONNECT or of the ClientHello', async () => {
  const origin = await startSecure();
  const stage = await startInterception({ IGNORE_DST_HOSTS: '*.localhost' });
  const args = ['-sS', '-x', stage.proxy, '--cacert', stage.files.theirs];
  expect((await run('curl', [...args, `https://api.localhost:${origin}/`])).stdout).toBe('ok');
  const sni = [
    `https://api.localhost:${origin}/`,
    '--connect-to',
    `api.localhost:${origin}:127.0.0.1:${origin}`,
  ];
  expect((await run('curl', [...args, ...sni])).stdout).toBe('ok');
  const pairs = await stage.sidecar.captured(2);
  expect(pairs.map(({ gapReason, server, tls }) => [gapReason, server.host, tls?.sni])).toEqual([
    ['ignored-host', 'api.localhost', undefined],
    ['ignored-host', 'api.localhost', 'api.localhost'],
  ]);
});

test('with outbound TLS opened, a server that speaks first is heard while its client is silent', async () => {
  const origin = await listening(createServer((socket) => socket.write('220 hello\r\n')));
  const stage = await startInterception();
  const client = connect(stage.sidecar.ports.out!, '127.0.0.1');
  client.write(`CONNECT 127.0.0.1:${origin} HTTP/1.1\r\n\r\n`);
  let said = '';
  client.on('data', (chunk) => {
    said += chunk;
  });
  while (!said.includes('220 hello')) await once(client, 'data');
  client.end();
  expect((await stage.sidecar.captured(1))[0]).toMatchObject({ gapReason: 'server-first' });
});
