// Rows of the accounting table in which senders are the trouble: they die with their queue full, or what they sent comes
// twice.
import { Agent, createServer, request } from 'node:http';
import { expect } from 'vitest';
import type { Scene } from '../accounting-stage.ts';
import { PATIENCE } from '../data-path-stage.ts';
import type { FaultRow } from './fault-row.ts';
import { SidecarStage } from './sidecar-stage.ts';
import { StreamRelay } from './stream-relay.ts';

const BODY = 'x'.repeat(4_000);
/** Request and response. */
const PAIR_BYTES = 2 * BODY.length;

/** Requests through a sidecar to a server behind it, eight at a time, each answered in full; how many were. */
async function traffic(port: number, requests: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, agent, method: 'POST', path: '/order' };
      request(options, (response) => response.resume().on('end', resolve))
        .on('error', reject)
        .end(BODY);
    });
  for (let sent = 0; sent < requests; sent += 8)
    await Promise.all(Array.from({ length: Math.min(8, requests - sent) }, one));
  agent.destroy();
  return requests;
}

/** A sidecar before a real server, shipping to the scene's forwarder; `answered` says how many requests got through. */
async function sidecarOf(scene: Scene) {
  const stage = await SidecarStage.open();
  scene.undo.push(() => stage.close());
  let answered = 0;
  const origin = await stage.serve(
    // An idle connection is not ended just when the next request is on its way.
    createServer({ keepAliveTimeout: 0 }, (asked, response) => {
      asked.resume().on('end', () => {
        answered++;
        response.end(BODY);
      });
    }),
  );
  const env = { TARGET_PORT: origin, FORWARDER_PORT: scene.forwarder.port };
  return { start: () => stage.sidecar(env), answered: () => answered };
}

/** Resolves when the forwarder has worked off all it was sent, and no sender is connected. */
async function untilAlone(scene: Scene): Promise<void> {
  const busy = async () => {
    const { senders, queuedBytes, spool } = await scene.status();
    return [senders.some(({ connected }) => connected), queuedBytes, spool.pendingBytes];
  };
  await expect.poll(busy, PATIENCE).toEqual([false, 0, 0]);
}

const sidecarKilled: FaultRow = {
  fault: 'a sidecar killed -9 with its queue full, because the forwarder stands still',
  async run(world) {
    const scene = await world.scene({ settings: { ECHOPLANE_SENDER_GONE_MS: '300' } });
    const { start, answered } = await sidecarOf(scene);
    const sidecar = await start();
    await traffic(sidecar.inPort, 200);
    await expect.poll(async () => (await scene.status()).forwarder.counters.captured, PATIENCE).toBe(200);
    scene.forwarder.program.child.kill('SIGSTOP');
    await traffic(sidecar.inPort, 1_600);
    await expect.poll(async () => (await sidecar.account()).captured, PATIENCE).toBe(1_800);
    expect((await sidecar.account()).dropped).toBe(0);
    const heldBytes = await sidecar.metric('sidecar_queue_bytes');
    await world.path.kill(sidecar.program);
    scene.forwarder.program.child.kill('SIGCONT');
    await untilAlone(scene);
    await scene.flushed();
    const unreported = Math.ceil(heldBytes / PAIR_BYTES);
    expect(answered()).toBe(1_800);
    return {
      scene,
      expected: { sentCount: answered(), unreported },
      holds: (account) => expect(account.unreported).toBeGreaterThan(0),
    };
  },
};

const bothKilled: FaultRow = {
  fault: 'sidecars killed -9 by turns with the forwarder, which had not acknowledged',
  async run(world) {
    const scene = await world.scene({ settings: { ECHOPLANE_SENDER_GONE_MS: '300' } });
    const { start, answered } = await sidecarOf(scene);
    let unreported = 0;
    for (let life = 0; life < 3; life++) {
      const sidecar = await start();
      const busy = traffic(sidecar.inPort, 400);
      await expect
        .poll(() => sidecar.metric('pairs_delivered_total'), { ...PATIENCE, interval: 5 })
        .toBeGreaterThan(40);
      await busy;
      await expect.poll(async () => (await sidecar.account()).captured, PATIENCE).toBe(400);
      unreported += Math.ceil((await sidecar.metric('sidecar_queue_bytes')) / PAIR_BYTES);
      await Promise.all([world.path.kill(sidecar.program), scene.killForwarder()]);
      await scene.forwarder.restart();
    }
    await untilAlone(scene);
    await scene.flushed();
    return { scene, expected: { sentCount: answered(), unreported } };
  },
};

const repeatedStreams: FaultRow = {
  fault: 'streams cut and said again on a second connection, again and again',
  async run(world) {
    const scene = await world.scene();
    const relay = await StreamRelay.start(scene.forwarder.port);
    scene.undo.unshift(() => relay.close());
    for (let n = 0; n < 2; n++) scene.workload(relay.port);
    for (let storm = 1; storm <= 12; storm++) {
      const before = relay.passedBytes;
      // Every third time the sender does not even learn what was taken.
      relay.isMute = storm % 3 === 0;
      const sending = scene.sendEach(storm * 200);
      await expect.poll(() => relay.passedBytes, PATIENCE).toBeGreaterThan(before);
      const replayed = relay.replay();
      if (storm % 2 === 0) relay.cut();
      await Promise.all([sending, replayed]);
      relay.cut();
      relay.isMute = false;
      if (storm % 4 === 0) await scene.bounceForwarder();
      await expect.poll(() => relay.connections, PATIENCE).toBe(2);
    }
    await scene.settle();
    return { scene };
  },
};

export const SENDERS: readonly FaultRow[] = [sidecarKilled, bothKilled, repeatedStreams];
