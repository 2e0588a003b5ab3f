// Rows of the accounting table in which pairs that were withheld are brought back out of the ring: exactly those asked for,
// once, whoever asks again and whatever dies meanwhile.
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Scene, World } from '../accounting-stage.ts';
import { PATIENCE } from '../data-path-stage.ts';
import type { Account } from './accounted.ts';
import type { FaultRow } from './fault-row.ts';

/** What comes in is held back, what goes out is kept. */
const KEEP_OUTBOUND = {
  ...{ v: 1, version: 'outbound-1', redaction: {} },
  filter: { standard: false, rules: [{ name: 'no-inbound', when: 'direction == "IN"', action: 'drop' }] },
};

/** `span`: of the pairs by time, the shares between which they are asked for; `more`: further settings. */
async function filteredScene(
  world: World,
  pairs: number,
  span: readonly [number, number],
  more: Record<string, string> = {},
) {
  const settings = { ECHOPLANE_SENDER_GONE_MS: '60000', ...more };
  const scene = await world.scene({ rules: KEEP_OUTBOUND, settings });
  const work = scene.workload();
  await scene.sendEach(pairs);
  await expect.poll(() => work.delivered, PATIENCE).toBe(pairs);
  await scene.flushed();
  const agents = async () => (await scene.client.call('agents', {})).items.filter((agent) => agent.connected);
  await expect.poll(async () => (await agents()).length, PATIENCE).toBe(1);
  const { id: agent } = (await agents())[0]!;
  const times = [...work.sent.values()].map(({ tsUs }) => tsUs).sort((a, b) => a - b);
  const [from, to] = span.map((share) => times[Math.floor(share * (pairs - 1))]!) as [number, number];
  const wanted = new Set(
    [...work.sent]
      .filter(([, { tsUs, direction }]) => direction === 'OUT' || (tsUs >= from && tsUs < to))
      .map(([id]) => id),
  );
  const outbound = [...work.sent.values()].filter(({ direction }) => direction === 'OUT').length;
  return { scene, agent, from, to, wanted, recalled: wanted.size - outbound };
}

type Filtered = Awaited<ReturnType<typeof filteredScene>>;

async function ask({ scene, agent, from, to }: Filtered): Promise<string> {
  const body = { agent, body: { kind: 'recall' as const, from, to, limit: 100_000 } };
  return (await scene.client.call('createCommand', { body })).id;
}

/** The result of a command that went well. */
async function resultOf({ scene }: Filtered, id: string): Promise<unknown> {
  const command = () => scene.client.call('command', { params: { id } });
  await expect.poll(async () => (await command()).state, PATIENCE).not.toMatch(/waiting|running/);
  const { state, message, result } = await command();
  expect({ state, message }).toEqual({ state: 'succeeded', message: null });
  return result;
}

const holdsExactly =
  (wanted: ReadonlySet<string>) =>
  ({ storedIds }: Account) =>
    expect([...storedIds].sort()).toEqual([...wanted].sort());

const recalledTwice: FaultRow = {
  fault: 'a recall out of the ring, asked for three times, twice at once',
  async run(world) {
    const filtered = await filteredScene(world, 3_000, [1 / 3, 2 / 3]);
    const { scene, wanted, recalled } = filtered;
    const first = await ask(filtered);
    expect(await resultOf(filtered, first)).toMatchObject({ pairs: recalled, complete: true });
    const again = await Promise.all([ask(filtered), ask(filtered)]);
    for (const id of again) expect(await resultOf(filtered, id)).toMatchObject({ pairs: 0 });
    await scene.settle();
    return { scene, expected: { recalled }, holds: holdsExactly(wanted) };
  },
};

/** Notes of more than 500 pairs: the first 500 are in the spool by then. */
const TWO_CHUNKS_BYTES = 30_000;

/** Bytes of the notes about what was brought back. */
async function notedBytes({ spoolDir }: Scene): Promise<number> {
  const folder = join(spoolDir, 'ring');
  const notes = (await readdir(folder)).filter((name) => name.endsWith('.recalled'));
  const sizes = await Promise.all(notes.map((name) => stat(join(folder, name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}

const killedInRecall: FaultRow = {
  fault: 'the forwarder killed -9 twice in the middle of a recall',
  async run(world) {
    const isToStop = join(world.path.folder, 'stop-in-recall');
    await writeFile(isToStop, '');
    const filtered = await filteredScene(world, 18_000, [0.02, 0.98], {
      NODE_OPTIONS: `--import=${new URL('./stop-in-recall.ts', import.meta.url)}`,
      ...{ STOP_IN_RECALL: isToStop, STOP_AFTER_BYTES: String(TWO_CHUNKS_BYTES) },
    });
    const { scene, wanted, recalled } = filtered;
    const id = await ask(filtered);
    for (let life = 0, before = 0; life < 2; life++) {
      const enough = before + TWO_CHUNKS_BYTES;
      // It stands still there, and cannot be done before it is killed.
      await expect.poll(() => notedBytes(scene), PATIENCE).toBeGreaterThan(enough);
      await scene.killForwarder();
      before = await notedBytes(scene);
      const { state } = await scene.client.call('command', { params: { id } });
      expect(state).toMatch(/waiting|running/);
      if (life === 1) await rm(isToStop);
      await scene.forwarder.restart();
    }
    expect(await resultOf(filtered, id)).toMatchObject({ pairs: recalled, complete: true });
    await scene.settle();
    return { scene, expected: { recalled }, holds: holdsExactly(wanted) };
  },
};

export const RECALLS: readonly FaultRow[] = [recalledTwice, killedInRecall];
