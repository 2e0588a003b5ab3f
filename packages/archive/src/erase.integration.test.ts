import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { readObject } from '@echoplane/runtime';
import { ARTIFACTS, decodeFrame, segmentBlocks, snapshotPrefix } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { type EraseWork, eraseFromStore, removeErased } from './erase.ts';
import { makeSnapshotFiles } from './make-snapshot.ts';
import { readPair } from './pair-reader.ts';
import {
  makePair,
  noProgress,
  pagesOf,
  putSegment,
  START,
  TENANT,
  type TestStore,
  testStore,
} from './segment.fixture.ts';
import { ERASED, ValueEraser } from './value-eraser.ts';

const CANARY = 'canary-7f3a@example.org';
const TOKEN = 'u-canarytoken1@redacted.invalid';
const ERASURE = '0198a5c0-0000-7000-8000-00000000000e';
const signal = new AbortController().signal;

/** The carriers in which the value is planted. */
const body = (json: unknown) => ({ size: 1, encoding: 'identity', json: json as null });
const text = (words: string) => ({ size: 1, encoding: 'identity', text: words });
const carriers = (value: string) => {
  const { request, response } = makePair(START);
  const of = (change: object) => ({ request: { ...request!, ...change } });
  return [
    of({ url: `http://shop.localhost/users/${encodeURIComponent(value)}?q=1` }),
    of({ headers: [['x-user', value]] }),
    of({ headers: [['authorization', `Basic ${Buffer.from(`${value}:pw`).toString('base64')}`]] }),
    of({ body: body({ user: { mail: value } }) }),
    of({ body: body({ [value]: 1 }) }),
    of({ body: text(`mail=${encodeURIComponent(value)}`) }),
    of({ body: text(JSON.stringify({ nested: JSON.stringify({ mail: value }) })) }),
    { response: { ...response!, body: body([`Dear ${value},`]) } },
    { tags: { who: value } },
  ];
};

function workOn({ store }: TestStore, change: Partial<EraseWork> = {}): EraseWork {
  const eraser = new ValueEraser([CANARY, TOKEN]);
  return {
    ...{ store, tenant: TENANT, erasure: ERASURE, eraser, after: '' },
    progress: noProgress,
    signal,
    ...change,
  };
}

/** Every byte of the folder, with what is packed in it unpacked. */
async function everything(folder: string): Promise<string> {
  const texts: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    texts.push(entry.name, bytes.toString('latin1'));
    if (entry.name.endsWith('.zst')) texts.push(zstdDecompressSync(bytes).toString('utf8'));
  }
  return texts.join('\n');
}

const forms = (value: string) => [
  ...[value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)],
  Buffer.from(`${value}:pw`).toString('base64'),
];

test('after an erasure the value and its token are nowhere in the store, and all else is what it was', async () => {
  await using stage = await testStore();
  const { store, folder } = stage;
  const planted = [...carriers(CANARY), ...carriers(TOKEN)].map((change, i) =>
    makePair(START + i * 1_000, change),
  );
  const others = Array.from({ length: 25 }, (_, i) => makePair(START + 100_000 + i));
  const mixed = [...others.slice(0, 12), ...planted, ...others.slice(12)];
  const dirty = await putSegment(store, mixed);
  const untouched = await putSegment(store, [makePair(START + 5_000_000)]);
  const untouchedBytes = await readObject(store, untouched.key);
  const snapshot = '0198a5c0-0000-7000-8000-0000000000aa';
  const prefix = `${snapshotPrefix(TENANT, snapshot)}one/`;
  await makeSnapshotFiles({
    ...{
      store,
      prefix,
      id: snapshot,
      name: 'all',
      query: {},
      rows: mixed.length,
      progress: noProgress,
      signal,
    },
    positions: pagesOf(dirty.positions),
  });
  await store.put(prefix + ARTIFACTS.edits, Buffer.from(JSON.stringify({ note: `from ${CANARY}` })));
  const before = await everything(folder);
  for (const form of [...forms(CANARY), ...forms(TOKEN)]) expect(before).toContain(form);

  const erased = await eraseFromStore(workOn(stage));
  expect(erased).toMatchObject({ segments: 1, pairs: planted.length, snapshots: [snapshot], after: null });
  const { manifest, old, oldKey, key, paths } = erased.rewritten[0]!;
  expect(paths).toEqual([
    { frame: 1, line: 2, path: `/users/${ERASED}` },
    { frame: 2, line: 1, path: `/users/${ERASED}` },
  ]);
  expect([old, oldKey]).toEqual([dirty.id, dirty.key]);
  // Drill-in goes on while rows still point to the old one, and once they point to the new one.
  await readPair(store, dirty.key, dirty.positions[0]!);
  await removeErased(store, TENANT, [oldKey]);
  const after = await everything(folder);
  for (const form of [...forms(CANARY), ...forms(TOKEN)]) expect(after).not.toContain(form);

  const lines: string[] = [];
  for (const block of segmentBlocks(await readObject(store, key)))
    if (block.kind === 'frame') lines.push(...decodeFrame(block.data));
  const isPlanted = new Set(planted.map((pair) => pair.id));
  for (const [i, pair] of mixed.entries())
    if (!isPlanted.has(pair.id)) expect(lines[i]).toBe(JSON.stringify(pair));
  for (const [i, position] of dirty.positions.entries()) {
    const { offset, length } = manifest.frames[position.frame]!;
    const moved = { ...position, segment: manifest.segment, frameOffset: offset, frameLength: length };
    expect((await readPair(store, key, moved)).id).toBe(mixed[i]!.id);
  }
  expect(await readObject(store, untouched.key)).toEqual(untouchedBytes);
  expect(await eraseFromStore(workOn(stage))).toMatchObject({
    segments: 0,
    pairs: 0,
    rewritten: [],
    snapshots: [],
  });
});

test('a round that is done again does the same, and a round goes on where the one before ended', async () => {
  await using stage = await testStore();
  const segments = [];
  for (let i = 0; i < 3; i++) {
    const pair = makePair(START + i * 60_000_000, { tags: { who: CANARY } });
    segments.push(await putSegment(stage.store, [pair]));
  }
  const first = await eraseFromStore(workOn(stage));
  expect(first.rewritten.map(({ old }) => old)).toEqual(segments.map(({ id }) => id));
  const again = await eraseFromStore(workOn(stage));
  expect(again.rewritten).toEqual(first.rewritten);
  const rest = await eraseFromStore(workOn(stage, { after: segments[1]!.key }));
  expect(rest.rewritten.map(({ old }) => old)).toEqual([segments[2]!.id]);
});

test('a damaged segment fails the erasure by its name instead of counting as clean, and nothing is left of it', async () => {
  await using stage = await testStore();
  const { key: dirty } = await putSegment(stage.store, [
    makePair(START - 1_000_000, { tags: { who: CANARY } }),
  ]);
  const { key } = await putSegment(stage.store, [makePair(START)]);
  const bytes = await readObject(stage.store, key);
  await stage.store.put(key, bytes.subarray(0, bytes.length - 9));
  await expect(eraseFromStore(workOn(stage))).rejects.toThrow(`The segment ${key} is damaged`);
  expect(await stage.store.list(TENANT)).toEqual([dirty, key]);
});

test('a word that records are made of is refused, and no record is harmed', async () => {
  await using stage = await testStore();
  const { key } = await putSegment(stage.store, [makePair(START)]);
  const before = await readObject(stage.store, key);
  const eraser = new ValueEraser(['headers']);
  await expect(eraseFromStore(workOn(stage, { eraser }))).rejects.toThrow('erase a longer one');
  expect(await readObject(stage.store, key)).toEqual(before);
  expect(await stage.store.list(TENANT)).toEqual([key]);
});

test('nothing outside the segments of the tenant is removed', async () => {
  await using stage = await testStore();
  const other = `${ERASURE}/segments/2026-01-05/x`;
  await stage.store.put(other, Buffer.from('x'));
  await expect(removeErased(stage.store, TENANT, [other])).rejects.toThrow('no segment of this tenant');
  expect(await stage.store.size(other)).toBe(1);
});

test('a value that is a number leaves the numbers by which a segment is read', async () => {
  await using stage = await testStore();
  const { store } = stage;
  const pairs = Array.from({ length: 1_234 }, (_, i) => makePair(START + i, { tags: { pin: '1234' } }));
  const { positions } = await putSegment(store, pairs, 1_234);
  const { rewritten } = await eraseFromStore(workOn(stage, { eraser: new ValueEraser(['1234']) }));
  const { key, manifest } = rewritten[0]!;
  expect(manifest).toMatchObject({ pairs: 1_234, firstTs: START, frames: [{ lines: 1_234 }] });
  const [block] = segmentBlocks(await readObject(store, key));
  expect(block).toMatchObject({ kind: 'frame', header: { frame: 0, lines: 1_234 } });
  const { offset: frameOffset, length: frameLength } = manifest.frames[0]!;
  const position = { ...positions[7]!, segment: manifest.segment, frameOffset, frameLength };
  expect((await readPair(store, key, position)).tags).toEqual({ pin: ERASED });
});

test('a position of more bytes than a frame may have is not read', async () => {
  await using stage = await testStore();
  const { positions } = await putSegment(stage.store, [makePair(START)]);
  const reading = readPair(
    { ...stage.store, read: () => Promise.reject(new Error('was read')) },
    positions[0]!.key!,
    { ...positions[0]!, frameLength: 1 << 30 },
  );
  await expect(reading).rejects.toThrow(/does not hold the RRPair/);
});

test('a recording of several frames is searched to its end, and none of it is lost', async () => {
  await using stage = await testStore();
  const key = `${snapshotPrefix(TENANT, '0198a5c0-0000-7000-8000-0000000000aa')}one/${ARTIFACTS.pairs}`;
  const pairs = Array.from({ length: 4 }, (_, i) => makePair(START + i));
  pairs[1] = makePair(START + 1, carriers(CANARY)[1]);
  pairs[3] = makePair(START + 3, carriers(CANARY)[3]);
  const frames = pairs.map((pair) => zstdCompressSync(Buffer.from(`${JSON.stringify(pair)}\n`)));
  await stage.store.put(key, Buffer.concat(frames));
  await eraseFromStore(workOn(stage));
  const lines = zstdDecompressSync(await readObject(stage.store, key))
    .toString()
    .trimEnd()
    .split('\n');
  expect(lines).toHaveLength(pairs.length);
  expect(lines.join('\n')).not.toContain(CANARY);
  expect([lines[0], lines[2]]).toEqual([pairs[0], pairs[2]].map((pair) => JSON.stringify(pair)));
});
