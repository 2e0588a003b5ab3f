// The check that ends every scene: what was sent is stored, withheld or dropped for a counted reason, to the pair; no id
// is stored twice or indexed twice; what is indexed is what is stored; and every segment can be read with a user's tools.
// It trusts no figure of ours where it can count itself.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readObject } from '@echoplane/runtime';
import { decodeManifest, total } from '@echoplane/traffic';
import { expect } from 'vitest';
import type { Scene } from '../accounting-stage.ts';

export interface Expected {
  /** Ids that exist; what the scene's workloads sent when it is not said. */
  sent?: ReadonlySet<string>;
  /** How many there are, when their ids are not known. */
  sentCount?: number;
  /** Pairs brought back out of the ring: they were withheld, and stored later. */
  recalled?: number;
  /** Most pairs that a crashed sender may have taken on and never reported. */
  unreported?: number;
}

/** What became of the pairs. */
export interface Account {
  sent: number;
  stored: number;
  withheld: Record<string, number>;
  /** By reason, over all hops. */
  dropped: Record<string, number>;
  /** Pairs of senders that crashed, which no counter ever named. */
  unreported: number;
  storedIds: ReadonlySet<string>;
}

/** Everything is flushed by now; only a sender that died has to be found out. */
const SOON = { timeout: 240_000, interval: 50 };
/** Files given to one zstd. */
const READ_AT_ONCE = 200;

/** Settles nothing: everything must have been flushed. Fails when a pair has no fate, or two. */
export async function expectAccounted(scene: Scene, expected: Expected = {}): Promise<Account> {
  const { recalled = 0, unreported: mostUnreported = 0 } = expected;
  const read = () => scene.client.call('accounting', {});
  await expect.poll(async () => (await read()).sentence, SOON).toMatch(/ captured = /);
  const { hops, balanced, stored: saidStored, indexed, lost } = await read();
  expect(balanced).toBe(true);

  const ids = await storedIds(scene);
  expect(repeated(ids), 'ids stored twice').toEqual([]);
  const storedIdSet = new Set(ids);
  const ours = expected.sent ?? new Set(scene.workloads.flatMap(({ sent }) => [...sent.keys()]));
  const sent = expected.sentCount ?? ours.size;
  if (expected.sentCount === undefined)
    expect(
      ids.filter((id) => !ours.has(id)),
      'stored and never sent',
    ).toEqual([]);

  const rows = await indexRows(scene);
  expect(repeated(rows.map(({ id }) => id)), 'ids indexed twice').toEqual([]);
  const living = rows.filter((row) => !row.lost).map(({ id }) => id);
  expect(living.toSorted(), 'the index and the store hold the same').toEqual(ids.toSorted());
  expect({ saidStored, indexed }).toEqual({ saidStored: ids.length, indexed: ids.length });

  const sum = (pick: (hop: (typeof hops)[number]) => Record<string, number>) => sumOf(hops.map(pick));
  const withheld = sum(({ counters }) => counters.withheld);
  const dropped = sum(({ counters }) => counters.dropped);
  const captured = hops
    .filter(({ hop }) => hop === 'sidecar')
    .reduce((n, hop) => n + hop.counters.captured, 0);
  const unreported = sent - captured;
  expect(unreported, 'captured and never reported').toBeGreaterThanOrEqual(0);
  expect(unreported, 'captured and never reported').toBeLessThanOrEqual(mostUnreported);
  const figures = { stored: ids.length, withheld: total(withheld), dropped: total(dropped), unreported };
  expect(sent + recalled, `sent and recalled = ${JSON.stringify(figures)}`).toBe(
    figures.stored + figures.withheld + figures.dropped + figures.unreported,
  );
  expect(lost).toBe((dropped['spool-full'] ?? 0) + (dropped['disk-full'] ?? 0));
  return { sent, stored: ids.length, withheld, dropped, unreported, storedIds: storedIdSet };
}

/** Every id in the tenant's store, by zstd and jq; each segment's manifest must say how many it holds. */
async function storedIds({ store, tenant, world }: Scene): Promise<string[]> {
  const keys = await store.list(`${tenant.id}/segments/`);
  const folder = join(world.path.folder, `read-${tenant.name}`);
  await mkdir(folder);
  const files: string[] = [];
  let pairs = 0;
  for (const [n, key] of keys.entries()) {
    const bytes = await readObject(store, key);
    const manifest = decodeManifest(bytes);
    expect(manifest, `${key} ends with its manifest`).toMatchObject({ tenant: tenant.id, key });
    pairs += manifest!.pairs;
    files.push(join(folder, `${n}.zst`));
    await writeFile(files.at(-1)!, bytes);
  }
  const ids: string[] = [];
  for (let at = 0; at < files.length; at += READ_AT_ONCE) {
    const script = 'set -o pipefail; zstd -dcq "$@" | jq -er .id';
    const args = ['-c', script, 'bash', ...files.slice(at, at + READ_AT_ONCE)];
    const { stdout } = await promisify(execFile)('bash', args, { maxBuffer: 64 << 20 });
    ids.push(...stdout.trimEnd().split('\n'));
  }
  await rm(folder, { recursive: true });
  expect(pairs, 'the manifests count what the segments hold').toBe(ids.length);
  return ids;
}

async function indexRows({ world, tenant }: Scene): Promise<{ id: string; lost: boolean }[]> {
  const found = await world.path.postgres.asSuperuser(
    world.path.database,
    `SELECT r.id, g.lost_at_us IS NOT NULL AS lost FROM echoplane.rrpairs r
       JOIN echoplane.segments g ON g.tenant_id = r.tenant_id AND g.id = r.segment WHERE r.tenant_id = $1`,
    [tenant.id],
  );
  return found.rows;
}

function repeated(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  return ids.filter((id) => seen.size === seen.add(id).size);
}

function sumOf(counts: readonly Record<string, number>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const one of counts)
    for (const [reason, pairs] of Object.entries(one)) sums[reason] = (sums[reason] ?? 0) + pairs;
  return sums;
}
