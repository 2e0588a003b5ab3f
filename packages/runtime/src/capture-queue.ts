// What a capture sender holds: the batch being filled and the batches not yet acknowledged, together under one bound in
// bytes; and the sender's counters. Pairs are encoded as they come, so what is held is what will be sent. At the bound a
// pair loses its bodies first, then whole pairs are dropped and counted. It knows no socket and no time.
//
//   offer ─▶ open batch ─ full, or cut ─▶ batch n ─▶ unacknowledged ─▶ acknowledge: delivered
import { count, emptyCounters, type HopCounters, pending } from '@echoplane/traffic';
import {
  BATCH_OVERHEAD_BYTES,
  BatchBuilder,
  batchedSize,
  type EncodablePair,
  MAX_CAPTURE_FRAME_BYTES,
} from '@echoplane/wire';

export interface CaptureQueueOptions {
  /** Bound of everything held. */
  queueBytes: number;
  /** A batch ends before it outgrows this; one pair may be larger. */
  batchBytes: number;
}

/** A batch as it is sent, and sent again after a reconnect: the bytes never change. */
export interface OutgoingBatch {
  seq: number;
  pairs: number;
  frame: Buffer;
}

/** A pair larger than this cannot travel: half of what the other side accepts leaves room for the rest of its batch. */
const MAX_PAIR_BYTES = MAX_CAPTURE_FRAME_BYTES / 2;
/** A forwarder takes batches of up to 10,000 pairs. */
const MAX_BATCH_PAIRS = 8_000;
/** Buffers kept for the next batches, by their bytes: a buffer of a megabyte is dearer to get than to fill. */
const SPARE_BYTES = 8 << 20;

/** The bounded book of a capture sender. */
export class CaptureQueue {
  readonly #options: CaptureQueueOptions;
  readonly #counters: HopCounters = emptyCounters();
  readonly #unacknowledged: OutgoingBatch[] = [];
  /** By size, a multiple of that of a batch. */
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;
  readonly #shedBytes: Record<string, number> = {};
  #open: BatchBuilder | null = null;
  #unacknowledgedBytes = 0;
  #nextSeq = 1;
  #changes = 0;
  #changesSent = -1;

  constructor({ queueBytes, batchBytes }: CaptureQueueOptions) {
    this.#options = { queueBytes, batchBytes };
  }

  /** Bytes of the batch being filled. */
  get openBytes(): number {
    return this.#open?.length ?? 0;
  }
  /** Everything held, in bytes; at most `queueBytes`. */
  get heldBytes(): number {
    return this.openBytes + this.#unacknowledgedBytes;
  }
  /** Body bytes given up so that their pairs could be kept, by reason. */
  get shedBytes(): Readonly<Record<string, number>> {
    return this.#shedBytes;
  }
  /** Pairs taken on whose fate is open. */
  get pendingPairs(): number {
    return pending(this.#counters);
  }
  /** Nothing waits, everything cut was acknowledged. */
  get isDry(): boolean {
    return this.#open === null && this.#unacknowledged.length === 0;
  }
  /** The counters moved since a batch last carried them. */
  get hasNews(): boolean {
    return this.#changes !== this.#changesSent;
  }
  /** The last batch that was cut, 0 before the first. */
  get lastCut(): number {
    return this.#nextSeq - 1;
  }
  /** The oldest batch after `seq` that is not acknowledged. */
  after(seq: number): OutgoingBatch | undefined {
    const first = this.#unacknowledged[0];
    return first && this.#unacknowledged[Math.max(0, seq + 1 - first.seq)];
  }
  /** Whether any batch waits for its acknowledgement. */
  get isAwaited(): boolean {
    return this.#unacknowledged.length > 0;
  }

  /** Takes a pair on: whole, without its bodies, or only as a count, as room allows. */
  offer(pair: EncodablePair): void {
    this.#counters.captured++;
    this.#changes++;
    if (!this.#fits(pair)) {
      const reason = pair.sizeBytes > MAX_PAIR_BYTES ? 'oversize' : 'queue-full';
      const shed = pair.shedBodies();
      if (!this.#fits(pair)) {
        count(this.#counters.dropped, pair.sizeBytes > MAX_PAIR_BYTES ? 'oversize' : 'queue-full');
        return;
      }
      count(this.#shedBytes, reason, shed);
    }
    if (this.#open && (!this.#open.hasRoom(pair) || this.#open.pairs >= MAX_BATCH_PAIRS)) this.cut();
    this.#open ??= this.#begin(pair);
    this.#open.add(pair);
  }

  /** Counts a pair that was seen and held back on purpose. */
  withhold(reason: string): void {
    this.#counters.captured++;
    this.#changes++;
    count(this.#counters.withheld, reason);
  }

  /** Counts a pair that was seen and could not be kept. */
  drop(reason: string): void {
    this.#counters.captured++;
    this.#changes++;
    count(this.#counters.dropped, reason);
  }

  counters(): HopCounters {
    const { withheld, dropped, ...rest } = this.#counters;
    return { ...rest, withheld: { ...withheld }, dropped: { ...dropped } };
  }

  /** Closes the batch being filled (or an empty one: counters only) and gives it its number. */
  cut(): OutgoingBatch {
    const open = this.#open ?? new BatchBuilder(Buffer.allocUnsafe(BATCH_OVERHEAD_BYTES));
    const seq = this.#nextSeq++;
    const frame = this.#keep(open, open.close(seq, this.counters()));
    const batch = { seq, pairs: open.pairs, frame };
    this.#open = null;
    this.#unacknowledged.push(batch);
    this.#unacknowledgedBytes += frame.length;
    this.#changesSent = this.#changes;
    return batch;
  }

  /** Every batch up to and including `seq` is durable on the other side. */
  acknowledge(seq: number): void {
    while (this.#unacknowledged.length > 0 && this.#unacknowledged[0]!.seq <= seq) {
      const batch = this.#unacknowledged.shift()!;
      this.#unacknowledgedBytes -= batch.frame.length;
      this.#recycle(batch.frame);
      if (batch.pairs === 0) continue;
      this.#counters.delivered += batch.pairs;
      this.#changes++;
    }
  }

  #fits(pair: EncodablePair): boolean {
    // Every batch that is filled or begun will be closed, which takes room too.
    const batches = this.#open && !this.#open.hasRoom(pair) ? 2 : 1;
    const size = batchedSize(pair);
    const neededBytes = this.heldBytes + BATCH_OVERHEAD_BYTES * batches + size;
    return size <= MAX_PAIR_BYTES && neededBytes <= this.#options.queueBytes;
  }

  #begin(pair: EncodablePair): BatchBuilder {
    const needed = Math.max(this.#bufferBytes, BATCH_OVERHEAD_BYTES + batchedSize(pair));
    const size = Math.ceil(needed / this.#bufferBytes) * this.#bufferBytes;
    const spare = this.#spare.get(size)?.pop();
    if (spare) this.#spareBytes -= size;
    return new BatchBuilder(spare ?? Buffer.allocUnsafeSlow(size), needed);
  }

  /** A batch that leaves more than a quarter of its buffer empty is copied out: what is held is near what was counted. */
  #keep(open: BatchBuilder, frame: Buffer): Buffer {
    if (frame.length > open.buffer.length * 0.75 || open.buffer.length < this.#bufferBytes) return frame;
    const copy = Buffer.from(frame);
    this.#recycle(open.buffer);
    return copy;
  }

  #recycle({ buffer }: Buffer): void {
    const size = buffer.byteLength;
    if (size % this.#bufferBytes !== 0 || this.#spareBytes + size > SPARE_BYTES) return;
    this.#spareBytes += size;
    const spare = this.#spare.get(size) ?? [];
    this.#spare.set(size, spare);
    spare.push(Buffer.from(buffer as ArrayBuffer));
  }

  get #bufferBytes(): number {
    return BATCH_OVERHEAD_BYTES + this.#options.batchBytes;
  }
}
