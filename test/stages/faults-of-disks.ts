// Rows of the accounting table in which the disk is the trouble: it is full, the spool is at its limit, a write was torn.
import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { Scene, World } from '../accounting-stage.ts';
import { PATIENCE } from '../data-path-stage.ts';
import { seeded } from '../faulty-proxy.ts';
import { type FaultRow, proxied } from './fault-row.ts';
import { StreamRelay } from './stream-relay.ts';

const run = promisify(execFile);
const TOMBSTONES = '/v1/ingest/tombstones';
/** More pairs than any of the disks here holds. */
const MANY = 60_000;

/** A small disk of its own, gone with the world's path. */
async function smallDisk(sizeKib: number) {
  const folder = await mkdtemp(join(tmpdir(), 'small-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${sizeKib}k`, 'tmpfs', folder]);
  const remove = async () => {
    await run('umount', ['-l', folder]);
    await rm(folder, { recursive: true });
  };
  const filler = join(folder, 'filler');
  return {
    spoolDir: join(folder, 'spool'),
    remove,
    /** Takes all that is left. */
    async fill() {
      const file = await open(filler, 'a');
      for (let bytes = 64 << 10; bytes >= 1_024; ) {
        const { bytesWritten } = await file.write(Buffer.alloc(bytes)).catch(() => ({ bytesWritten: 0 }));
        if (bytesWritten < bytes) bytes >>= 1;
      }
      await file.close();
    },
    free: () => rm(filler),
  };
}

async function onSmallDisk(world: World, sizeKib: number) {
  const disk = await smallDisk(sizeKib);
  try {
    const made = await proxied(world, { spoolDir: disk.spoolDir });
    made.scene.undo.unshift(() => disk.remove());
    return { ...made, disk };
  } catch (err) {
    await disk.remove();
    throw err;
  }
}

async function dropped(scene: Scene, reason: string): Promise<number> {
  return (await scene.status()).forwarder.counters.dropped[reason] ?? 0;
}

/** Sends until so many pairs were given up for this reason. */
async function sendUntilDropped(scene: Scene, reason: string, atLeast: number): Promise<void> {
  while ((await dropped(scene, reason)) < atLeast) {
    expect(scene.sent).toBeLessThan(MANY);
    await scene.sendEach(scene.workloads[0]!.sent.size + 1_000);
  }
}

const diskFull: FaultRow = {
  fault: 'the disk full of what the control plane does not take, the forwarder killed -9 on it',
  async run(world) {
    const { scene, proxy } = await onSmallDisk(world, 2_304);
    for (let n = 0; n < 2; n++) scene.workload();
    await scene.sendEach(300);
    proxy.treat = () => 'away';
    await sendUntilDropped(scene, 'disk-full', 1);
    await scene.bounceForwarder();
    await sendUntilDropped(scene, 'disk-full', 2_000);
    proxy.treat = () => 'pass';
    await scene.sendEach(scene.workloads[0]!.sent.size + 500);
    await scene.settle();
    return { scene, holds: (account) => expect(account.dropped['disk-full']).toBeGreaterThanOrEqual(2_000) };
  },
};

const diskFullOfOthers: FaultRow = {
  fault: 'the disk filled by something else while all is fine, then freed',
  async run(world) {
    const { scene, disk } = await onSmallDisk(world, 3_072);
    scene.workload();
    await scene.sendEach(500);
    const trouble = async () => {
      await disk.fill();
      await scene.sendEach(scene.sent + 100);
      return (await scene.status()).spool.trouble;
    };
    await expect.poll(trouble, PATIENCE).not.toBeNull();
    await disk.free();
    await scene.sendEach(scene.sent + 500);
    await scene.settle();
    return { scene };
  },
};

const spoolFull: FaultRow = {
  fault: 'the spool at its limit, the forwarder killed -9 on it, and the answers to tombstones lost',
  async run(world) {
    const settings = { ECHOPLANE_SPOOL_MAX_BYTES: String(1 << 20) };
    const { scene, proxy } = await proxied(world, { settings });
    for (let n = 0; n < 2; n++) scene.workload();
    await scene.sendEach(300);
    proxy.treat = () => 'away';
    await sendUntilDropped(scene, 'spool-full', 1_000);
    const sending = scene.sendEach(scene.workloads[0]!.sent.size + 1_500);
    await scene.bounceForwarder();
    await sending;
    let told = 0;
    proxy.treat = (path) => (path === TOMBSTONES && ++told <= 2 ? 'lose' : 'pass');
    await scene.settle();
    expect(told).toBeGreaterThan(2);
    return { scene, holds: (account) => expect(account.dropped['spool-full']).toBeGreaterThanOrEqual(1_000) };
  },
};

type Tear = (path: string, safeBytes: number, random: () => number) => Promise<void>;

async function lastBytes(path: string, share: number): Promise<Buffer> {
  const bytes = await readFile(path);
  return bytes.subarray(Math.floor(bytes.length * share));
}

const TEARS: Record<string, Tear> = {
  'cut at any byte': async (path, safeBytes, random) => {
    const { size } = await stat(path);
    await truncate(path, safeBytes + Math.floor(random() * (size - safeBytes)));
  },
  'followed by noise': (path, _, random) =>
    appendFile(path, Buffer.from(Array.from({ length: 5_000 }, () => random() * 256))),
  'followed by nothing but zeros': (path) => appendFile(path, Buffer.alloc(70_000)),
  'followed by the end of a frame': async (path, _, random) =>
    appendFile(path, await lastBytes(path, random())),
  'with a bit turned in what was not acknowledged': async (path, safeBytes, random) => {
    const file = await open(path, 'r+');
    const { size } = await file.stat();
    const at = safeBytes + Math.floor(random() * (size - safeBytes));
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    await file.write(Buffer.of(byte[0]! ^ 0x10), 0, 1, at);
    await file.close();
  },
};

/** The open segment. */
async function openSegment({ spoolDir }: Scene): Promise<{ path: string; bytes: number }> {
  const name = (await readdir(spoolDir)).find((one) => one.endsWith('.open'));
  const path = join(spoolDir, name ?? '-');
  return { path, bytes: name === undefined ? 0 : (await stat(path)).size };
}

/** What was neither acknowledged nor told to anybody may be lost by the disk in any way: it comes again. */
const torn: FaultRow = {
  fault: 'writes torn: cut, followed by noise, by zeros, by half a frame, damaged in the middle',
  async run(world) {
    const settings = {
      ECHOPLANE_SEGMENT_MAX_BYTES: String(1 << 30),
      ECHOPLANE_SEGMENT_MAX_AGE_MS: '3600000',
    };
    const { scene, proxy } = await proxied(world, { settings });
    const relay = await StreamRelay.start(scene.forwarder.port);
    scene.undo.unshift(() => relay.close());
    const work = scene.workload(relay.port);
    const random = seeded(7);
    const tears = Object.values(TEARS);
    for (const tear of [...tears, ...tears, tears[0]!, tears[0]!]) {
      await scene.sendEach(scene.sent + 200);
      await expect.poll(() => work.delivered, PATIENCE).toBe(scene.sent);
      const { bytes: safeBytes } = await openSegment(scene);
      relay.isMute = true;
      proxy.treat = () => 'away';
      await scene.sendEach(scene.sent + 400);
      await expect.poll(async () => (await openSegment(scene)).bytes, PATIENCE).toBeGreaterThan(safeBytes);
      await scene.killForwarder();
      await tear((await openSegment(scene)).path, safeBytes, random);
      proxy.treat = () => 'pass';
      relay.isMute = false;
      await scene.forwarder.restart();
    }
    await scene.settle();
    return { scene };
  },
};

export const DISKS: readonly FaultRow[] = [diskFull, diskFullOfOthers, spoolFull, torn];
