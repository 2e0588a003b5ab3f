// The forwarder as a process with mutual TLS: pairs arrive, /status names who sent them, and neither new certificates
// nor a kill costs a restart, a pair or a pass-through host.
import { once } from 'node:events';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { capturedPair } from './captured.fixture.ts';
import {
  Cleanup,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  spawnForwarder,
  startForwarder,
  temporaryHome,
  until,
} from './forwarder.fixture.ts';
import { newAuthority, SENDER, startSidecarSender, writeEnd } from './intake/intake-tls.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function startSecure() {
  const home = await temporaryHome(cleanup);
  const cloud = new StandInCloud();
  const { url } = await serveCloud(cloud, cleanup);
  const authority = await newAuthority();
  const server = await writeEnd(join(home, 'server'), authority, authority, {});
  const sender = await writeEnd(join(home, 'sender'), authority, authority, SENDER);
  const tlsEnv = {
    ECHOPLANE_TLS_CERT_FILE: server.certFile,
    ECHOPLANE_TLS_KEY_FILE: server.keyFile,
    ECHOPLANE_TLS_CLIENT_CA_FILE: server.caFile,
  };
  const env = (port: number) => forwarderEnv(home, url, { ...tlsEnv, ECHOPLANE_PORT: String(port) });
  return { home, cloud, sender, env, start: (port: number) => startForwarder(env(port), cleanup) };
}

test('pairs arrive over mutual TLS, before and after a kill; the host learned before it is still known', async () => {
  const { home, cloud, sender, start } = await startSecure();
  // A port that nobody else is given between the two lives.
  const forwarder = await start(await freePort());
  const first = startSidecarSender(cleanup, forwarder.port, { tls: sender });
  await until('Welcome', () => first.isConnected);
  first.tellPassThrough([{ host: 'pinned.test', port: 443, reason: 'tls-refused-by-client' }]);
  first.offer(capturedPair(1));
  await until('the first pair', () => cloud.rows.size === 1);
  expect(JSON.parse((await forwarder.page('/status')).text).senders).toMatchObject([
    { connected: true, identity: 'DNS:shop-1.demo' },
  ]);
  await until('the file of hosts', () =>
    access(join(home, 'spool', 'pass-through.json')).then(
      () => true,
      () => false,
    ),
  );
  await forwarder.end('SIGKILL');
  first.offer(capturedPair(2));
  const again = await start(forwarder.port);
  const heard: string[] = [];
  const second = startSidecarSender(cleanup, again.port, { tls: sender });
  second.sharePassThrough({ learned: () => [], learn: ({ host }) => void heard.push(host) });
  await until('the second pair', () => cloud.rows.size === 2);
  await until('the host', () => heard.length === 1);
  expect([heard, cloud.twice]).toEqual([['pinned.test'], []]);
});

test('new certificates are taken up while it runs', async () => {
  const { home, sender, start } = await startSecure();
  const { port } = await start(0);
  const live = startSidecarSender(cleanup, port, { tls: sender });
  await until('Welcome', () => live.isConnected);
  const next = await newAuthority();
  await writeEnd(join(home, 'server'), next, next, {});
  const renewed = await writeEnd(join(home, 'renewed'), next, next, SENDER);
  const late = startSidecarSender(cleanup, port, { tls: renewed });
  await until('Welcome under the new authority', () => late.isConnected);
  expect(live.isConnected).toBe(true);
});

test('files that cannot be used end it at once with a sentence and exit code 64', async () => {
  const { home, env } = await startSecure();
  const other = await (await newAuthority()).issue({ names: ['x'], days: 1 });
  await writeFile(join(home, 'server', 'tls.key'), other.keyPem);
  const child = spawnForwarder(env(0));
  cleanup.add(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr!.on('data', (chunk) => {
    said += chunk;
  });
  expect(await once(child, 'close')).toEqual([64, null]);
  expect(said).toMatch(/^The certificates of the capture stream cannot be used: .*mismatch\n$/);
});
