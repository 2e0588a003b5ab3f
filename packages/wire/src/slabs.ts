/**
 * Recycled memory for bodies that are being captured. What a body needs is taken here and given back as soon as its pair
 * has been emitted. The sum has a bound: at it a body is counted and no longer kept.
 */
import { BufferPool } from './buffer-pool.ts';

/** Sizes of slabs. */
const SIZES = [4 << 10, 16 << 10, 64 << 10];

/** The slabs of one process. */
export class Slabs extends BufferPool {
  /** Body bytes that were not kept because of the bound. */
  shedBytes = 0;

  constructor(limitBytes: number) {
    super(limitBytes, SIZES);
  }
}
