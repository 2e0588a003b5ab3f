// A day without the control plane, in a moment: the flow in this process on a virtual clock, a real folder, a real server
// in the control plane's place. What memory and disk may hold, what is lost and counted, what is seen first afterwards.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderStore, loadConfig, silentLogger } from '@echoplane/runtime';
import { pending } from '@echoplane/traffic';
import { afterEach, expect, test } from 'vitest';
import { capturedPair, HELLO, NOW_US, PLAIN_REFINERY } from '../packages/forwarder/src/captured.fixture.ts';
import { ForwarderConfig } from '../packages/forwarder/src/config.ts';
import { agentClient } from '../packages/forwarder/src/control-plane.ts';
import { type Flow, startFlow } from '../packages/forwarder/src/flow.ts';
import {
  Cleanup,
  KEY,
  StandInCloud,
  serveCloud,
  storedIds,
  TENANT,
  temporaryHome,
} from '../packages/forwarder/src/forwarder.fixture.ts';
import type { Refined } from '../packages/forwarder/src/intake/refinery.ts';
import { openRulesSource } from '../packages/forwarder/src/rules-source.ts';
import { storeSink } from '../packages/forwarder/src/sinks/store-sink.ts';
import { openSpoolFolder } from '../packages/forwarder/src/spool/spool-files.ts';
import { VirtualClock } from '../packages/forwarder/src/virtual-clock.fixture.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const MINUTE_MS = 60_000;
const DEADLINE_MS = 400_000;

async function startDay(settings: Record<string, string>) {
  const home = await temporaryHome(cleanup);
  const cloud = new StandInCloud();
  const { url } = await serveCloud(cloud, cleanup);
  const clock = new VirtualClock(NOW_US);
  const log = silentLogger();
  const config = loadConfig(ForwarderConfig, {
    ECHOPLANE_SPOOL_DIR: join(home, 'spool'),
    ECHOPLANE_STORE_DIR: join(home, 'store'),
    ECHOPLANE_CLOUD_URL: url,
    ECHOPLANE_AGENT_KEY: KEY,
    ECHOPLANE_FSYNC: 'false',
    ...settings,
  });
  const files = { dir: config.spoolDir, fsync: false };
  await openSpoolFolder(files.dir);
  const start = async () =>
    startFlow({
      ...{
        config,
        tenant: TENANT,
        agent: '0190a0a0-0000-7000-8000-00000000bbbb',
        files,
        tls: null,
        identify: null,
        clock,
        log,
      },
      sink: storeSink(await folderStore(join(home, 'store'))),
      rules: await openRulesSource({ files, file: undefined, clock, log }),
      key: Buffer.alloc(32, 1),
      hooks: { seen: () => {}, sealed: () => {}, written: () => {} },
      client: agentClient(url, config.agentKey),
    });
  return { home, cloud, clock, flow: await start() };
}

/** Pairs `from` to `to` as one batch, durable when it resolves. */
async function send(flow: Flow, seq: number, from: number, to: number): Promise<void> {
  const stream = flow.ledger.open(HELLO, NOW_US)!;
  const refined: Refined[] = [];
  for (let n = from; n < to; n++) {
    const one = PLAIN_REFINERY.refine(
      capturedPair(n),
      { from: HELLO, nowUs: NOW_US },
      { leftBytes: 1 << 20 },
    );
    if (one) refined.push(one);
  }
  flow.spool.add({ stream, seq, report: null, refined, undecodable: 0, ruleVersion: 'r' });
  await flow.spool.flush();
}

async function diskBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { withFileTypes: true });
  const sizes = names.filter((one) => one.isFile()).map((one) => stat(join(folder, one.name)));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

/** Turns time on until a condition holds; what sockets and disks do takes its own, real time. */
async function passUntil(clock: VirtualClock, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition() && performance.now() < deadline) {
    await clock.pass(50);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(condition()).toBe(true);
}

test('24 hours without the control plane: disk and memory stay bounded, every pair is stored or counted, the newest come first', async () => {
  const spoolBytes = 1 << 20;
  const { home, cloud, clock, flow } = await startDay({
    ECHOPLANE_SPOOL_MAX_BYTES: String(spoolBytes),
    ECHOPLANE_SEGMENT_MAX_BYTES: '65536',
    ECHOPLANE_RING_MAX_BYTES: '300000',
    ECHOPLANE_CATCH_UP_BYTES_PER_S: '400000',
  });
  cleanup.add(() => flow.stop(0));
  cloud.refuse = () => ({ status: 503, text: 'away' });
  const [perStep, steps] = [100, 24 * 20];
  let most = 0;
  for (let step = 0; step < steps; step++) {
    await send(flow, step + 1, step * perStep, (step + 1) * perStep);
    // Every retry takes its turns; those of one second in three minutes are as good as all.
    clock.jump(3 * MINUTE_MS - 1_000);
    await clock.pass(1_000);
    await flow.tick();
    if (step % 20 === 0) most = Math.max(most, await diskBytes(join(home, 'spool')));
  }
  // One segment more, the state file and the reserve.
  expect(most).toBeLessThan(spoolBytes + 65_536 + (1 << 20) + 300_000);
  expect(flow.spool.pendingBytes).toBe(0);
  expect(flow.ledger.own().counters.dropped['spool-full']).toBeGreaterThan(10_000);

  const arrived: number[] = [];
  const take = cloud.answer.bind(cloud);
  cloud.answer = (path, authorization, text) => {
    if (path === '/v1/ingest/index') arrived.push(JSON.parse(text).openedAt);
    return take(path, authorization, text);
  };
  cloud.refuse = () => null;
  await send(flow, steps + 1, steps * perStep, steps * perStep + 5);
  const flushed = flow.flush(600_000);
  await passUntil(clock, () => flow.indexLine.isIdle && flow.shipLine.isIdle);
  expect(await flushed).toBe(true);

  const sent = steps * perStep + 5;
  const { counters } = flow.ledger.own();
  const lost = counters.dropped['spool-full']!;
  expect(counters).toMatchObject({ captured: sent, delivered: sent - lost });
  expect(pending(counters)).toBe(0);
  const stored = await storedIds(home);
  expect([stored.length, new Set(stored).size, cloud.twice]).toEqual([sent - lost, sent - lost, []]);
  expect([...cloud.lost.values()].reduce((a, b) => a + b, 0)).toBe(lost);
  expect(cloud.report('forwarder')?.counters).toEqual(counters);
  // The last hour was in the index before the first that was left.
  const half = Math.floor(arrived.length / 2);
  const mean = (times: number[]) => times.reduce((a, b) => a + b, 0) / times.length;
  expect(mean(arrived.slice(0, half))).toBeGreaterThan(mean(arrived.slice(half)));
});

test('what waited goes out no faster than it may, while what is fresh does not wait', async () => {
  const { cloud, clock, flow } = await startDay({
    ECHOPLANE_SEGMENT_MAX_BYTES: '20000',
    ECHOPLANE_CATCH_UP_BYTES_PER_S: '20000',
  });
  cleanup.add(() => flow.stop(0));
  cloud.refuse = () => ({ status: 503, text: 'away' });
  for (let step = 0; step < 40; step++) {
    await send(flow, step + 1, step * 100, (step + 1) * 100);
    clock.jump(10 * MINUTE_MS - 5_000);
    await clock.pass(5_000);
    await flow.tick();
  }
  cloud.refuse = () => null;
  await passUntil(clock, () => flow.shipLine.shipped > 0);
  const before = flow.shipLine.shipped;
  await clock.pass(1_000);
  expect(flow.shipLine.shipped - before).toBeLessThanOrEqual(3);
  expect(flow.shipLine.lagSegments).toBeGreaterThan(5);
  await send(flow, 41, 4_000, 4_001);
  await passUntil(clock, () => cloud.rows.has(capturedPair(4_000).id));
  expect(flow.shipLine.lagSegments).toBeGreaterThan(5);
});

test('a clock that is set back or forward an hour loses no pair and keeps no segment open for ever', async () => {
  const { home, cloud, clock, flow } = await startDay({});
  cleanup.add(() => flow.stop(0));
  await send(flow, 1, 0, 10);
  clock.jump(-3_600_000);
  await send(flow, 2, 10, 20);
  await flow.tick();
  clock.jump(7_200_000);
  await send(flow, 3, 20, 30);
  await clock.pass(2 * MINUTE_MS);
  await flow.tick();
  await passUntil(clock, () => flow.indexLine.isIdle && flow.shipLine.isIdle);
  const stored = await storedIds(home);
  expect([stored.length, new Set(stored).size]).toEqual([30, 30]);
  expect([cloud.rows.size, cloud.twice]).toEqual([30, []]);
  const counters = { captured: 30, delivered: 30, withheld: {}, dropped: {} };
  expect(flow.ledger.own().counters).toEqual(counters);
  expect(cloud.report('forwarder')?.counters).toEqual(counters);
  expect(flow.spool.openSegment).toBeNull();
});
