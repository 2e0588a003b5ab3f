// The memory that sockets read into. All idle and chatty connections read into one buffer, whose bytes are copied out at
// once; a direction that moves bulk gets buffers of its own, which it gives back. Their sum has a bound: at it a direction
// stays with the shared buffer. It knows no sockets.

/** What a small read is: copied out of the shared buffer for about 0.1 µs. */
export const SMALL_READ_BYTES = 4 << 10;
const SHARED_BYTES = 64 << 10;
/** A direction that fills the first size gets the second. */
export const OWN_BYTES = [64 << 10, 256 << 10] as const;
const DEFAULT_LIMIT_BYTES = 64 << 20;
/** Buffers kept for the next direction that moves bulk. */
const SPARE_BYTES = 4 << 20;

/** The read buffers of one process. */
export class ReadBuffers {
  /** Read into by every direction without buffers of its own: valid until the next read of any socket. */
  readonly shared = Buffer.allocUnsafeSlow(SHARED_BYTES);
  readonly #limitBytes: number;
  readonly #spare = new Map<number, Buffer[]>(OWN_BYTES.map((size) => [size, []]));
  #lentBytes = 0;
  #spareBytes = 0;

  constructor(limitBytes = DEFAULT_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of buffers that somebody reads into at this moment. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes of all buffers that exist. */
  get bytes(): number {
    return this.shared.length + this.#lentBytes + this.#spareBytes;
  }

  /** A buffer of one of the sizes of `OWN_BYTES`, or null at the bound. */
  take(size: number): Buffer | null {
    if (this.#lentBytes + size > this.#limitBytes) return null;
    this.#lentBytes += size;
    const spare = this.#spare.get(size)?.pop();
    if (spare) this.#spareBytes -= size;
    return spare ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes a buffer back; nobody may hold it any more. */
  giveBack(buffer: Buffer): void {
    this.#lentBytes -= buffer.length;
    if (this.#spareBytes + buffer.length > SPARE_BYTES) return;
    this.#spareBytes += buffer.length;
    this.#spare.get(buffer.length)?.push(buffer);
  }
}
