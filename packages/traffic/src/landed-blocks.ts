// What a delivery stream wrote: blocks of many segments and tenants one after the other in one object, mixed, repeated,
// perhaps with bytes between them that are not ours. The walker takes the object in chunks as they come and gives every
// block that is whole; what it cannot read it steps over, and counts. It holds at most one block.
//
//   in a block ──whole and sound──▶ given      ──anything else──▶ search for the next magic number ─▶ in a block
import { crc32 } from 'node:zlib';
import {
  decodeManifest,
  FRAME_MAGIC,
  type FrameHeader,
  MANIFEST_MAGIC,
  parseFrameHeader,
  type SegmentManifest,
} from './segment.ts';

/** A block is one record of the stream, and the largest record is a little smaller than this. */
export const MAX_LANDED_BYTES = 1 << 20;
/** Of one object. Each costs as much as reading a whole block: an object made of nothing else is not searched to its end. */
const MAX_DAMAGED = 1_000;
const PREFIX_BYTES = 8;
const MAGIC_BYTES = 4;

export type LandedBlock =
  /** `offset`: of the zstd frame in the object; `header.length` bytes, and their checksum is right. */
  { kind: 'frame'; header: FrameHeader; offset: number } | { kind: 'manifest'; manifest: SegmentManifest };

type Look = { block: LandedBlock; length: number } | 'more' | 'damaged';

/** Walks one object. */
export class LandingWalker {
  #held = Buffer.alloc(0);
  /** Of the first held byte in the object. */
  #offset = 0;
  #skipped = 0;
  #damaged = 0;

  /** The blocks that are whole with these bytes. */
  *push(chunk: Uint8Array): Generator<LandedBlock> {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    yield* this.#blocks();
  }

  /** The blocks behind a cut one at the object's end; then every byte was given or counted. */
  *end(): Generator<LandedBlock> {
    while (this.#held.length > 0) {
      this.#step();
      yield* this.#blocks();
    }
  }

  /** Bytes that belong to no block. */
  get skippedBytes(): number {
    return this.#skipped;
  }

  *#blocks(): Generator<LandedBlock> {
    for (;;) {
      const seen = this.#look();
      if (seen === 'more') return;
      if (seen === 'damaged') this.#step();
      else {
        this.#drop(seen.length);
        yield seen.block;
      }
    }
  }

  #look(): Look {
    const held = this.#held;
    if (held.length < PREFIX_BYTES) return 'more';
    const magic = held.readUInt32LE(0);
    const end = PREFIX_BYTES + held.readUInt32LE(MAGIC_BYTES);
    if ((magic !== FRAME_MAGIC && magic !== MANIFEST_MAGIC) || end > MAX_LANDED_BYTES) return 'damaged';
    if (end > held.length) return 'more';
    const body = held.subarray(PREFIX_BYTES, end);
    return magic === FRAME_MAGIC ? this.#frame(body, end) : manifestOf(body, end);
  }

  #frame(body: Buffer, start: number): Look {
    const header = parseFrameHeader(body);
    if (!header || start + header.length > MAX_LANDED_BYTES) return 'damaged';
    const end = start + header.length;
    if (end > this.#held.length) return 'more';
    if (crc32(this.#held.subarray(start, end)) !== header.crc) return 'damaged';
    return { block: { kind: 'frame', header, offset: this.#offset + start }, length: end };
  }

  /** On to the next place where a block may begin. */
  #step(): void {
    if (this.#isMagic()) this.#damaged++;
    if (this.#damaged > MAX_DAMAGED) {
      this.#skipped += this.#held.length;
      this.#drop(this.#held.length);
      return;
    }
    const next = [FRAME_MAGIC, MANIFEST_MAGIC]
      .map((magic) => this.#held.indexOf(bytesOf(magic), 1))
      .filter((at) => at !== -1);
    // A magic number may be cut by the end of what is held.
    const tail = Math.max(1, this.#held.length - MAGIC_BYTES + 1);
    const to = Math.min(tail, ...next);
    this.#skipped += to;
    this.#drop(to);
  }

  #isMagic(): boolean {
    if (this.#held.length < MAGIC_BYTES) return false;
    const magic = this.#held.readUInt32LE(0);
    return magic === FRAME_MAGIC || magic === MANIFEST_MAGIC;
  }

  #drop(bytes: number): void {
    this.#held = this.#held.subarray(bytes);
    this.#offset += bytes;
  }
}

function manifestOf(body: Buffer, length: number): Look {
  try {
    const manifest = decodeManifest(body);
    return manifest ? { block: { kind: 'manifest', manifest }, length } : 'damaged';
  } catch {
    return 'damaged';
  }
}

function bytesOf(magic: number): Buffer {
  const bytes = Buffer.alloc(MAGIC_BYTES);
  bytes.writeUInt32LE(magic);
  return bytes;
}
