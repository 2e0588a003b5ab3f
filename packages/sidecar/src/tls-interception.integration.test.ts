// Outbound TLS in forward mode, with real certificates and real clients: opened when both sides can trust it, passed
// through untouched when not.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  createSecureContext,
  createServer as createTlsServer,
  TLSSocket,
  connect as tlsConnect,
} from 'node:tls';
import type { KeyPairPem } from '@echoplane/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import {
  bodyOf,
  closeAll,
  headOf,
  listening,
  run,
  startTestSidecar,
  type TestSidecar,
  until,
} from './sidecar.fixture.ts';
import { ours, startInterception, theirAuthority, theirs } from './tls.fixture.ts';

afterEach(closeAll);

const served = await theirAuthority.issue({ names: ['payments.localhost', '127.0.0.1'], days: 30 });

async function startPayments(options: ServerOptions = {}, pem: KeyPairPem = served): Promise<number> {
  const server = createHttpsServer(
    { cert: pem.certPem, key: pem.keyPem, ...options },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => response.end(`paid ${Buffer.concat(chunks)}`));
    },
  );
  server.on('tlsClientError', () => {});
  return listening(server);
}

/** A Node process that fetches `url` as an app does, twice over one connection. */
function fetchTwice(url: string, env: Record<string, string>) {
  const script = `
    for (let i = 0; i < 2; i++) {
      const response = await fetch('${url}', { method: 'POST', body: 'eur' });
      console.log(await response.text());
    }`;
  return run(process.execPath, ['--input-type=module', '-e', script], { NODE_USE_ENV_PROXY: '1', ...env });
}

describe('TLS through the forward proxy', () => {
  test('is opened for a fetch that trusts the CA: readable pairs, the server verified', async () => {
    const port = await startPayments();
    const { sidecar, proxy, files } = await startInterception();
    const url = `https://payments.localhost:${port}/v1/charges`;
    const { stdout, stderr } = await fetchTwice(url, { HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: files.ours });
    expect(stderr).toBe('');
    expect(stdout).toBe('paid eur\npaid eur\n');
    const [first] = await sidecar.captured(2);
    expect(first).toMatchObject({
      direction: 'OUT',
      scheme: 'https',
      protocol: 'http/1.1',
      server: { ip: '127.0.0.1', port, host: 'payments.localhost' },
      tls: { sni: 'payments.localhost', version: 'TLSv1.3', alpn: 'http/1.1' },
      error: '',
    });
    expect(headOf(first!.request)).toMatch(/^POST \/v1\/charges HTTP\/1.1\r\n/);
    expect([bodyOf(first!.request), bodyOf(first!.response)]).toEqual(['eur', 'paid eur']);
    expect(sidecar.metrics.get('tls_outbound', 'intercepted')).toBeGreaterThan(0);
  });

  test('is opened for curl by address, with keep-alive and a large answer', async () => {
    const big = Buffer.alloc(3 << 20, 'x');
    const server = createHttpsServer({ cert: served.certPem, key: served.keyPem }, (_, response) =>
      response.end(big),
    );
    const port = await listening(server);
    const { sidecar, proxy, files } = await startInterception();
    const url = `https://127.0.0.1:${port}/`;
    const args = ['-sS', '--cacert', files.ours, '-x', proxy, '-w', '%{num_connects}', url, url];
    const { stdout, stderr } = await run('curl', args);
    expect(stderr).toBe('');
    expect(stdout).toBe(`${big}1${big}0`);
    const pairs = await sidecar.captured(2);
    expect(pairs[1]!.response!.bodySize).toBe(big.length);
    expect(pairs[0]!.tls!.sni).toBe('');
  });

  test('mirrors the ALPN the upstream chose, and records the HTTP/2 inside', async () => {
    const server = createSecureServer({ cert: served.certPem, key: served.keyPem }, (request, response) =>
      response.end(`h2 ${request.url}`),
    );
    const port = await listening(server);
    const { sidecar, proxy, files } = await startInterception();
    const url = `https://payments.localhost:${port}/paid`;
    const args = ['-sS', '--http2', '--cacert', files.ours, '-x', proxy, '-w', ' %{http_version}', url];
    expect(await run('curl', args)).toMatchObject({ code: 0, stdout: 'h2 /paid 2' });
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({ protocol: 'http/2', scheme: 'https', tls: { alpn: 'h2' } });
    expect(headOf(pair!.request)).toMatch(/^:method: GET\r\n/);
    expect(bodyOf(pair!.response)).toBe('h2 /paid');
  });

  test('passes through when the upstream cannot be verified: the client sees its certificate, and its error', async () => {
    const port = await startPayments();
    const { sidecar, proxy, files } = await startInterception({ UPSTREAM_CA_FILES: '' });
    const url = `https://payments.localhost:${port}/`;
    const refused = await fetchTwice(url, { HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: files.ours });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN/);
    const trusted = await fetchTwice(url, { HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: files.theirs });
    expect(trusted.stdout).toBe('paid eur\npaid eur\n');
    const pairs = await sidecar.captured(2);
    expect(pairs[1]).toMatchObject({
      protocol: 'opaque',
      scheme: 'https',
      gapReason: 'tls-unverified',
      tls: { sni: 'payments.localhost' },
      server: { ip: '127.0.0.1', port, host: 'payments.localhost' },
    });
    expect(sidecar.metrics.get('tls_outbound', 'intercepted')).toBe(0);
  });

  test('passes through from the second connection on when a client refuses our certificate', async () => {
    const port = await startPayments();
    const { sidecar, proxy, files } = await startInterception();
    const url = `https://payments.localhost:${port}/`;
    const pinned = ['-sS', '--cacert', files.theirs, '-x', proxy, url];
    expect((await run('curl', pinned)).code).toBe(60);
    await until(() => sidecar.metrics.get('tls_outbound', 'refused-by-client') === 1, 'the refusal');
    expect(await run('curl', pinned)).toMatchObject({ code: 0, stdout: 'paid ' });
    expect((await sidecar.captured(1))[0]).toMatchObject({ gapReason: 'tls-refused-by-client' });
  });

  test('passes through likewise when a client closes without a word after the handshake, as Node does', async () => {
    const port = await startPayments();
    const { sidecar, proxy, files } = await startInterception();
    const env = { HTTPS_PROXY: proxy, NODE_EXTRA_CA_CERTS: files.theirs };
    const url = `https://payments.localhost:${port}/`;
    expect((await fetchTwice(url, env)).code).toBe(1);
    await until(() => sidecar.metrics.get('tls_outbound', 'refused-by-client') === 1, 'the refusal');
    expect((await fetchTwice(url, env)).stdout).toBe('paid eur\npaid eur\n');
  });

  test.each(['destroy', 'resetAndDestroy'] as const)(
    'learns nothing of a client that leaves (%s) before its upstream has answered',
    async (leave) => {
      const upstream = createServer();
      const called = once(upstream, 'connection') as Promise<[Socket]>;
      const port = await listening(upstream);
      const { sidecar } = await startInterception();
      const client = await connectThrough(sidecar, port);
      tlsConnect({ socket: client, servername: 'payments.localhost' }).on('error', () => {});
      const [accepted] = await called;
      await once(accepted, 'readable');
      client[leave]();
      await once(client, 'close');
      const { certPem: cert, keyPem: key } = served;
      const secureContext = createSecureContext({ cert, key });
      new TLSSocket(accepted, { isServer: true, secureContext }).on('error', () => {}).resume();
      await until(() => sidecar.metrics.get('tls_outbound', 'client-gone') === 1, 'the end');
      expect(sidecar.metrics.get('tls_outbound', 'refused-by-client')).toBe(0);
    },
  );

  test('passes through from the second connection on at the latest when the upstream wants a client certificate', async () => {
    const client = await theirAuthority.issue({ names: ['client'], days: 1, usage: 'clientAuth' });
    const port = await startPayments({ requestCert: true, rejectUnauthorized: true, ca: theirs.certPem });
    const { sidecar, proxy, files } = await startInterception();
    await writeFile(join(files.ours, '..', 'client.pem'), client.certPem + client.keyPem);
    const cert = join(files.ours, '..', 'client.pem');
    const url = `https://payments.localhost:${port}/`;
    const args = ['-sS', '--cacert', files.both, '--cert', cert, '-x', proxy, url];
    await run('curl', args);
    const again = await run('curl', args);
    expect(again.stderr).toBe('');
    expect(again.stdout).toBe('paid ');
    expect(sidecar.metrics.get('tls_outbound', 'tls-client-certificate')).toBeGreaterThan(0);
  });

  test('without a CA it passes through, named by its SNI', async () => {
    const port = await startPayments();
    const sidecar = await startTestSidecar({ MODE: 'forward' });
    const socket = await tunnelTls(sidecar, port, { ca: theirs.certPem });
    socket.end('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await once(socket.resume(), 'close');
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({
      gapReason: 'tls-passthrough',
      scheme: 'https',
      tls: { sni: 'payments.localhost' },
    });
  });

  test('a reset of the upstream in the middle of a body is a reset for the client', async () => {
    const raws: (() => void)[] = [];
    const server = createTlsServer({ cert: served.certPem, key: served.keyPem }, (socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    });
    server.on('connection', (raw) => raws.push(() => raw.resetAndDestroy()));
    const port = await listening(server);
    const { sidecar } = await startInterception();
    const socket = await tunnelTls(sidecar, port, { ca: ours.certPem });
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(socket, 'data');
    for (const reset of raws) reset();
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNRESET');
    const [pair] = await sidecar.captured(1);
    expect(pair).toMatchObject({ error: 'reset', scheme: 'https' });
    expect(bodyOf(pair!.response)).toBe('half');
  });
});

/** A TLS client that made its own CONNECT. */
async function connectThrough(sidecar: TestSidecar, port: number): Promise<Socket> {
  const raw = connect(sidecar.ports.out!, '127.0.0.1');
  raw.write(`CONNECT payments.localhost:${port} HTTP/1.1\r\n\r\n`);
  await once(raw, 'data');
  return raw;
}

async function tunnelTls(
  sidecar: TestSidecar,
  port: number,
  options: { ca: string; ALPNProtocols?: string[] },
): Promise<TLSSocket> {
  const raw = await connectThrough(sidecar, port);
  const socket = tlsConnect({ socket: raw, servername: 'payments.localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}
