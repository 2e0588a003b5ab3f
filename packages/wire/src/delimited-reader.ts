/**
 * Reads "everything up to and including a terminator" out of a stream of chunks, within a byte limit.
 * Whole in one chunk, it is a view into it and nothing is copied; only what is split is gathered.
 * Whether and where it ends depends on the bytes alone, never on how they were cut into chunks.
 */

const EMPTY = Buffer.alloc(0);

/** Gathers one delimited piece at a time; see `read`. */
export class DelimitedReader {
  /** Where in the chunk reading goes on, after a `read`. */
  next = 0;
  #gathered: Buffer = EMPTY;
  #length = 0;

  get heldBytes(): number {
    return this.#length;
  }

  /** The bytes of an unfinished piece that earlier chunks brought. */
  get held(): Buffer {
    return this.#gathered.subarray(0, this.#length);
  }

  /** The piece with its terminator; 'more' when it goes on in the next chunk; 'too-long' when it does not end within `maxBytes`. */
  read(chunk: Buffer, at: number, terminator: Buffer, maxBytes: number): Buffer | 'more' | 'too-long' {
    if (this.#length > 0) return this.#readOn(chunk, at, terminator, maxBytes);
    const found = chunk.indexOf(terminator, at);
    const end = found < 0 ? chunk.length : found + terminator.length;
    if (end - at > maxBytes || (found < 0 && end - at === maxBytes)) {
      this.next = at;
      return 'too-long';
    }
    this.next = end;
    if (found >= 0) return chunk.subarray(at, end);
    this.#append(chunk, at, end, maxBytes);
    return 'more';
  }

  /** Takes the rest of a chunk into what is held, whatever it says; false (and nothing taken) beyond `maxBytes`. */
  hold(chunk: Buffer, at: number, maxBytes: number): boolean {
    if (this.#length + chunk.length - at > maxBytes) return false;
    this.#append(chunk, at, chunk.length, maxBytes);
    return true;
  }

  /** Forgets what was held. */
  clear(): void {
    this.#gathered = EMPTY;
    this.#length = 0;
  }

  #readOn(chunk: Buffer, at: number, terminator: Buffer, maxBytes: number): Buffer | 'more' | 'too-long' {
    const before = this.#length;
    this.next = Math.min(chunk.length, at + maxBytes - before);
    this.#append(chunk, at, this.next, maxBytes);
    const found = this.held.indexOf(terminator, Math.max(0, before - terminator.length + 1));
    if (found < 0) return this.#length < maxBytes ? 'more' : 'too-long';
    const end = found + terminator.length;
    this.next = at + end - before;
    const piece = this.#gathered.subarray(0, end);
    this.clear();
    return piece;
  }

  #append(chunk: Buffer, from: number, to: number, maxBytes: number): void {
    const needed = this.#length + to - from;
    if (needed > this.#gathered.length) {
      const grown = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(256, needed * 2)));
      this.#gathered.copy(grown, 0, 0, this.#length);
      this.#gathered = grown;
    }
    chunk.copy(this.#gathered, this.#length, from, to);
    this.#length = needed;
  }
}
