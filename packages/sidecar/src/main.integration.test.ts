// The sidecar as a process: how it starts, what it says, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { COMPILE_CACHE } from '../../../test/compile-cache.ts';
import { atEnd, closeAll, converse, listening, run, startReceiver, until } from './sidecar.fixture.ts';

afterEach(closeAll);

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const BASE = {
  ECHOPLANE_WORKLOAD: 'shop',
  ECHOPLANE_IN_PORT: '0',
  ECHOPLANE_OUT_PORT: '0',
  ECHOPLANE_ADMIN_PORT: '0',
  ECHOPLANE_DIAGNOSTICS_PORT: '0',
};

/** Starts the program and resolves with its `ready` line. */
async function start(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; ready: Record<string, unknown> }> {
  const path = { PATH: process.env.PATH ?? '' };
  const child = spawn(process.execPath, [MAIN], {
    env: { ...path, ...COMPILE_CACHE, ...BASE, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  atEnd(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout!.on('data', (chunk) => {
    output += chunk;
  });
  await until(() => output.includes('"event":"ready"'), 'the ready line');
  return { child, ready: JSON.parse(output.split('\n').find((line) => line.includes('ready'))!) };
}

test('serves, shows its face, and on SIGTERM delivers what it holds and exits 0', async () => {
  const origin = await listening(createHttpServer((_, response) => response.end('ok')));
  const receiver = await startReceiver();
  const { child, ready } = await start({
    ECHOPLANE_MODE: 'dual',
    ECHOPLANE_TARGET_PORT: String(origin),
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
  });
  const admin = `http://127.0.0.1:${ready.adminPort}`;
  expect((await fetch(`${admin}/readyz`)).status).toBe(200);
  const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const { received } = await converse(ready.inPort as number, [request]);
  expect(received.toString()).toMatch(/ok$/);
  // The client has its answer before the sidecar has closed the connection.
  await expect
    .poll(async () => (await fetch(`${admin}/metrics`)).text())
    .toContain('echoplane_pairs_captured_total 1\n');
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  expect(metrics).toContain('echoplane_sidecar_connections_captured_total{direction="IN"} 1\n');
  for (const page of ['/connections', '/config', '/pass-through'])
    expect((await fetch(`${admin}${page}`)).status).toBe(404);
  const diagnosis = `http://127.0.0.1:${ready.diagnosticsPort}`;
  await expect
    .poll(async () => (await fetch(`${diagnosis}/connections`)).json())
    .toEqual({ open: 0, connections: [] });
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(receiver.pairs).toHaveLength(1);
});

test('ends when its supervisor closes stdin', async () => {
  const receiver = await startReceiver();
  const { child } = await start({
    ECHOPLANE_MODE: 'forward',
    ECHOPLANE_SUPERVISED: 'true',
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
  });
  child.stdin!.end();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

test('after kill -9 it serves again without capture, until an orderly end', async () => {
  const origin = await listening(createHttpServer((_, response) => response.end('ok')));
  const receiver = await startReceiver();
  const stateFolder = await mkdtemp(join(tmpdir(), 'sidecar-'));
  atEnd(() => rm(stateFolder, { recursive: true }));
  const env = {
    ECHOPLANE_MODE: 'reverse',
    ECHOPLANE_TARGET_PORT: String(origin),
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
    ECHOPLANE_STATE_FOLDER: stateFolder,
  };
  /** A life that splices only, or not, and has captured so many pairs. */
  const life = async (spliceOnly: string, captured: string) => {
    const { child, ready } = await start(env);
    const { received } = await converse(ready.inPort as number, ['GET / HTTP/1.0\r\n\r\n']);
    expect(received.toString()).toMatch(/ok$/);
    const admin = `http://127.0.0.1:${ready.adminPort}`;
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
    // The client has its answer before the sidecar has closed the connection.
    const values = async () => {
      const metrics = await (await fetch(`${admin}/metrics`)).text();
      const metric = (name: string) => new RegExp(`^echoplane_${name} (\\d)$`, 'm').exec(metrics)?.[1];
      return [metric('sidecar_splice_only'), metric('pairs_captured_total')];
    };
    await expect.poll(values).toEqual([spliceOnly, captured]);
    return child;
  };
  const first = await life('0', '1');
  // A life is ready before the disk has its marker, and only one that was marked is known to have been killed.
  const marker = join(stateFolder, 'sidecar-running.json');
  await expect.poll(() => readFile(marker, 'utf8').catch(() => '')).toMatch(/^\{.*\}\n$/);
  first.kill('SIGKILL');
  await once(first, 'exit');
  const second = await life('1', '0');
  second.kill('SIGTERM');
  expect(await once(second, 'exit')).toEqual([0, null]);
  await life('0', '1');
});

test('diagnostics mode dumps what passed', async () => {
  const origin = await listening(createHttpServer((_, response) => response.end('ok')));
  const receiver = await startReceiver();
  const folder = await mkdtemp(join(tmpdir(), 'sidecar-'));
  atEnd(() => rm(folder, { recursive: true }));
  const { child, ready } = await start({
    ECHOPLANE_MODE: 'reverse',
    ECHOPLANE_TARGET_PORT: String(origin),
    ECHOPLANE_FORWARDER_PORT: String(receiver.port),
    ECHOPLANE_DIAGNOSTICS: 'true',
    ECHOPLANE_DIAGNOSTICS_FOLDER: join(folder, 'dump'),
    ECHOPLANE_DIAGNOSTICS_LIMIT: String(1 << 20),
  });
  await converse(ready.inPort as number, ['GET /dumped HTTP/1.0\r\n\r\n']);
  child.kill('SIGTERM');
  await once(child, 'exit');
  const dump = await readFile(join(folder, 'dump', 'dump-00000001.pcapng'), 'latin1');
  expect(dump).toContain('GET /dumped HTTP/1.0');
  expect(dump).toContain('HTTP/1.1 200 OK');
});

test('a bad configuration is exit 64 with every problem, a busy port one sentence', async () => {
  const bad = await run(process.execPath, [MAIN], {
    ECHOPLANE_MODE: 'dual',
    ECHOPLANE_IN_PORT: 'x',
    ECHOPLANE_HOST: 'name',
    ECHOPLANE_SAMPLE: '2',
    ECHOPLANE_PROBES: '8080',
    ECHOPLANE_MOCKS: 'payments:443',
    ECHOPLANE_FORWARDER_HOST: 'forwarder.example',
    ECHOPLANE_CA_CERT_FILE: 'ca.pem',
    ECHOPLANE_TLS_IN_CERT_FILES: 'in.pem',
    ECHOPLANE_DRAIN_DEADLINE: '-1',
    ECHOPLANE_DIAGNOSTICS: 'yes',
  });
  expect(bad.code).toBe(64);
  const named = bad.stderr
    .trimEnd()
    .split('\n')
    .map((line) => /^ECHOPLANE_(\w+) is (missing|not valid)/.exec(line)?.[0].replace('ECHOPLANE_', ''));
  expect(named.toSorted()).toEqual([
    'CA_KEY_FILE is missing',
    'DIAGNOSTICS is not valid',
    'DRAIN_DEADLINE is not valid',
    'FORWARDER_CA_FILE is missing',
    'HOST is not valid',
    'IN_PORT is not valid',
    'PROBES is not valid',
    'RESPONDER_PORT is missing',
    'SAMPLE is not valid',
    'TARGET_PORT is missing',
    'TLS_IN_KEY_FILES is missing',
    'WORKLOAD is missing',
  ]);
  const noServer = await run(process.execPath, [MAIN], {
    ...BASE,
    ECHOPLANE_MODE: 'forward',
    ECHOPLANE_HOST_RESOLUTION: 'dns',
    ECHOPLANE_DNS_SERVER: 'dns.example',
  });
  expect([noServer.code, noServer.stderr]).toEqual([
    64,
    'ECHOPLANE_DNS_SERVER is not valid: an IP address[:port], not dns.example.\n',
  ]);
  const files = await run(process.execPath, [MAIN], {
    ...BASE,
    ECHOPLANE_MODE: 'forward',
    ECHOPLANE_TLS_OUT: 'true',
    ECHOPLANE_CA_CERT_FILE: MAIN,
    ECHOPLANE_CA_KEY_FILE: MAIN,
  });
  expect(files.code).toBe(64);
  expect(files.stderr).toMatch(/^ECHOPLANE_CA_CERT_FILE .* do not hold a usable CA .*\n$/);
  const port = String(await listening(createServer()));
  const busy = await run(process.execPath, [MAIN], {
    ...BASE,
    ECHOPLANE_MODE: 'forward',
    ECHOPLANE_OUT_PORT: port,
  });
  expect(busy.code).toBe(1);
  expect(busy.stderr).toMatch(new RegExp(`^Port ${port} on 127.0.0.1 is in use, [^\n]*\n$`));
});
