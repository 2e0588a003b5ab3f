// Builds the frame of one batch in place: pairs are written one behind the other as they come, number, counters and
// header when it is closed. Nothing is copied twice, and the order of fields is nobody's business in protobuf.
import { BATCH_NUMBER, type CaptureCounters, encodeBatchEnd } from './capture-messages.ts';
import type { EncodablePair } from './pair-encoding.ts';

const HEADER_BYTES = 9;
/** Room for number and counters, whose reasons are few and short. */
const END_BYTES = 4_096;
const PAIRS = 0x1a;
/** Tag and length of a pair. */
const PAIR_HEADER_BYTES = 6;

/** What a batch takes beside its pairs. */
export const BATCH_OVERHEAD_BYTES = HEADER_BYTES + END_BYTES;

/** How many bytes a pair takes in a batch, at most. */
export function batchedSize(pair: EncodablePair): number {
  return PAIR_HEADER_BYTES + pair.sizeBytes;
}

/** One batch in the making, in a buffer of the caller's. */
export class BatchBuilder {
  readonly buffer: Buffer;
  pairs = 0;
  readonly #limitBytes: number;
  #length = HEADER_BYTES;

  /** `limitBytes`: how much of the buffer the batch may take. */
  constructor(buffer: Buffer, limitBytes = buffer.length) {
    this.buffer = buffer;
    this.#limitBytes = limitBytes;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** Whether the pair still fits. */
  hasRoom(pair: EncodablePair): boolean {
    return this.#length + batchedSize(pair) + END_BYTES <= this.#limitBytes;
  }

  add(pair: EncodablePair): void {
    const { buffer } = this;
    let at = this.#length;
    buffer[at++] = PAIRS;
    let left = pair.sizeBytes;
    for (; left > 0x7f; left >>>= 7) buffer[at++] = (left & 0x7f) | 0x80;
    buffer[at++] = left;
    pair.write(buffer, at);
    this.#length = at + pair.sizeBytes;
    this.pairs++;
  }

  /** The whole frame without its checksum, a view of the buffer; see `putChecksum`. */
  close(seq: number, counters: CaptureCounters): Buffer {
    const end = encodeBatchEnd(seq, counters);
    const length = this.#length + end.length;
    const whole = length <= this.buffer.length ? this.buffer : Buffer.allocUnsafe(length);
    if (whole !== this.buffer) this.buffer.copy(whole, 0, 0, this.#length);
    whole.set(end, this.#length);
    const frame = whole.subarray(0, length);
    frame[HEADER_BYTES - 1] = BATCH_NUMBER;
    frame.writeUInt32LE(length - HEADER_BYTES + 1, 0);
    frame.writeUInt32LE(0, 4);
    return frame;
  }
}
