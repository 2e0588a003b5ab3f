// The ring on a real folder: what it keeps, what it forgets, and that nothing depends on it.
import { appendFile, mkdir, readdir, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { silentLogger } from '@echoplane/runtime';
import { decodeFrame, type RRPair } from '@echoplane/traffic';
import { afterEach, expect, test } from 'vitest';
import { capturedPair, decoded, NOW_US } from '../captured.fixture.ts';
import { Cleanup, clock, TENANT, temporaryHome } from '../forwarder.fixture.ts';
import type { Refined } from '../intake/refinery.ts';
import { recall } from './recall.ts';
import { Ring } from './ring.ts';
import { framesOf } from './segment-reading.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function openRing(maxBytes = 1 << 20, home?: string) {
  const dir = home ?? (await temporaryHome(cleanup));
  const ring = new Ring({
    files: { dir, fsync: true },
    tenant: TENANT,
    maxBytes,
    clock,
    log: silentLogger(),
  });
  await ring.start();
  cleanup.add(() => ring.close());
  return { dir, ring };
}

const pairs = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => decoded(capturedPair(from + i))!);

async function hold(ring: Ring, from: number, to: number): Promise<void> {
  for (const pair of pairs(from, to)) ring.hold(JSON.stringify(pair));
  await ring.flush();
}

async function linesIn(ring: Ring): Promise<RRPair[]> {
  const found: RRPair[] = [];
  for (const file of ring.files) {
    for await (const { data } of framesOf(file.path))
      found.push(...decodeFrame(data).map((line) => JSON.parse(line)));
  }
  return found;
}

test('what was held is there in order, and again after a restart', async () => {
  const { dir, ring } = await openRing();
  await hold(ring, 0, 10);
  await hold(ring, 10, 20);
  expect(await linesIn(ring)).toEqual(pairs(0, 20));
  await ring.close();
  const again = await openRing(1 << 20, dir);
  expect(await linesIn(again.ring)).toEqual(pairs(0, 20));
  expect(again.ring.sizeBytes).toBe(ring.sizeBytes);
});

test('above its bound the oldest file goes, whichever kind it is', async () => {
  const { dir, ring } = await openRing();
  const old = '0190a0a0-0000-7000-8000-000000000000';
  const path = join(dir, 'ring', `${old}.shipped`);
  await writeFile(path, Buffer.alloc(2_000));
  const counts = { pairs: 1, frames: [], unsettled: 0, refused: 0, closed: true };
  await ring.adopt({ id: old, path, sizeBytes: 2_000, ...counts });
  await hold(ring, 0, 1);
  await ring.close();
  const small = await openRing(1_500, dir);
  expect(small.ring.files.map((file) => file.held)).toEqual([true]);
  expect(small.ring.sizeBytes).toBeLessThanOrEqual(1_500);
  expect(await readdir(join(dir, 'ring'))).toHaveLength(1);
});

test('without a budget it keeps nothing', async () => {
  const { dir, ring } = await openRing(0);
  await hold(ring, 0, 5);
  expect([ring.files, await readdir(join(dir, 'ring'))]).toEqual([[], []]);
});

test('it gives its disk to whoever needs it more', async () => {
  const { ring } = await openRing();
  await hold(ring, 0, 5);
  expect(await ring.yield()).toBe(true);
  expect([ring.sizeBytes, await ring.yield()]).toEqual([0, false]);
  await hold(ring, 5, 6);
  expect(await linesIn(ring)).toEqual(pairs(5, 6));
});

test('a file that ends in the middle of a frame is read up to there', async () => {
  const { ring } = await openRing();
  await hold(ring, 0, 5);
  await hold(ring, 5, 9);
  const path = ring.files[0]!.path;
  await truncate(path, (await readFile(path)).length - 3);
  expect(await linesIn(ring)).toEqual(pairs(0, 5));
});

/** Recalls, and keeps what came. */
function recalled(
  ring: Ring,
  request: { from?: number; to?: number; filter?: string; limit?: number },
  more = {},
) {
  const stored: RRPair[] = [];
  const context = {
    ...{ id: 'command-1', resumed: false, signal: new AbortController().signal },
    store: async (refined: Refined[]) => void stored.push(...refined.map(({ pair }) => pair)),
    stored: async () => new Set<string>(),
    ...more,
  };
  const span = { from: NOW_US, to: NOW_US + 1e9, limit: 1_000, ...request };
  return recall(ring, span, context).then((result) => ({ ...result, stored }));
}

test('a span of time is brought back, and no pair twice', async () => {
  const { ring } = await openRing();
  await hold(ring, 0, 20);
  const first = await recalled(ring, { from: NOW_US + 5_000, to: NOW_US + 10_000 });
  expect(first).toMatchObject({ pairs: 5, complete: true, stored: pairs(5, 10) });
  const second = await recalled(ring, {});
  expect(second.stored).toEqual([...pairs(0, 5), ...pairs(10, 20)]);
  expect((await recalled(ring, {})).pairs).toBe(0);
});

test('an expression chooses, and a limit is told', async () => {
  const { ring } = await openRing();
  await hold(ring, 0, 20);
  const few = await recalled(ring, { filter: 'path == "/orders/7" || path == "/orders/9"' });
  expect(few.stored).toEqual([pairs(7, 8)[0], pairs(9, 10)[0]]);
  await expect(recalled(ring, { filter: 'pth == "/orders/7"' })).rejects.toMatchObject({
    code: 'bad_filter',
    message: expect.stringContaining('did you mean path?'),
  });
  const limited = await recalled(ring, { limit: 3 });
  expect(limited).toMatchObject({ pairs: 3, complete: false, stored: pairs(0, 3) });
});

test('a recall that died after it had noted what it was about to store goes on, and stores only what is missing', async () => {
  const { ring } = await openRing();
  await hold(ring, 0, 10);
  await expect(recalled(ring, {}, { store: () => Promise.reject(new Error('killed')) })).rejects.toThrow(
    'killed',
  );
  expect((await recalled(ring, {}, { id: 'another-command' })).pairs).toBe(0);
  const have = new Set(pairs(0, 4).map((pair) => pair.id));
  const resumed = await recalled(ring, {}, { resumed: true, stored: async () => have });
  expect(resumed.stored).toEqual(pairs(4, 10));
});

test('a note of another program in the ring folder is no file of the ring', async () => {
  const { dir, ring } = await openRing();
  await ring.close();
  await appendFile(join(dir, 'ring', 'README'), 'mine');
  expect((await openRing(1 << 20, dir)).ring.files).toEqual([]);
});

test('what is not a file of its own is left alone, and notes that were left over go', async () => {
  const dir = await temporaryHome(cleanup);
  const id = '0190a0a0-0000-7000-8000-000000000000';
  await mkdir(join(dir, 'ring', `${id}.held`), { recursive: true });
  await symlink('/nowhere', join(dir, 'ring', `${id}.shipped`));
  await writeFile(join(dir, 'ring', `${id.replace('0190', '0191')}.held.recalled`), '0:0 x\n');
  const { ring } = await openRing(1 << 20, dir);
  expect(ring.files).toEqual([]);
  expect((await readdir(join(dir, 'ring'))).sort()).toEqual([`${id}.held`, `${id}.shipped`]);
});

test('bringing back goes on when the ring forgets a file meanwhile', async () => {
  const first = await openRing();
  await hold(first.ring, 0, 3);
  await first.ring.close();
  const { ring } = await openRing(1 << 20, first.dir);
  await hold(ring, 3, 6);
  expect(ring.files).toHaveLength(2);
  const stored: Refined[] = [];
  const context = {
    ...{ id: 'a', resumed: false, signal: new AbortController().signal },
    async store(refined: Refined[]) {
      stored.push(...refined);
      await ring.remove(ring.files[1]!);
    },
    stored: async () => new Set<string>(),
  };
  const request = { from: 0, to: NOW_US + 1e9, limit: 100 };
  expect(await recall(ring, request, context)).toEqual({ pairs: 3, complete: true });
  expect(stored).toHaveLength(3);
});
