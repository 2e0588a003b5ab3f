// Reads pairs out of segment files on this disk, frame by frame, whatever the file's size: the ring's, the spool's. A
// damaged file is read up to the damage. It must not know who asks.
import { open } from 'node:fs/promises';
import { type FrameHeader, MAX_FRAME_BYTES, MAX_HEADER_BYTES, segmentBlocks } from '@echoplane/traffic';

export interface DiskFrame {
  header: FrameHeader;
  /** Of the zstd frame. */
  data: Buffer;
  dataOffset: number;
}

const CHUNK_BYTES = 1 << 20;

/** The frames of a file that the ring may have forgotten meanwhile: then there are none. */
export async function* framesIfThere(path: string): AsyncGenerator<DiskFrame> {
  try {
    yield* framesOf(path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err;
  }
}

/** The frames of a segment file in order, one at a time in memory. */
export async function* framesOf(path: string): AsyncGenerator<DiskFrame> {
  const file = await open(path, 'r');
  try {
    let held: Buffer = Buffer.alloc(0);
    let heldAt = 0;
    for (;;) {
      let used = 0;
      for (const block of segmentBlocks(held)) {
        if (block.kind === 'manifest') return;
        const { header, data, dataOffset } = block;
        yield { header, data, dataOffset: heldAt + dataOffset };
        used = block.end;
      }
      held = held.subarray(used);
      heldAt += used;
      if (held.length > MAX_FRAME_BYTES + MAX_HEADER_BYTES) return;
      const chunk = Buffer.alloc(CHUNK_BYTES);
      const { bytesRead } = await file.read(chunk, 0, CHUNK_BYTES, heldAt + held.length);
      if (bytesRead === 0) return;
      held = Buffer.concat([held, chunk.subarray(0, bytesRead)]);
    }
  } finally {
    await file.close();
  }
}
