import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LandedBlock, LandingWalker, MAX_LANDED_BYTES } from './landed-blocks.ts';
import { fixedId } from './pair.fixture.ts';
import { decodeFrame, encodeFrame, encodeManifest, type SegmentManifest, segmentKey } from './segment.ts';

function record(tenant: string, segment: string, frame: number): Buffer {
  const ndjson = Buffer.from(`{"frame":${frame}}\n`);
  return encodeFrame(ndjson, { tenant, segment, frame, lines: 1, cursors: [], reports: [] }).bytes;
}

function manifestOf(tenant: string, segment: string): Buffer {
  const manifest: SegmentManifest = {
    ...{
      v: 1,
      tenant,
      segment,
      key: segmentKey(tenant, segment, 1.8e15),
      openedAt: 1.8e15,
      closedAt: 1.8e15,
    },
    ...{ firstTs: null, lastTs: null, pairs: 0, rawBytes: 0, frames: [], rollups: [], reports: [] },
    ...{ templateVersion: 1, ruleVersion: null },
  };
  return encodeManifest(manifest);
}

/** The names of the blocks of an object that comes in chunks of this size, and what was skipped. */
function walk(object: Buffer, chunkBytes = object.length || 1): { names: string[]; skipped: number } {
  const walker = new LandingWalker();
  const names: string[] = [];
  const take = (block: LandedBlock) => {
    if (block.kind === 'manifest') return names.push(`manifest ${block.manifest.segment}`);
    const { tenant, segment, frame, length } = block.header;
    const lines = decodeFrame(object.subarray(block.offset, block.offset + length));
    expect(lines).toEqual([`{"frame":${frame}}`]);
    return names.push(`${tenant} ${segment} ${frame}`);
  };
  for (let at = 0; at < object.length; at += chunkBytes)
    for (const block of walker.push(object.subarray(at, at + chunkBytes))) take(block);
  for (const block of walker.end()) take(block);
  return { names, skipped: walker.skippedBytes };
}

const [ann, bob, one, two] = [900, 901, 902, 903].map((n) => fixedId(n)) as [string, string, string, string];
const MIXED = [
  record(ann, one, 0),
  record(bob, two, 0),
  record(ann, one, 1),
  record(ann, one, 0),
  manifestOf(ann, one),
  record(bob, two, 1),
];
const NAMES = [
  ...[`${ann} ${one} 0`, `${bob} ${two} 0`, `${ann} ${one} 1`, `${ann} ${one} 0`, `manifest ${one}`],
  `${bob} ${two} 1`,
];

describe('LandingWalker', () => {
  test('gives every block of segments that are mixed and repeated, where its bytes are, however it is cut', () => {
    const object = Buffer.concat(MIXED);
    for (const size of [1, 7, 100, object.length])
      expect(walk(object, size)).toEqual({ names: NAMES, skipped: 0 });
  });

  test('steps over what is not ours, between the blocks and at both ends, and counts it', () => {
    const strange = Buffer.from('\n-- not ours P*M\x18 --\n', 'latin1');
    const object = Buffer.concat([strange, ...MIXED.flatMap((part) => [part, strange])]);
    expect(walk(object, 13)).toEqual({ names: NAMES, skipped: strange.length * 7 });
  });

  test('a damaged block costs itself alone', () => {
    for (const at of [2, 6, 8, MIXED[1]!.length - 3]) {
      const damaged = Buffer.from(MIXED[1]!);
      damaged[at] = damaged[at]! ^ 0x55;
      const { names, skipped } = walk(Buffer.concat([MIXED[0]!, damaged, ...MIXED.slice(2)]), 50);
      expect(names).toEqual([NAMES[0], ...NAMES.slice(2)]);
      expect(skipped).toBe(damaged.length);
    }
  });

  test('an object that was cut gives what is whole', () => {
    const object = Buffer.concat(MIXED);
    const cut = object.length - 5;
    expect(walk(object.subarray(0, cut), 64).names).toEqual(NAMES.slice(0, 5));
  });

  test('a length that lies holds back no more than one block', () => {
    const liar = Buffer.alloc(8);
    liar.writeUInt32LE(0x184d2a50, 0);
    liar.writeUInt32LE(MAX_LANDED_BYTES + 1, 4);
    const walker = new LandingWalker();
    const given = [...walker.push(Buffer.concat([liar, MIXED[0]!]))];
    expect(given).toHaveLength(1);
  });

  test('an object made of nothing but false beginnings is given up, and counted', () => {
    const liar = Buffer.alloc(12);
    liar.writeUInt32LE(0x184d2a50);
    liar.writeUInt32LE(4, 4);
    const object = Buffer.concat([...Array.from({ length: 5_000 }, () => liar), MIXED[0]!]);
    const walker = new LandingWalker();
    expect([...walker.push(object), ...walker.end()]).toEqual([]);
    expect(walker.skippedBytes).toBe(object.length);
  });

  test('whatever is in an object, every byte is given or counted', () => {
    const part = fc.oneof(fc.constantFrom(...MIXED), fc.uint8Array({ maxLength: 40 }).map(Buffer.from));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), fc.integer({ min: 1, max: 300 }), (parts, size) => {
        const object = Buffer.concat(parts);
        const walker = new LandingWalker();
        let given = 0;
        const sizes = new Map<string, number>();
        for (const known of MIXED) sizes.set(nameOf([...new LandingWalker().push(known)][0]!), known.length);
        const count = (block: LandedBlock) => (given += sizes.get(nameOf(block))!);
        for (let at = 0; at < object.length; at += size)
          for (const block of walker.push(object.subarray(at, at + size))) count(block);
        for (const block of walker.end()) count(block);
        expect(given + walker.skippedBytes).toBe(object.length);
        const expected = parts.filter((p) => MIXED.some((known) => known.equals(p)));
        expect(given).toBeGreaterThanOrEqual(expected.reduce((sum, p) => sum + p.length, 0));
      }),
      { numRuns: 200 },
    );
  });
});

function nameOf(block: LandedBlock): string {
  if (block.kind === 'manifest') return `manifest ${block.manifest.segment}`;
  return `${block.header.tenant} ${block.header.segment} ${block.header.frame}`;
}
