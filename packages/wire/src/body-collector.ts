/**
 * Keeps the first bytes of one body and counts the rest. It copies: what it is given are views of
 * buffers that the socket will overwrite. Small pieces are packed into slabs so that a body that
 * trickles in byte by byte costs what it weighs; with recycled slabs its owner gives them back by `release`.
 */
import type { Slabs } from './slabs.ts';

/** What was kept of a body. */
export interface BodyCapture {
  /** All payload bytes seen, kept or not. */
  size: number;
  /** Copies, in order, of the first bytes up to the body limit. */
  kept: Buffer[];
  /** `size` minus the bytes kept. */
  truncated: number;
  /**
   * Of a response without an announced length (chunked, or until close: all event streams are): payload
   * bytes that arrived together, and when, in µs after the response's first byte. The first 1,024 arrivals.
   */
  chunks?: [size: number, offsetUs: number][];
}

const SLAB_BYTES = 4_096;
const MAX_ARRIVALS = 1_024;

/** Collects one body up to `limitBytes`. */
export class BodyCollector {
  /** The announced length, if there is one: keeps slabs from being larger than the body. */
  expectedBytes = Number.POSITIVE_INFINITY;
  #size = 0;
  #keptBytes = 0;
  #kept: Buffer[] = [];
  #slab: Buffer | null = null;
  #slabUsed = 0;
  #arrivals: [number, number][] | undefined;
  #limitBytes: number;
  readonly #slabs: Slabs | undefined;
  #taken: Buffer[] = [];

  constructor(limitBytes: number, slabs?: Slabs) {
    this.#limitBytes = limitBytes;
    this.#slabs = slabs;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Payload bytes so far, kept or not. */
  get sizeBytes(): number {
    return this.#size;
  }

  /** Bytes that would still be kept. */
  get roomBytes(): number {
    return this.#limitBytes - this.#keptBytes;
  }

  /** Counts what comes from here on and keeps nothing of it. */
  stopKeeping(): void {
    this.#limitBytes = this.#keptBytes;
  }

  get timesArrivals(): boolean {
    return this.#arrivals !== undefined;
  }

  /** Keep the time of arrivals from here on. */
  timeArrivals(): void {
    this.#arrivals = [];
  }

  /** Takes the next payload bytes, which arrived `offsetUs` after the message's first byte. */
  add(data: Buffer, offsetUs: number): void {
    this.#size += data.length;
    if (this.#arrivals) this.#noteArrival(data.length, offsetUs);
    const take = Math.min(data.length, this.#limitBytes - this.#keptBytes);
    let from = 0;
    while (from < take) {
      const copied = this.#copy(data, from, take);
      if (copied === 0) {
        this.#shed(take - from);
        return;
      }
      from += copied;
      this.#keptBytes += copied;
    }
  }

  /** The slabs are full: what was kept is kept. */
  #shed(bytes: number): void {
    this.stopKeeping();
    this.#slabs!.shedBytes += bytes;
  }

  /** Gives recycled slabs back: what `finish` gave must not be read any more. */
  release(): void {
    for (const slab of this.#taken) this.#slabs!.giveBack(slab);
    this.#taken = [];
    this.#kept = [];
    this.#slab = null;
  }

  finish(): BodyCapture {
    this.#closeSlab();
    const capture = { size: this.#size, kept: this.#kept, truncated: this.#size - this.#keptBytes };
    return this.#arrivals ? { ...capture, chunks: this.#arrivals } : capture;
  }

  /** How many bytes were copied; 0 when there is no slab for them. */
  #copy(data: Buffer, from: number, to: number): number {
    this.#slab ??= this.#newSlab(to - from);
    if (!this.#slab) return 0;
    const copied = data.copy(this.#slab, this.#slabUsed, from, to);
    this.#slabUsed += copied;
    if (this.#slabUsed === this.#slab.length) this.#closeSlab();
    return copied;
  }

  #newSlab(bytes: number): Buffer | null {
    const roomBytes = this.#limitBytes - this.#keptBytes;
    const expectedBytes = this.expectedBytes - this.#keptBytes;
    if (!this.#slabs)
      return Buffer.allocUnsafe(Math.max(bytes, Math.min(SLAB_BYTES, roomBytes, expectedBytes)));
    const isAnnounced = Number.isFinite(this.expectedBytes);
    const slab = this.#slabs.take(
      Math.max(bytes, Math.min(roomBytes, isAnnounced ? expectedBytes : SLAB_BYTES)),
    );
    if (slab) this.#taken.push(slab);
    return slab;
  }

  #closeSlab(): void {
    if (this.#slab && this.#slabUsed > 0) this.#kept.push(this.#slab.subarray(0, this.#slabUsed));
    this.#slab = null;
    this.#slabUsed = 0;
  }

  #noteArrival(size: number, offsetUs: number): void {
    const arrivals = this.#arrivals!;
    const last = arrivals.at(-1);
    if (last && last[1] === offsetUs) last[0] += size;
    else if (arrivals.length < MAX_ARRIVALS) arrivals.push([size, offsetUs]);
  }
}
