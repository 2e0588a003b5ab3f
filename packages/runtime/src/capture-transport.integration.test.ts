// Dialling a forwarder: what a change of files means for the next connection, and what is said of files that are wrong.
// Mutual TLS with the real intake is tested beside it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { CaptureTransport } from './capture-transport.ts';
import { createAuthority, loadAuthority } from './certificates.ts';
import { listen } from './listen.ts';
import { silentLogger } from './log.ts';

const ours = await createAuthority({ commonName: 'Ours', days: 30 });
const stranger = await createAuthority({ commonName: 'Stranger', days: 30 });
const served = await (await loadAuthority(ours.certPem, ours.keyPem)).leaf('127.0.0.1');

let folder: string;
const closers: (() => void)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'transport-'));
});
afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await rm(folder, { recursive: true });
});

/** Serves a byte to everybody and keeps the connections. */
async function serve(server: Server, event: 'connection' | 'secureConnection'): Promise<number> {
  server.on(event, (socket: Socket) => {
    closers.push(() => socket.destroy());
    socket.on('error', () => {}).write('x');
  });
  closers.push(() => server.close());
  return listen(server, 0);
}

function transportTo(port: number, caFile?: string) {
  const warnings: Record<string, unknown>[] = [];
  const log = Object.assign(silentLogger(), {
    warn: (fields: Record<string, unknown>) => void warnings.push(fields),
  });
  const tls = caFile === undefined ? undefined : { caFile };
  return { transport: new CaptureTransport({ host: '127.0.0.1', port, tls, log }), warnings };
}

/** One connection up to its first byte or its end. */
async function attempt(transport: CaptureTransport) {
  let opened = 0;
  const socket = transport.connect(() => opened++);
  const errors: string[] = [];
  socket.on('error', (err) => errors.push(err.message));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed]);
  const reused = 'isSessionReused' in socket && (socket as TLSSocket).isSessionReused() === true;
  socket.destroy();
  await closed;
  return { opened, errors, reused };
}

test('without TLS files it is plain TCP', async () => {
  const { transport } = transportTo(await serve(createServer(), 'connection'));
  expect(await attempt(transport)).toEqual({ opened: 1, errors: [], reused: false });
});

test('a session is resumed while the files stay, and never carries on the judgement of former roots', async () => {
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, ours.certPem);
  const server = createTlsServer({ cert: served.certPem, key: served.keyPem });
  server.on('tlsClientError', () => {});
  const { transport, warnings } = transportTo(await serve(server, 'secureConnection'), caFile);
  expect((await attempt(transport)).reused).toBe(false);
  expect(await attempt(transport)).toEqual({ opened: 1, errors: [], reused: true });
  await writeFile(caFile, stranger.certPem);
  expect(await attempt(transport)).toMatchObject({ opened: 0, reused: false });
  expect(await attempt(transport)).toMatchObject({ opened: 0 });
  expect(warnings).toHaveLength(1);
  await writeFile(caFile, ours.certPem);
  expect(await attempt(transport)).toEqual({ opened: 1, errors: [], reused: false });
  await writeFile(caFile, stranger.certPem);
  expect(await attempt(transport)).toMatchObject({ opened: 0 });
  expect(warnings).toHaveLength(2);
});

test('files that cannot be used are an error of the socket, and one line in the log until they are right', async () => {
  const caFile = join(folder, 'ca.pem');
  const server = createTlsServer({ cert: served.certPem, key: served.keyPem });
  const { transport, warnings } = transportTo(await serve(server, 'secureConnection'), caFile);
  expect((await attempt(transport)).errors).toEqual([expect.stringContaining('no such file')]);
  const damaged = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
  for (const text of ['', 'garbage', damaged]) {
    await writeFile(caFile, text);
    expect(await attempt(transport)).toMatchObject({ opened: 0, errors: [expect.any(String)] });
  }
  expect(warnings).toMatchObject([{ advice: expect.stringContaining('check the files') }]);
  await writeFile(caFile, ours.certPem);
  expect((await attempt(transport)).opened).toBe(1);
});

test('a forwarder that is not there is no matter of certificates', async () => {
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, ours.certPem);
  const { transport, warnings } = transportTo(await freePort(), caFile);
  expect((await attempt(transport)).errors).toEqual([expect.stringContaining('ECONNREFUSED')]);
  expect(warnings).toEqual([]);
});
