// One direction of a splice that reads into buffers instead of through the stream machinery. A buffer is read into again
// only when the peer's write of it is done; the tap has copied by then what it keeps.
//
//   shared: each read copied out, handed on ──▶ a large read: own buffers, two in turn ──▶ small reads only: shared again
//   peer is full, or both buffers are still being written ─▶ paused ─▶ drained, or one is free ─▶ resumed
import type { Socket } from 'node:net';
import { OWN_BYTES, type ReadBuffers, SMALL_READ_BYTES } from './read-buffers.ts';
import type { StaticReader } from './static-reads.ts';

/** Hands bytes on and shows them to the tap; `written` is called when the peer no longer uses them. */
export type Pass = (chunk: Buffer, written?: () => void) => void;

interface Own {
  buffer: Buffer;
  isBusy: boolean;
  written(): void;
}

/** After this many small reads in a row a direction gives its buffers back. */
const SMALL_READS = 32;

/** Reads `from` for the peer `to`. */
export class SpliceReader implements StaticReader {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #pass: Pass;
  readonly #buffers: ReadBuffers;
  /** TLS gives all it has decrypted, paused or not: what comes while both buffers are busy is copied out. */
  readonly #readsOnPaused: boolean;
  readonly #own: Own[] = [];
  #turn = 0;
  /** The one that `next` gave last, null for the shared buffer. */
  #given: Own | null = null;
  #size: number = OWN_BYTES[0];
  #smallReads = 0;
  #isPaused = false;
  #isOver = false;

  constructor(from: Socket, to: Socket, pass: Pass, buffers: ReadBuffers) {
    this.#from = from;
    this.#to = to;
    this.#pass = pass;
    this.#buffers = buffers;
    this.#readsOnPaused = 'encrypted' in from;
    from.once('close', () => this.#end());
    to.once('close', () => {
      for (const own of this.#own) own.isBusy = false;
      this.#end();
    });
  }

  next(): Buffer {
    const own = this.#own[this.#turn];
    this.#given = own && !(own.isBusy && this.#readsOnPaused) ? own : null;
    return this.#given?.buffer ?? this.#buffers.shared;
  }

  read(bytes: number): boolean {
    if (this.#given) this.#readOwn(this.#given, bytes);
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
    const chunk = Buffer.allocUnsafe(bytes);
    this.#buffers.shared.copy(chunk, 0, 0, bytes);
    this.#pass(chunk);
    if (this.#to.writableNeedDrain && this.#to.writableLength > 0) this.#isPaused = true;
    if (this.#own.length > 0) this.#chooseNext();
    else if (bytes > SMALL_READ_BYTES && !this.#isOver) this.#addOwn();
  }

  #readOwn(own: Own, bytes: number): void {
    own.isBusy = true;
    this.#pass(own.buffer.subarray(0, bytes), own.written);
    if (this.#to.writableLength === 0) own.isBusy = false;
    if (this.#isOver) return;
    if (bytes === own.buffer.length) this.#size = OWN_BYTES[1];
    this.#smallReads = bytes > SMALL_READ_BYTES ? 0 : this.#smallReads + 1;
    if (this.#smallReads >= SMALL_READS && !this.#own.some(({ isBusy }) => isBusy)) this.#giveBack();
    else this.#chooseNext();
  }

  /** The buffer of the next read: this one when it is free, else the other, which frees first when both are busy. */
  #chooseNext(): void {
    if (this.#own[this.#turn]!.isBusy) {
      if (this.#own.length === 1) this.#addOwn();
      this.#turn = this.#own.length === 1 ? 0 : 1 - this.#turn;
    }
    const own = this.#own[this.#turn]!;
    if (own.isBusy) this.#isPaused = true;
    else if (own.buffer.length < this.#size) this.#grow(own);
  }

  #addOwn(): void {
    const buffer = this.#buffers.take(this.#size);
    if (!buffer) return;
    const own: Own = {
      buffer,
      isBusy: false,
      written: () => {
        own.isBusy = false;
        if (this.#isOver) this.#end();
        else if (own === this.#own[this.#turn]) this.drained();
      },
    };
    this.#own.push(own);
  }

  #grow(own: Own): void {
    const larger = this.#buffers.take(this.#size);
    if (!larger) return;
    this.#buffers.giveBack(own.buffer);
    own.buffer = larger;
  }

  #giveBack(): void {
    for (const { buffer } of this.#own.splice(0)) this.#buffers.giveBack(buffer);
    this.#turn = 0;
    this.#size = OWN_BYTES[0];
    this.#smallReads = 0;
  }

  /** Nothing is read any more: what the peer has written is given back now, the rest when it is. */
  #end(): void {
    this.#isOver = true;
    for (let at = this.#own.length - 1; at >= 0; at--) {
      if (this.#own[at]!.isBusy) continue;
      this.#buffers.giveBack(this.#own[at]!.buffer);
      this.#own.splice(at, 1);
    }
  }
}
