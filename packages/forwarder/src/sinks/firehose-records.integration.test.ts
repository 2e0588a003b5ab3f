import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  encodeFrame,
  encodeManifest,
  LandingWalker,
  type SegmentManifest,
  segmentKey,
} from '@echoplane/traffic';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  MAX_RECORD_BYTES,
  manifestRecord,
  planRecords,
  recordBatches,
  withoutFrames,
} from './firehose-records.ts';

const TENANT = '0190a0a0-0000-7000-8000-00000000aaaa';
const SEGMENT = '0190a0a0-0000-7000-8000-00000000bbbb';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'records-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A closed segment whose frames hold about so many bytes that no compression makes smaller. */
async function segmentOf(sizes: readonly number[], rollups: SegmentManifest['rollups'] = []) {
  let state = 1;
  const noise = (size: number) =>
    Buffer.from(
      Array.from({ length: size }, () => {
        state = (state * 48_271) % 2_147_483_647;
        return state & 0xff;
      }),
    );
  const parts: Buffer[] = [];
  const frames: SegmentManifest['frames'] = [];
  let at = 0;
  for (const [frame, size] of sizes.entries()) {
    const header = { tenant: TENANT, segment: SEGMENT, frame, lines: 1, cursors: [], reports: [] };
    const { bytes, dataOffset, dataLength } = encodeFrame(noise(size), header);
    frames.push({ offset: at + dataOffset, length: dataLength, lines: 1 });
    parts.push(bytes);
    at += bytes.length;
  }
  const key = segmentKey(TENANT, SEGMENT, 1.79e15);
  const manifest: SegmentManifest = {
    ...{ v: 1, tenant: TENANT, segment: SEGMENT, key, openedAt: 1.79e15, closedAt: 1.79e15 },
    ...{ firstTs: null, lastTs: null, pairs: sizes.length, rawBytes: 0, frames, rollups, reports: [] },
    ...{ templateVersion: 1, ruleVersion: null },
  };
  const bytes = Buffer.concat([...parts, encodeManifest(manifest)]);
  const path = join(folder, `${sizes.length}-${bytes.length}.closed`);
  await writeFile(path, bytes);
  return { path, manifest, sizeBytes: bytes.length, bytes };
}

async function batchesOf(segment: Awaited<ReturnType<typeof segmentOf>>): Promise<Buffer[][]> {
  const { records } = planRecords(segment.manifest);
  const batches: Buffer[][] = [];
  for await (const batch of recordBatches(segment, records, manifestRecord(segment.manifest)))
    batches.push(batch);
  return batches;
}

test.each([
  ['many small frames', Array.from({ length: 1_203 }, () => 20), [500, 500, 204]],
  ['few large ones', Array.from({ length: 10 }, () => 900_000), [4, 4, 3]],
  ['none', [], [1]],
])(
  'the records of %s are the bytes of the segment, in calls that are allowed',
  async (_what, sizes, counts) => {
    const segment = await segmentOf(sizes);
    const batches = await batchesOf(segment);
    expect(batches.map((batch) => batch.length)).toEqual(counts);
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(MAX_BATCH_RECORDS);
      expect(Buffer.concat(batch).length).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    }
    expect(Buffer.concat(batches.flat()).equals(segment.bytes)).toBe(true);
  },
);

test('each record can be read by itself', async () => {
  const batches = await batchesOf(await segmentOf([10, 2_000, 0]));
  for (const [n, record] of batches.flat().entries()) {
    const [block] = [...new LandingWalker().push(record)];
    expect(block).toMatchObject(n < 3 ? { kind: 'frame', header: { frame: n } } : { kind: 'manifest' });
  }
});

test('a frame that no record can hold is named, and is not in the manifest that goes', async () => {
  const { manifest } = await segmentOf([100, MAX_RECORD_BYTES, 100]);
  const { records, oversizeFrames } = planRecords(manifest);
  expect(records).toHaveLength(2);
  expect(oversizeFrames).toEqual([1]);
  const left = withoutFrames(manifest, oversizeFrames);
  expect(left.pairs).toBe(2);
  expect(left.frames[1]).toMatchObject({ length: 0, lines: 0 });
  expect(withoutFrames(manifest, [])).toBe(manifest);
});

test('a manifest that is too large for a record goes without its rollups, or not at all', async () => {
  const { manifest } = await segmentOf([10]);
  const many = <T>(item: T) => Array.from({ length: 30_000 }, () => item);
  const rollups = many({ minute: 0 }) as unknown as SegmentManifest['rollups'];
  const record = manifestRecord({ ...manifest, rollups: [...rollups, ...rollups, ...rollups] });
  const [block] = [...new LandingWalker().push(record!)];
  expect(block).toMatchObject({ kind: 'manifest', manifest: { rollups: [], frames: manifest.frames } });
  expect(manifestRecord({ ...manifest, frames: many(manifest.frames[0]!) })).toBeNull();
});
