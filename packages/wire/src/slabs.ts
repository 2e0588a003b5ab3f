/**
 * Recycled memory for bodies that are being captured. What a body needs is taken here and given back as soon as its pair
 * has been emitted; allocated and collected anew, it cost more than all other work on a 10 KB response. The sum has a
 * bound: at it a body is counted and no longer kept.
 */

/** Sizes of slabs. */
const CLASSES = [4 << 10, 16 << 10, 64 << 10] as const;
/** Slabs kept for the next bodies. */
const SPARE_BYTES = 4 << 20;

/** The slabs of one process. */
export class Slabs {
  readonly #limitBytes: number;
  readonly #spare = CLASSES.map((): Buffer[] => []);
  #takenBytes = 0;
  #spareBytes = 0;
  /** Body bytes that were not kept because of the bound. */
  shedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes of the slabs that are in use. */
  get takenBytes(): number {
    return this.#takenBytes;
  }

  /** A slab of at least `bytes`, or the largest there is; null at the bound. */
  take(bytes: number): Buffer | null {
    const at = bytes <= CLASSES[0] ? 0 : bytes <= CLASSES[1] ? 1 : 2;
    const size = CLASSES[at]!;
    if (this.#takenBytes + size > this.#limitBytes) return null;
    this.#takenBytes += size;
    const spare = this.#spare[at]!.pop();
    if (spare) this.#spareBytes -= size;
    return spare ?? Buffer.allocUnsafeSlow(size);
  }

  /** Takes a slab back; nobody may read it any more. */
  giveBack(slab: Buffer): void {
    this.#takenBytes -= slab.length;
    if (this.#spareBytes + slab.length > SPARE_BYTES) return;
    this.#spareBytes += slab.length;
    this.#spare[CLASSES.indexOf(slab.length as (typeof CLASSES)[number])]!.push(slab);
  }
}
