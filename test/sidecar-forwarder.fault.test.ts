// Whatever the forwarder does, the app notices nothing: while it is deaf, dribbling, dead or absent, every request succeeds,
// memory stays within its bound, each pair has one fate, and all that was not dropped is delivered, once, when it is back.
import { Agent, createServer, request } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from './ports.ts';
import { until } from './program-stage.ts';
import { type RunningSidecar, SidecarStage } from './stages/sidecar-stage.ts';

const MIB = 1 << 20;
/** A sidecar that does nothing stays below this. */
const IDLE_MEMORY = 100 * MIB;
const QUEUE = 4 * MIB;
const BODY = 'x'.repeat(4_000);

let stage: SidecarStage;
let originPort: number;
let answered = 0;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeEach(async () => {
  stage = await SidecarStage.open();
  stage.forwarder.keepsPairs = false;
  answered = 0;
  originPort = await stage.serve(
    // An idle connection is not ended just when the next request is on its way.
    createServer({ keepAliveTimeout: 0 }, (asked, response) => {
      answered++;
      asked.resume().on('end', () => response.end(BODY));
    }),
  );
});
afterEach(() => stage.close());

const started = (env: Record<string, string | number> = {}) =>
  stage.sidecar({ TARGET_PORT: originPort, QUEUE_LIMIT: QUEUE, CAPTURE_LIMIT: 8 * MIB, ...env });

/** Requests through the sidecar, eight at a time; every one must be answered in full. */
async function traffic(sidecar: RunningSidecar, requests: number): Promise<void> {
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const options = { port: sidecar.inPort, agent, method: 'POST', path: '/order' };
      const asked = request({ host: '127.0.0.1', ...options }, (response) => {
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        response.on('end', () => {
          if (response.statusCode === 200 && size === BODY.length) resolve();
          else reject(new Error(`${response.statusCode} with ${size} bytes`));
        });
      });
      asked.on('error', reject).end(BODY);
    });
  for (let sent = 0; sent < requests; sent += 8)
    await Promise.all(Array.from({ length: Math.min(8, requests - sent) }, one));
}

/** Every pair that was captured has one fate, and those that were delivered were taken once. */
async function addsUp(sidecar: RunningSidecar, captured: number): Promise<{ dropped: number }> {
  await expect
    .poll(async () => {
      const account = await sidecar.account();
      return [account.captured, account.delivered + account.withheld + account.dropped];
    })
    .toEqual([captured, captured]);
  const { delivered, dropped } = await sidecar.account();
  const { taken } = stage.forwarder;
  expect([taken.size, [...taken.values()].every((times) => times === 1)]).toEqual([delivered, true]);
  return { dropped };
}

/** More pairs than the queue holds: the queue is within its bound, memory too, and what is lost is counted. */
async function overflows(sidecar: RunningSidecar): Promise<void> {
  await traffic(sidecar, 6_000);
  expect(answered).toBe(6_000);
  await expect.poll(async () => (await sidecar.account()).captured).toBe(6_000);
  expect(await sidecar.metric('sidecar_queue_bytes')).toBeLessThanOrEqual(QUEUE);
  expect(sidecar.memory()).toBeLessThan(IDLE_MEMORY + 60 * MIB);
  const { captured, delivered, withheld, dropped } = await sidecar.account();
  expect([captured, delivered, withheld]).toEqual([6_000, 0, 0]);
  expect(dropped).toBeGreaterThan(0);
  expect(await sidecar.metric('sidecar_shed_body_bytes_total')).toBeGreaterThan(0);
}

test('one that accepts and never reads, and then is well', async () => {
  stage.forwarder.temper = 'deaf';
  const sidecar = await started();
  await until(() => stage.forwarder.connections > 0);
  await overflows(sidecar);
  stage.forwarder.temper = 'takes';
  stage.forwarder.interrupt();
  const { dropped } = await addsUp(sidecar, 6_000);
  await traffic(sidecar, 100);
  expect(await addsUp(sidecar, 6_100)).toEqual({ dropped });
});

test('one that reads a byte a second, and then is well', async () => {
  stage.forwarder.temper = 'dribbles';
  const sidecar = await started();
  await expect.poll(() => sidecar.metric('sidecar_forwarder_connected')).toBe(1);
  await overflows(sidecar);
  await until(() => stage.forwarder.dribbled > 0);
  stage.forwarder.temper = 'takes';
  stage.forwarder.interrupt();
  await addsUp(sidecar, 6_000);
});

test('one that is not there, and then comes', async () => {
  const port = await freePort();
  const sidecar = await started({ FORWARDER_PORT: port });
  await overflows(sidecar);
  await stage.forwarder.stop();
  await stage.forwarder.listen(port);
  await addsUp(sidecar, 6_000);
});

test('one that dies again and again: nothing is lost and nothing is taken twice', async () => {
  const sidecar = await started({ QUEUE_LIMIT: 32 * MIB });
  for (let life = 0; life < 5; life++) {
    const busy = traffic(sidecar, 400);
    await until(() => stage.forwarder.taken.size > life * 400);
    await stage.forwarder.stop();
    await busy;
    await stage.forwarder.listen(stage.forwarderPort);
  }
  expect(await addsUp(sidecar, 2_000)).toEqual({ dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(2_000);
  expect(answered).toBe(2_000);
});

test('a sidecar that is killed serves again, and what it had delivered stays delivered', async () => {
  // A port that nobody takes between its two lives.
  const first = await started({ IN_PORT: await freePort() });
  await traffic(first, 200);
  await addsUp(first, 200);
  first.program.child.kill('SIGKILL');
  await first.program.ended;
  agent.destroy();
  const second = await started({ IN_PORT: first.inPort });
  expect(second.inPort).toBe(first.inPort);
  await traffic(second, 200);
  await expect
    .poll(() => second.account())
    .toEqual({ captured: 200, delivered: 200, withheld: 0, dropped: 0 });
  expect(stage.forwarder.taken.size).toBe(400);
});
