import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fixedId } from './pair.fixture.ts';
import {
  decodeFrame,
  decodeManifest,
  encodeFrame,
  encodeManifest,
  MAX_HEADER_BYTES,
  type SegmentManifest,
  segmentBlocks,
  segmentKey,
} from './segment.ts';

const TENANT = fixedId(900);
const SEGMENT = fixedId(901);

function frame(n: number, lines: string[]): ReturnType<typeof encodeFrame> {
  const ndjson = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  return encodeFrame(ndjson, {
    tenant: TENANT,
    segment: SEGMENT,
    frame: n,
    lines: lines.length,
    cursors: [{ incarnation: 'i', batch: n }],
    reports: [],
  });
}

function manifest(pairs: number): SegmentManifest {
  return {
    ...{
      v: 1,
      tenant: TENANT,
      segment: SEGMENT,
      key: segmentKey(TENANT, SEGMENT, 1.8e15),
      openedAt: 1.8e15,
      closedAt: 1.8e15,
    },
    ...{
      firstTs: null,
      lastTs: null,
      pairs,
      rawBytes: 10,
      frames: [],
      rollups: [],
      reports: [],
      templateVersion: 1,
      ruleVersion: null,
    },
  };
}

const threeFrames = [frame(0, ['{"a":1}', '{"a":2}']), frame(1, ['{"a":"ü"}']), frame(2, [])];
const file = Buffer.concat([...threeFrames.map((f) => f.bytes), encodeManifest(manifest(3))]);

describe('segmentBlocks()', () => {
  test('gives back every frame with its cursors, then the manifest', () => {
    const blocks = [...segmentBlocks(file)];
    expect(blocks.map((block) => block.kind)).toEqual(['frame', 'frame', 'frame', 'manifest']);
    const lines = blocks.flatMap((block) => (block.kind === 'frame' ? decodeFrame(block.data) : []));
    expect(lines).toEqual(['{"a":1}', '{"a":2}', '{"a":"ü"}']);
    expect(blocks.at(-1)!.end).toBe(file.length);
  });

  test('of a file cut anywhere gives only whole blocks, and a length to truncate to', () => {
    const ends = [...segmentBlocks(file)].map((block) => block.end);
    for (let cut = 0; cut <= file.length; cut++) {
      const found = [...segmentBlocks(file.subarray(0, cut))].map((block) => block.end);
      expect(found).toEqual(ends.filter((end) => end <= cut));
    }
  });

  test('stops before a frame with a damaged byte', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: threeFrames[0]!.bytes.length + threeFrames[1]!.bytes.length - 1 }),
        (at) => {
          const damaged = Buffer.from(file);
          damaged[at]! ^= 0xff;
          const whole = at < threeFrames[0]!.bytes.length ? 0 : 1;
          // A damaged header may still parse as JSON; the data it describes must then be the data that was written.
          for (const block of [...segmentBlocks(damaged)].slice(whole)) {
            if (block.kind === 'frame')
              expect(threeFrames.map((f) => f.bytes.subarray(f.dataOffset).toString('hex'))).toContain(
                block.data.toString('hex'),
              );
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

test('encodeFrame() writes no header that a reader would not accept', () => {
  const cursors = Array.from({ length: 20_000 }, (_, n) => ({
    incarnation: `life-${n}`.padEnd(64),
    batch: n,
  }));
  const header = { tenant: TENANT, segment: SEGMENT, frame: 0, lines: 0, reports: [] };
  expect(() => encodeFrame(Buffer.alloc(0), { ...header, cursors })).toThrow(RangeError);
  const most = cursors.slice(0, Math.floor(MAX_HEADER_BYTES / 120));
  const { bytes } = encodeFrame(Buffer.alloc(0), { ...header, cursors: most });
  expect([...segmentBlocks(bytes)]).toMatchObject([{ kind: 'frame', header: { cursors: most } }]);
});

test('a report that is not sound does not cost the frame it lies in, nor the manifest', () => {
  const counters = { captured: 1, delivered: 0, withheld: {}, dropped: {} };
  const reports = [{ hop: 'sidecar' as const, incarnation: 'evil\0x', service: 's', counters }];
  const header = { tenant: TENANT, segment: SEGMENT, frame: 0, lines: 1, cursors: [], reports };
  const { bytes } = encodeFrame(Buffer.from('{}\n'), header);
  expect([...segmentBlocks(bytes)]).toMatchObject([{ kind: 'frame', header: { lines: 1, reports: [] } }]);
  expect(decodeManifest(encodeManifest({ ...manifest(1), reports }))).toMatchObject({
    pairs: 1,
    reports: [],
  });
});

test("an index row's offset and length address one independent zstd frame", () => {
  const at = threeFrames[0]!.bytes.length + threeFrames[1]!.dataOffset;
  const data = file.subarray(at, at + threeFrames[1]!.dataLength);
  expect(zstdDecompressSync(data).toString()).toBe('{"a":"ü"}\n');
});

test('decodeManifest() finds the manifest in any suffix that holds it, and in nothing else', () => {
  const bytes = encodeManifest(manifest(7));
  expect(decodeManifest(Buffer.concat([Buffer.from('whatever'), bytes]))!.pairs).toBe(7);
  expect(decodeManifest(bytes.subarray(0, bytes.length - 1))).toBeNull();
  expect(decodeManifest(bytes.subarray(bytes.length - 20))).toBeNull();
  expect(decodeManifest(Buffer.alloc(0))).toBeNull();
});
