// A closed segment as records of a delivery stream: each frame with the header before it is one record, the manifest is the
// last, so that every record can be read wherever it lands. Batches are read from the file one at a time: memory is
// bounded by a request, not by the segment.
import { open } from 'node:fs/promises';
import { encodeManifest, type SegmentManifest } from '@echoplane/traffic';
import type { ClosedSegment } from './segment-sink.ts';

/** Limits of Firehose, before base64: one record, one call. */
export const MAX_RECORD_BYTES = 1_000 << 10;
export const MAX_BATCH_BYTES = 4 << 20;
export const MAX_BATCH_RECORDS = 500;

interface Range {
  offset: number;
  length: number;
}

/** Where the records of the frames lie in the file, and the frames that no record can hold. */
export function planRecords({ frames }: SegmentManifest): { records: Range[]; oversizeFrames: number[] } {
  const records: Range[] = [];
  const oversizeFrames: number[] = [];
  let start = 0;
  for (const [frame, entry] of frames.entries()) {
    const end = entry.offset + entry.length;
    if (end - start > MAX_RECORD_BYTES) oversizeFrames.push(frame);
    else records.push({ offset: start, length: end - start });
    start = end;
  }
  return { records, oversizeFrames };
}

/** The manifest without frames that did not leave: their entries stay, with no bytes and no lines. */
export function withoutFrames(manifest: SegmentManifest, gone: readonly number[]): SegmentManifest {
  if (gone.length === 0) return manifest;
  const lost = new Set(gone);
  const frames = manifest.frames.map((entry, frame) =>
    lost.has(frame) ? { offset: entry.offset, length: 0, lines: 0 } : entry,
  );
  const pairs = frames.reduce((sum, { lines }) => sum + lines, 0);
  return { ...manifest, frames, pairs };
}

/** The manifest as a record; without rollups when it would be too large; null when it still is. */
export function manifestRecord(manifest: SegmentManifest): Buffer | null {
  const fitting = [manifest, { ...manifest, rollups: [] }].map(encodeManifest);
  return fitting.find((bytes) => bytes.length <= MAX_RECORD_BYTES) ?? null;
}

/** The records in batches that fit one call. */
export async function* recordBatches(
  segment: ClosedSegment,
  ranges: readonly Range[],
  last: Buffer | null,
): AsyncGenerator<Buffer[]> {
  const file = await open(segment.path, 'r');
  try {
    let batch: Buffer[] = [];
    let bytes = 0;
    for (const record of [...ranges, ...(last ? [last] : [])]) {
      if (batch.length === MAX_BATCH_RECORDS || bytes + record.length > MAX_BATCH_BYTES) {
        yield batch;
        batch = [];
        bytes = 0;
      }
      bytes += record.length;
      batch.push(Buffer.isBuffer(record) ? record : await readRange(file, record));
    }
    if (batch.length > 0) yield batch;
  } finally {
    await file.close();
  }
}

async function readRange(file: Awaited<ReturnType<typeof open>>, { offset, length }: Range): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(buffer, got, length - got, offset + got);
    if (bytesRead === 0) throw new Error(`the segment ends before byte ${offset + length}`);
    got += bytesRead;
  }
  return buffer;
}
