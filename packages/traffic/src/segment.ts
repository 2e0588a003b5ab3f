// The segment file: NDJSON of RRPairs in independent zstd frames, readable with `zstd -dc segment | jq`.
//
//   [skippable FrameHeader][zstd frame 0: lines] [skippable FrameHeader][zstd frame 1] … [skippable manifest]
//
// Skippable frames (RFC 8878 3.1.2) are invisible to every zstd reader. The header before each frame makes the open
// file its own write-ahead log: it carries the frame's checksum and, for every capture stream, the last batch that is
// in the file, so that pairs and acknowledgements become durable in one write. The manifest at the end holds what is
// needed to rebuild the index. This module knows bytes only: no files, no clock.
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { z } from 'zod';
import { StoredReports } from './accounting.ts';
import { RollupPartial } from './rollup.ts';

export const SEGMENT_VERSION = 1;
/** Magic numbers of the two skippable frames. */
export const FRAME_MAGIC = 0x184d2a50;
export const MANIFEST_MAGIC = 0x184d2a51;
const FOOTER_MAGIC = 0x314d5045; // "EPM1", little endian
const FOOTER_BYTES = 8;
/** Largest frame header, in bytes of JSON. */
export const MAX_HEADER_BYTES = 1 << 20;
/** Largest zstd frame and largest text in one that a reader accepts: a damaged length must not allocate the machine. */
export const MAX_FRAME_BYTES = 64 << 20;

/** The last batch of one capture stream that a segment holds. */
export const StreamCursor = z.object({
  incarnation: z.string(),
  batch: z.int().nonnegative(),
  /** Pairs taken from the stream so far, up to and with that batch. */
  taken: z.int().nonnegative().optional(),
});
export type StreamCursor = z.infer<typeof StreamCursor>;

export const FrameHeader = z.object({
  v: z.literal(SEGMENT_VERSION),
  tenant: z.string(),
  segment: z.uuid(),
  frame: z.int().nonnegative(),
  lines: z.int().nonnegative(),
  /** Bytes of the zstd frame that follows, and its CRC-32. */
  length: z.int().nonnegative(),
  crc: z.int().nonnegative(),
  cursors: z.array(StreamCursor),
  /** Cumulative counters of the hops as they stood when the frame was written. */
  reports: StoredReports,
  /** Version of the rules the frame's pairs were made under; absent in files of older forwarders. */
  ruleVersion: z.string().optional(),
  /** Rollups of pairs that were folded into this frame's: counted, not kept. */
  folded: z.array(RollupPartial).optional(),
  /** Pairs held back since the frame before, by reason. */
  withheld: z.record(z.string(), z.int()).optional(),
});
export type FrameHeader = z.infer<typeof FrameHeader>;

export const FrameEntry = z.object({
  offset: z.int(),
  length: z.int(),
  lines: z.int(),
  /** Whether its header holds rollups of folded pairs. */
  folded: z.boolean().optional(),
});
export type FrameEntry = z.infer<typeof FrameEntry>;

export const SegmentManifest = z.object({
  v: z.literal(SEGMENT_VERSION),
  tenant: z.string(),
  segment: z.uuid(),
  key: z.string(),
  /** µs since the epoch. */
  openedAt: z.int(),
  closedAt: z.int(),
  firstTs: z.int().nullable(),
  lastTs: z.int().nullable(),
  pairs: z.int(),
  /** Bytes of NDJSON before compression. */
  rawBytes: z.int(),
  frames: z.array(FrameEntry),
  rollups: z.array(RollupPartial),
  reports: StoredReports,
  templateVersion: z.int(),
  /** Of the last frame; null in segments of older forwarders. */
  ruleVersion: z.string().nullable(),
  /** Versions of the rules over all frames, and of the detectors. */
  ruleVersions: z.array(z.string()).optional(),
  detectorVersion: z.int().optional(),
  /** Pairs held back while the segment was open, by reason; they are in no frame. */
  withheld: z.record(z.string(), z.int()).optional(),
});
export type SegmentManifest = z.infer<typeof SegmentManifest>;

/** Object key of a segment: under its tenant's prefix, by the day it was opened. */
export function segmentKey(tenant: string, segment: string, openedAtUs: number): string {
  const day = new Date(openedAtUs / 1000).toISOString().slice(0, 10);
  return `${tenant}/segments/${day}/${segment}.ndjson.zst`;
}

/**
 * One frame of a segment: header and zstd frame as one buffer, and where in it the zstd frame starts. Throws RangeError
 * when the header is larger than a reader accepts: written, it would end the file for every reader.
 */
export function encodeFrame(
  ndjson: Buffer,
  header: Omit<FrameHeader, 'v' | 'length' | 'crc'>,
): { bytes: Buffer; dataOffset: number; dataLength: number } {
  const data = zstdCompressSync(ndjson);
  const full: FrameHeader = { v: SEGMENT_VERSION, ...header, length: data.length, crc: crc32(data) };
  const json = Buffer.from(JSON.stringify(full));
  if (json.length > MAX_HEADER_BYTES) {
    throw new RangeError(`a frame header of ${json.length} bytes is above ${MAX_HEADER_BYTES}`);
  }
  const head = skippable(FRAME_MAGIC, json);
  return { bytes: Buffer.concat([head, data]), dataOffset: head.length, dataLength: data.length };
}

/** The manifest as the segment's last bytes; its length stands in the final eight, so that a suffix read finds it. */
export function encodeManifest(manifest: SegmentManifest): Buffer {
  const json = Buffer.from(JSON.stringify(manifest));
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeUInt32LE(json.length, 0);
  footer.writeUInt32LE(FOOTER_MAGIC, 4);
  return skippable(MANIFEST_MAGIC, Buffer.concat([json, footer]));
}

/** The manifest at the end of `tail` (any suffix of a segment that holds it whole), or null when there is none. */
export function decodeManifest(tail: Buffer): SegmentManifest | null {
  const end = tail.length - FOOTER_BYTES;
  if (end < 0 || tail.readUInt32LE(end + 4) !== FOOTER_MAGIC) return null;
  const length = tail.readUInt32LE(end);
  if (length > end) return null;
  return SegmentManifest.parse(JSON.parse(tail.toString('utf8', end - length, end)));
}

/** The lines of one zstd frame (the bytes at an index row's offset and length). Throws when they are damaged. */
export function decodeFrame(data: Buffer): string[] {
  const text = zstdDecompressSync(data, { maxOutputLength: MAX_FRAME_BYTES * 4 }).toString('utf8');
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

export type Block =
  | { kind: 'frame'; header: FrameHeader; dataOffset: number; data: Buffer; end: number }
  | { kind: 'manifest'; manifest: SegmentManifest; end: number };

/**
 * The blocks of a segment in order, up to the first that is cut or damaged: `end` of the last block returned is the
 * length to truncate a torn file to.
 */
export function* segmentBlocks(file: Buffer): Generator<Block> {
  let at = 0;
  while (at + 8 <= file.length) {
    const magic = file.readUInt32LE(at);
    const length = file.readUInt32LE(at + 4);
    const body = at + 8;
    if (body + length > file.length) return;
    if (magic === MANIFEST_MAGIC) {
      const manifest = decodeManifest(file.subarray(body, body + length));
      if (manifest) yield { kind: 'manifest', manifest, end: body + length };
      return;
    }
    if (magic !== FRAME_MAGIC || length > MAX_HEADER_BYTES) return;
    const header = parseFrameHeader(file.subarray(body, body + length));
    if (!header) return;
    const dataOffset = body + length;
    const end = dataOffset + header.length;
    if (end > file.length) return;
    const data = file.subarray(dataOffset, end);
    if (crc32(data) !== header.crc) return;
    yield { kind: 'frame', header, dataOffset, data, end };
    at = end;
  }
}

/** The header in the body of its skippable frame, or null when it is none. */
export function parseFrameHeader(bytes: Buffer): FrameHeader | null {
  try {
    return FrameHeader.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}

function skippable(magic: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(body.length, 4);
  return Buffer.concat([head, body]);
}
