// Beginnings and ends of the forwarder as a process: a second one in its folder, a control plane that says nothing.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { listen } from '@echoplane/runtime';
import { afterEach, describe, expect, test } from 'vitest';
import { capturedPair } from './captured.fixture.ts';
import {
  Cleanup,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  spawnForwarder,
  startForwarder,
  startSender,
  TENANT,
  temporaryHome,
  until,
} from './forwarder.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

describe('the forwarder', () => {
  test('a second one in the same folder says so and ends; the first goes on', async () => {
    const home = await temporaryHome(cleanup);
    const { url } = await serveCloud(new StandInCloud(), cleanup);
    const forwarder = await startForwarder(forwarderEnv(home, url), cleanup);
    const second = spawnForwarder(forwarderEnv(home, url));
    const said = second.stderr!.setEncoding('utf8').toArray();
    expect([(await once(second, 'exit'))[0], (await said).join('')]).toEqual([
      1,
      expect.stringContaining('Another forwarder works in the spool folder'),
    ]);
    const sender = startSender(forwarder.port, cleanup);
    sender.offer(capturedPair(0));
    expect(await sender.drain(30_000)).toMatchObject({ undelivered: 0 });
  });

  test.each(['from the start', 'once it serves'])('ends in order while nothing answers: %s', async (when) => {
    const home = await temporaryHome(cleanup);
    let asked = 0;
    const server = createServer((request, response) => {
      asked++;
      if (when === 'from the start' || request.url !== '/v1/agent') return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ tenant: { id: TENANT, name: 'acme' }, key: 'k' }));
    });
    const port = await listen(server, 0);
    cleanup.add(() => {
      server.closeAllConnections();
      server.close();
    });
    const env = forwarderEnv(home, `http://127.0.0.1:${port}`);
    if (when === 'from the start') {
      const child = spawnForwarder(env);
      child.stdout!.resume();
      child.stderr!.resume();
      await until('a question', () => asked > 0);
      child.kill('SIGTERM');
      expect((await once(child, 'exit'))[0]).toBe(0);
      return;
    }
    const forwarder = await startForwarder(env, cleanup);
    const sender = startSender(forwarder.port, cleanup);
    for (let n = 0; n < 100; n++) sender.offer(capturedPair(n));
    await until('everything taken', () => sender.counters().delivered === 100);
    await until('registration, index and heartbeat under way', () => asked >= 3);
    expect(await forwarder.end('SIGTERM')).toBe(0);
  });
});
