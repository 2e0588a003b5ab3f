// Rows of the accounting table in which something is killed, or an answer does not come: the forwarder, the store, the
// control plane. Each row ends with everything sent and flushed.
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { WITHHOLDING } from '../accounting-stage.ts';
import { Gate, PATIENCE } from '../data-path-stage.ts';
import { type Account, expectAccounted } from './accounted.ts';
import type { Treatment } from './call-proxy.ts';
import { type FaultRow, proxied } from './fault-row.ts';

const INDEX = '/v1/ingest/index';
const SEGMENTS = '/v1/ingest/segments';

/** So that every way of withholding was met. */
function withholdsEverything({ withheld }: Account): void {
  expect(Object.keys(withheld).sort()).toEqual(['filtered', 'folded', 'sampled']);
}

function killedMidStream(store: 'folder' | 'bucket', lives: number): FaultRow {
  return {
    fault: `the forwarder killed -9 ${lives} times mid-stream, under rules, with a ${store}`,
    async run(world) {
      const scene = await world.scene({ store, rules: WITHHOLDING });
      for (let n = 0; n < 2; n++) scene.workload();
      for (let life = 1; life <= lives; life++) {
        const before = scene.acknowledged;
        const sending = scene.sendEach(life * 800);
        await expect.poll(() => scene.acknowledged, PATIENCE).toBeGreaterThan(before + life * 50);
        // Stopped before it dies, and sent more: however fast it took the rest, something is under way in every life.
        scene.forwarder.program.child.kill('SIGSTOP');
        const more = scene.sendEach(life * 800 + 100);
        await scene.killForwarder();
        expect(scene.acknowledged).toBeLessThan(scene.sent);
        await scene.forwarder.restart();
        await Promise.all([sending, more]);
      }
      await scene.settle();
      return { scene, holds: withholdsEverything };
    },
  };
}

/** Killed while one call stands as `treatment` says; then everything goes well. */
function killedAt(name: string, path: string, treatment: Treatment, store: 'folder' | 'bucket'): FaultRow {
  return {
    fault: `the forwarder killed -9 ${name}, with a ${store}`,
    async run(world) {
      const { scene, proxy } = await proxied(world, { store });
      scene.workload();
      await scene.sendEach(300);
      for (let life = 0; life < 2; life++) {
        proxy.treat = (called) => (called === path ? treatment : 'pass');
        const before = proxy.count(path);
        await scene.sendEach(scene.sent + 300);
        await expect.poll(() => proxy.count(path), PATIENCE).toBeGreaterThan(before);
        await scene.killForwarder();
        proxy.treat = () => 'pass';
        await scene.forwarder.restart();
      }
      await scene.settle();
      return { scene };
    },
  };
}

/** The disk as it is when the books say that a segment left, and its file is still there. */
const killedLeaving: FaultRow = {
  fault: 'the forwarder killed -9 between the books of a segment that left and the removal of its file',
  async run(world) {
    const scene = await world.scene({ rules: WITHHOLDING });
    scene.workload();
    for (let life = 1; life <= 2; life++) {
      await scene.sendEach(life * 500);
      await expect.poll(() => scene.acknowledged, PATIENCE).toBe(scene.sent);
      await scene.flushed();
      await scene.killForwarder();
      const books = JSON.parse(await readFile(join(scene.spoolDir, 'state.json'), 'utf8'));
      const left: string = books.retired.lastSegment;
      await rename(join(scene.spoolDir, 'ring', `${left}.shipped`), join(scene.spoolDir, `${left}.closed`));
      await scene.forwarder.restart();
      expect(await readdir(join(scene.spoolDir, 'ring'))).toContain(`${left}.shipped`);
    }
    await scene.settle();
    return { scene, holds: withholdsEverything };
  },
};

const answersLost: FaultRow = {
  fault: 'the answers to index batches and segments lost after the commit, again and again',
  async run(world) {
    const { scene, proxy } = await proxied(world);
    scene.workload();
    const calls = new Map<string, number>();
    // Of each path the first answer is lost, the second comes, and so on: what is settled was told at least twice.
    proxy.treat = (path) => {
      if (!path.startsWith('/v1/ingest/')) return 'pass';
      const call = (calls.get(path) ?? 0) + 1;
      calls.set(path, call);
      return call % 2 === 1 ? 'lose' : 'pass';
    };
    for (let wave = 1; wave <= 3; wave++) {
      await scene.sendEach(wave * 500);
      await expect.poll(() => scene.acknowledged, PATIENCE).toBe(scene.sent);
      await scene.flushed();
    }
    await scene.settle();
    expect(proxy.count(INDEX)).toBeGreaterThan(2);
    expect(proxy.count(SEGMENTS)).toBeGreaterThan(2);
    return { scene };
  },
};

const storeKilled: FaultRow = {
  fault: 'the store killed -9 in the middle, and up again on the same data',
  async run(world) {
    const scene = await world.scene({ store: 'bucket' });
    scene.workload();
    for (let life = 0; life < 2; life++) {
      const objects = async () => (await scene.store.list(`${scene.tenant.id}/`)).length;
      const before = await objects();
      await scene.sendEach(scene.sent + 600);
      await expect.poll(objects, PATIENCE).toBeGreaterThan(before);
      await world.minio.kill();
      await scene.sendEach(scene.sent + 600);
      await expect.poll(async () => (await scene.status()).lag.failingSegments, PATIENCE).toBeGreaterThan(0);
      await world.minio.restart();
    }
    await scene.settle();
    return { scene };
  },
};

const storeAway: FaultRow = {
  fault: 'no way to the store for a while, and the forwarder killed -9 meanwhile',
  async run(world) {
    const gate = new Gate(world.minio.port);
    const scene = await world.scene({ store: 'bucket', storePort: await gate.open() });
    scene.undo.unshift(() => gate.shut());
    scene.workload();
    await scene.sendEach(500);
    gate.shut();
    await scene.sendEach(1_000);
    await expect.poll(async () => (await scene.status()).lag.failingSegments, PATIENCE).toBeGreaterThan(0);
    await scene.bounceForwarder();
    await scene.sendEach(1_200);
    await expect.poll(() => scene.acknowledged, PATIENCE).toBe(1_200);
    await gate.open();
    await scene.settle();
    return { scene };
  },
};

const cloudKilled: FaultRow = {
  fault: 'the control plane killed -9 in the middle of its transactions, twice',
  async run(world) {
    const replica = await world.path.replica('replica that dies');
    const scene = await world.scene({ cloudUrl: replica.url });
    scene.undo.push(() => world.path.kill(replica.program));
    scene.workload();
    for (let life = 1; life <= 2; life++) {
      await scene.sendEach(scene.sent + 300);
      const unlock = await world.path.lock('segment_frames');
      await scene.sendEach(scene.sent + 500);
      await expect.poll(() => world.path.waiting(), PATIENCE).toEqual(['echoplane-ingest']);
      await world.path.kill(replica.program);
      await unlock();
      await scene.sendEach(scene.sent + 200);
      await replica.restart();
    }
    await scene.settle();
    return { scene };
  },
};

const cloudAndForwarderKilled: FaultRow = {
  fault: 'the control plane and the forwarder killed -9 by turns',
  async run(world) {
    const replica = await world.path.replica('replica that dies too');
    const scene = await world.scene({ cloudUrl: replica.url, rules: WITHHOLDING });
    scene.undo.push(() => world.path.kill(replica.program));
    scene.workload();
    await scene.sendEach(500);
    await world.path.kill(replica.program);
    await scene.sendEach(1_000);
    await scene.bounceForwarder();
    await scene.sendEach(1_500);
    await replica.restart();
    await scene.bounceForwarder();
    await scene.sendEach(2_000);
    await scene.settle();
    return { scene, holds: withholdsEverything };
  },
};

const twoTenants: FaultRow = {
  fault: 'two tenants on two replicas at once, both forwarders and one replica killed -9',
  async run(world) {
    const second = await world.path.replica('second replica');
    const one = await world.scene({ rules: WITHHOLDING });
    const other = await world.scene({ cloudUrl: second.url });
    other.undo.push(() => world.path.kill(second.program));
    for (const scene of [one, other, one, other]) scene.workload();
    const sending = Promise.all([one.sendEach(2_000), other.sendEach(2_000)]);
    await expect.poll(() => Math.min(one.acknowledged, other.acknowledged), PATIENCE).toBeGreaterThan(200);
    await Promise.all([one.bounceForwarder(), other.bounceForwarder()]);
    await world.path.kill(second.program);
    await sending;
    await second.restart();
    await Promise.all([one.settle(), other.settle()]);
    await expectAccounted(other);
    return { scene: one, holds: withholdsEverything };
  },
};

const atSize: FaultRow = {
  fault: '100,000 pairs of four streams, the forwarder killed -9 twice',
  async run(world) {
    const scene = await world.scene({ settings: { ECHOPLANE_SEGMENT_MAX_BYTES: String(1 << 20) } });
    for (let n = 0; n < 4; n++) scene.workload();
    const sending = scene.sendEach(25_000);
    for (const pairs of [30_000, 70_000]) {
      await expect.poll(() => scene.acknowledged, PATIENCE).toBeGreaterThan(pairs);
      await scene.bounceForwarder();
    }
    await sending;
    await scene.settle();
    return { scene, holds: ({ stored }) => expect(stored).toBe(100_000) };
  },
};

export const CRASHES: readonly FaultRow[] = [
  killedMidStream('folder', 5),
  killedMidStream('bucket', 5),
  killedAt('between the put of a segment and the word of it', SEGMENTS, 'before', 'folder'),
  killedAt('between the put of a segment and the word of it', SEGMENTS, 'before', 'bucket'),
  killedAt('between the word of a segment and its retirement', SEGMENTS, 'after', 'folder'),
  killedAt('between the word of a segment and its retirement', SEGMENTS, 'after', 'bucket'),
  killedAt('before an index batch is answered', INDEX, 'after', 'folder'),
  killedLeaving,
  answersLost,
  storeKilled,
  storeAway,
  cloudKilled,
  cloudAndForwarderKilled,
  twoTenants,
  atSize,
];
