/**
 * Recycled buffers of a few sizes, bounded in sum: allocated and collected anew, a buffer of some kilobytes costs more than
 * what is done with it. The last one given back is the first to be lent again, because it is still in the processor's cache.
 */

/** Bytes of buffers kept for whoever wants them next. */
const SPARE_BYTES = 4 << 20;

/** A pool of buffers of `sizes`, smallest first. */
export class BufferPool {
  readonly #limitBytes: number;
  readonly #spare: readonly { size: number; buffers: Buffer[] }[];
  #takenBytes = 0;
  #spareBytes = 0;

  constructor(limitBytes: number, sizes: readonly number[]) {
    this.#limitBytes = limitBytes;
    this.#spare = sizes.map((size) => ({ size, buffers: [] }));
  }

  /** Bytes of the buffers that are in use. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** Bytes of all buffers that exist. */
  get bytes(): number {
    return this.#takenBytes + this.#spareBytes;
  }

  /** A buffer of at least `bytes`, or the largest there is; null at the bound. */
  take(bytes: number): Buffer | null {
    const { size, buffers } = this.#spare.find((one) => one.size >= bytes) ?? this.#spare.at(-1)!;
    if (this.#takenBytes + size > this.#limitBytes) return null;
    this.#takenBytes += size;
    const spare = buffers.pop();
    if (spare) this.#spareBytes -= size;
    return spare ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes a buffer back; nobody may hold it any more. */
  giveBack(buffer: Buffer): void {
    this.#takenBytes -= buffer.length;
    if (this.#spareBytes + buffer.length > SPARE_BYTES) return;
    this.#spareBytes += buffer.length;
    this.#spare.find(({ size }) => size === buffer.length)!.buffers.push(buffer);
  }
}
