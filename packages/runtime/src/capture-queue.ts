// What a capture sender holds: pairs not yet in a batch, and batches not yet acknowledged, together under one bound in
// bytes; and the sender's counters. At the bound a pair loses its bodies first, then whole pairs are dropped and
// counted. It knows no socket and no time.
//
//   offer ─▶ waiting pairs ─▶ cut: batch n ─▶ unacknowledged ─▶ acknowledge: delivered
import { count, emptyCounters, type HopCounters, pending } from '@echoplane/traffic';
import {
  type CapturedMessage,
  type CapturedPair,
  capturedSize,
  encodeCaptureFrame,
  MAX_CAPTURE_FRAME_BYTES,
} from '@echoplane/wire';

export interface CaptureQueueOptions {
  /** Bound of everything held. */
  queueBytes: number;
  /** A batch is cut when it would grow beyond this; one pair may be larger. */
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

/** The bounded book of a capture sender. */
export class CaptureQueue {
  readonly #options: CaptureQueueOptions;
  readonly #counters: HopCounters = emptyCounters();
  readonly #unacknowledged: OutgoingBatch[] = [];
  #waiting: CapturedPair[] = [];
  #waitingBytes = 0;
  #unacknowledgedBytes = 0;
  #shedBodyBytes = 0;
  #nextSeq = 1;
  #changes = 0;
  #changesSent = -1;

  constructor(options: CaptureQueueOptions) {
    this.#options = options;
  }

  /** Bytes of pairs that are in no batch yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  /** Everything held, in bytes; at most `queueBytes`. */
  get heldBytes(): number {
    return this.#waitingBytes + this.#unacknowledgedBytes;
  }
  /** Body bytes given up so that their pairs could be kept. */
  get shedBodyBytes(): number {
    return this.#shedBodyBytes;
  }
  /** Pairs taken on whose fate is open. */
  get pendingPairs(): number {
    return pending(this.#counters);
  }
  /** Nothing waits, everything sent was acknowledged. */
  get isDry(): boolean {
    return this.#waiting.length === 0 && this.#unacknowledged.length === 0;
  }
  /** The counters moved since a batch last carried them. */
  get hasNews(): boolean {
    return this.#changes !== this.#changesSent;
  }
  /** Batches to be acknowledged, oldest first. */
  get unacknowledged(): readonly OutgoingBatch[] {
    return this.#unacknowledged;
  }

  /** Takes a pair on: whole, without its bodies, or only as a count, as room allows. */
  offer(pair: CapturedPair): void {
    this.#counters.captured++;
    this.#changes++;
    const kept = this.#fits(pair) ? pair : this.#shed(pair);
    if (!this.#fits(kept)) {
      count(this.#counters.dropped, capturedSize(kept) > MAX_PAIR_BYTES ? 'oversize' : 'queue-full');
      return;
    }
    if (kept !== pair) this.#shedBodyBytes += capturedSize(pair) - capturedSize(kept);
    this.#waiting.push(kept);
    this.#waitingBytes += capturedSize(kept);
  }

  /** Counts a pair that was seen and held back on purpose. */
  withhold(reason: string): void {
    this.#counters.captured++;
    this.#changes++;
    count(this.#counters.withheld, reason);
  }

  counters(): HopCounters {
    const { withheld, dropped, ...rest } = this.#counters;
    return { ...rest, withheld: { ...withheld }, dropped: { ...dropped } };
  }

  /** Puts the oldest waiting pairs (or none: counters only) into the next batch. */
  cut(): OutgoingBatch {
    let bytes = 0;
    let pairs = 0;
    for (; pairs < this.#waiting.length; pairs++) {
      const size = capturedSize(this.#waiting[pairs]!);
      if (pairs > 0 && bytes + size > this.#options.batchBytes) break;
      bytes += size;
    }
    const value = { seq: this.#nextSeq++, counters: this.counters(), pairs: this.#waiting.slice(0, pairs) };
    const batch = { seq: value.seq, pairs, frame: encodeCaptureFrame({ type: 'batch', value }) };
    this.#waiting = this.#waiting.slice(pairs);
    this.#waitingBytes -= bytes;
    this.#unacknowledged.push(batch);
    this.#unacknowledgedBytes += batch.frame.length;
    this.#changesSent = this.#changes;
    return batch;
  }

  /** Every batch up to and including `seq` is durable on the other side. */
  acknowledge(seq: number): void {
    while (this.#unacknowledged.length > 0 && this.#unacknowledged[0]!.seq <= seq) {
      const batch = this.#unacknowledged.shift()!;
      this.#unacknowledgedBytes -= batch.frame.length;
      if (batch.pairs === 0) continue;
      this.#counters.delivered += batch.pairs;
      this.#changes++;
    }
  }

  #fits(pair: CapturedPair): boolean {
    const size = capturedSize(pair);
    return size <= MAX_PAIR_BYTES && this.heldBytes + size <= this.#options.queueBytes;
  }

  #shed(pair: CapturedPair): CapturedPair {
    const bare = (message: CapturedMessage | null) =>
      message && { ...message, body: new Uint8Array(0), chunks: [] };
    return {
      ...pair,
      request: bare(pair.request),
      response: bare(pair.response),
      gapReason: pair.gapReason || 'shed',
    };
  }
}
