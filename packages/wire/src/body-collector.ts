/**
 * Keeps the first bytes of one body and counts the rest. It copies: what it is given are views of
 * buffers that the socket will overwrite. Small pieces are packed into slabs so that a body that
 * trickles in byte by byte costs what it weighs.
 */

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
  readonly #limitBytes: number;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get keptBytes(): number {
    return this.#keptBytes;
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
    while (from < take) from += this.#copy(data, from, take);
    this.#keptBytes += take;
  }

  finish(): BodyCapture {
    this.#closeSlab();
    const capture = { size: this.#size, kept: this.#kept, truncated: this.#size - this.#keptBytes };
    return this.#arrivals ? { ...capture, chunks: this.#arrivals } : capture;
  }

  #copy(data: Buffer, from: number, to: number): number {
    if (!this.#slab) {
      const room = Math.min(
        SLAB_BYTES,
        this.#limitBytes - this.#keptBytes,
        this.expectedBytes - this.#keptBytes,
      );
      this.#slab = Buffer.allocUnsafe(Math.max(to - from, room));
    }
    const copied = data.copy(this.#slab, this.#slabUsed, from, to);
    this.#slabUsed += copied;
    if (this.#slabUsed === this.#slab.length) this.#closeSlab();
    return copied;
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
