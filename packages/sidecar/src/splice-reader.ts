// One direction of a splice that reads into buffers instead of through the stream machinery. A buffer is used again only
// when the peer's write of it is done; the tap has copied by then what it keeps.
//
//   shared: each read is copied to scratch and handed on ─▶ a read that fills it: two bulk buffers, read into in turn
//      ▲                                                          └ no large reads any more ─▶ shared again
//   peer is full, or two buffers are still being written ─▶ paused ─▶ drained, or one is free ─▶ resumed
import type { Socket } from 'node:net';
import type { StaticReader } from '@echoplane/runtime';
import { BULK_BYTES, type ReadBuffers, SCRATCH_BYTES } from './read-buffers.ts';

/** Hands bytes on and shows them to the tap; `written` is called when the peer no longer uses them. */
export type Pass = (chunk: Buffer, written?: () => void) => void;

interface Lent {
  buffer: Buffer;
  isBusy: boolean;
  written(): void;
}

/** Buffers of a direction that may be in its peer's hands. */
const MAX_BUSY = 2;
/** A write to TLS is never done at once: a chunk this small is not worth keeping track of. */
const SMALL_BYTES = 4 << 10;
/** After this many reads in a row that would fit scratch, a direction gives its bulk buffers back. */
const SMALL_READS = 16;
const NOTHING = Buffer.alloc(0);

/** Reads `from` for the peer `to`. */
export class SpliceReader implements StaticReader {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #pass: Pass;
  readonly #buffers: ReadBuffers;
  /** TLS gives all it has decrypted, paused or not: what comes while both buffers are busy is copied out. */
  readonly #readsOnPaused: boolean;
  readonly #writesLater: boolean;
  readonly #bulk: Lent[] = [];
  /** Scratch in the peer's hands. */
  readonly #busy = new Set<Lent>();
  #turn = 0;
  /** The one that `next` gave last, null for the shared buffer. */
  #given: Lent | null = null;
  #smallReads = 0;
  #isPaused = false;
  #isOver = false;

  constructor(from: Socket, to: Socket, pass: Pass, buffers: ReadBuffers) {
    this.#from = from;
    this.#to = to;
    this.#pass = pass;
    this.#buffers = buffers;
    this.#readsOnPaused = 'encrypted' in from;
    this.#writesLater = 'encrypted' in to;
    from.once('close', () => this.#end());
    to.once('close', () => {
      for (const lent of this.#bulk) lent.isBusy = false;
      for (const lent of this.#busy) this.#written(lent);
      this.#end();
    });
  }

  next(): Buffer {
    const lent = this.#isOver ? undefined : this.#bulk[this.#turn];
    this.#given = lent && !(lent.isBusy && this.#readsOnPaused) ? lent : null;
    if (this.#isOver) this.#end();
    return this.#given?.buffer ?? this.#buffers.shared;
  }

  read(bytes: number): boolean {
    if (this.#given) this.#readBulk(this.#given, bytes);
    else this.#readShared(bytes);
    return !this.#isPaused;
  }

  /** The peer has taken all it was given. */
  drained(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#from.resume();
  }

  #readShared(bytes: number): void {
    const scratch = this.#writesLater && bytes <= SMALL_BYTES ? null : this.#buffers.take(SCRATCH_BYTES);
    const chunk = scratch ? scratch.subarray(0, bytes) : Buffer.allocUnsafe(bytes);
    this.#buffers.shared.copy(chunk, 0, 0, bytes);
    if (scratch) this.#passScratch(scratch, chunk);
    else this.#pass(chunk);
    if (this.#isPeerFull()) this.#isPaused = true;
    if (this.#bulk.length > 0) this.#chooseNext();
    else if (bytes === SCRATCH_BYTES && !this.#isOver) this.#addBulk();
  }

  #passScratch(scratch: Buffer, chunk: Buffer): void {
    if (!this.#writesLater) {
      this.#pass(chunk);
      if (this.#to.writableLength === 0) {
        this.#buffers.giveBack(scratch);
        return;
      }
    }
    const lent: Lent = { buffer: scratch, isBusy: true, written: () => this.#written(lent) };
    this.#busy.add(lent);
    // An empty write is done when all before it are: only those that had to wait need to be told apart.
    if (this.#writesLater) this.#pass(chunk, lent.written);
    else this.#to.write(NOTHING, lent.written);
  }

  #written(scratch: Lent): void {
    if (!this.#busy.delete(scratch)) return;
    this.#buffers.giveBack(scratch.buffer);
    // Scratch may be done before a bulk buffer that is to be read into next, which then tells by itself.
    if (!this.#isOver && !this.#given?.isBusy && !this.#isPeerFull()) this.drained();
  }

  #isPeerFull(): boolean {
    if (this.#busy.size >= MAX_BUSY) return true;
    return this.#to.writableNeedDrain && this.#to.writableLength > 0;
  }

  #readBulk(lent: Lent, bytes: number): void {
    lent.isBusy = true;
    this.#pass(lent.buffer.subarray(0, bytes), lent.written);
    if (this.#to.writableLength === 0) lent.isBusy = false;
    if (this.#isOver) return;
    this.#smallReads = bytes > SCRATCH_BYTES ? 0 : this.#smallReads + 1;
    if (this.#smallReads >= SMALL_READS && !this.#bulk.some(({ isBusy }) => isBusy)) this.#giveBack();
    else this.#chooseNext();
  }

  /** The buffer of the next read: this one when it is free, else the other, which frees first when both are busy. */
  #chooseNext(): void {
    if (!this.#bulk[this.#turn]!.isBusy) return;
    if (this.#bulk.length < MAX_BUSY) this.#addBulk();
    if (this.#bulk.length === MAX_BUSY) this.#turn = 1 - this.#turn;
    if (this.#bulk[this.#turn]!.isBusy) this.#isPaused = true;
  }

  #addBulk(): void {
    const buffer = this.#buffers.take(BULK_BYTES);
    if (!buffer) return;
    const lent: Lent = {
      buffer,
      isBusy: false,
      written: () => {
        lent.isBusy = false;
        if (this.#isOver) this.#end();
        else if (lent === this.#bulk[this.#turn]) this.drained();
      },
    };
    this.#bulk.push(lent);
  }

  #giveBack(): void {
    for (const { buffer } of this.#bulk.splice(0)) this.#buffers.giveBack(buffer);
    this.#turn = 0;
    this.#smallReads = 0;
  }

  /**
   * One end is closed: what the peer has written is given back now, the rest when it is. The buffer that the socket was
   * given stays until it has another, or is closed: it may read once more (its own last bytes may still be on their way).
   */
  #end(): void {
    this.#isOver = true;
    for (let at = this.#bulk.length - 1; at >= 0; at--) {
      const lent = this.#bulk[at]!;
      if (lent.isBusy || (lent === this.#given && !this.#from.destroyed)) continue;
      this.#buffers.giveBack(lent.buffer);
      this.#bulk.splice(at, 1);
    }
  }
}
