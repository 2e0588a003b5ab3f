// The sidecar as a process: how it starts, what it says, how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
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
    env: { ...path, ...BASE, ...env },
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
  const metrics = await (await fetch(`${admin}/metrics`)).text();
  expect(metrics).toContain('echoplane_pairs_captured_total 1\n');
  expect(metrics).toContain('echoplane_sidecar_connections_captured_total{direction="IN"} 1\n');
  for (const page of ['/connections', '/config', '/pass-through'])
    expect((await fetch(`${admin}${page}`)).status).toBe(404);
  const diagnosis = `http://127.0.0.1:${ready.diagnosticsPort}`;
  expect(await (await fetch(`${diagnosis}/connections`)).json()).toEqual({ open: 0, connections: [] });
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

test('a bad configuration is exit 64 with every problem, a busy port one sentence', async () => {
  const bad = await run(process.execPath, [MAIN], { ECHOPLANE_MODE: 'dual', ECHOPLANE_IN_PORT: 'x' });
  expect(bad.code).toBe(64);
  expect(bad.stderr).toMatch(/ECHOPLANE_WORKLOAD is missing/);
  expect(bad.stderr).toMatch(/ECHOPLANE_IN_PORT is not valid/);
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
