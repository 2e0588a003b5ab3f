// The memory that sockets read into. Every connection reads into one shared buffer, and its bytes are copied out at once
// into a scratch buffer, taken from the top of a stack so that both stay in the processor's cache; an idle connection
// costs no buffer. A direction that moves bulk has large buffers of its own.
// Their sum has a bound: at it chunks are copied into memory of the collector's. It knows no sockets.

/** The shared buffer and a scratch buffer. */
export const SCRATCH_BYTES = 64 << 10;
/** A buffer of a direction that moves bulk. */
export const BULK_BYTES = 256 << 10;
const DEFAULT_LIMIT_BYTES = 64 << 20;
/** Buffers kept for the next one who wants them. */
const SPARE_BYTES = 4 << 20;

/** The read buffers of one process. */
export class ReadBuffers {
  /** Read into by every direction without buffers of its own: valid until the next read of any socket. */
  readonly shared = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  readonly #limitBytes: number;
  readonly #spare = new Map<number, Buffer[]>([SCRATCH_BYTES, BULK_BYTES].map((size) => [size, []]));
  #lentBytes = 0;
  #spareBytes = 0;

  constructor(limitBytes = DEFAULT_LIMIT_BYTES) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of buffers that somebody reads into or writes from at this moment. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  /** Bytes of all buffers that exist. */
  get bytes(): number {
    return this.shared.length + this.#lentBytes + this.#spareBytes;
  }

  /** A buffer of `SCRATCH_BYTES` or `BULK_BYTES`, or null at the bound. */
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
