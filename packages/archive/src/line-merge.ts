// Sorted lines of several sources as one: runs in files, read a piece at a time, and lines that are held. Bytes are compared
// where they lie; a line becomes a text only when it is handed out. Knows no sorter.
import type { FileHandle } from 'node:fs/promises';
import type { LineReader } from '@echoplane/analyzer';
import { compareLines } from './held-lines.ts';

const LINE_END = 0x0a;
/** Read of each run at a time; many runs share MERGE_BYTES. */
const PIECE_BYTES = 256 << 10;
const MERGE_BYTES = 8 << 20;
const MIN_PIECE_BYTES = 16 << 10;
const BATCH = 512;
/** A batch should be gone before the garbage collector looks for what is still used. */
const BATCH_CHARS = 64 << 10;

/** Where sorted lines lie in a file. */
export interface Run {
  file: FileHandle;
  from: number;
  until: number;
}

/** The next line is at `bytes[at]`, and ends with a line end. */
interface Source {
  bytes: Buffer;
  at: number;
  /** Whether there is a line; if not, `load` must be called. */
  hasLine: boolean;
  /** The line, and goes to the next. */
  take(): string;
  /** Reads on; false at the end. */
  load(): Promise<boolean> | boolean;
}

/** Bytes of a piece when so many runs are read at once. */
export function pieceBytes(runs: number): number {
  return Math.floor(Math.max(MIN_PIECE_BYTES, Math.min(PIECE_BYTES, MERGE_BYTES / (runs || 1))));
}

/** Lines in memory, in the order of `starts`. */
export class HeldSource implements Source {
  readonly bytes: Buffer;
  readonly #starts: Uint32Array;
  #next = 0;

  constructor(bytes: Buffer, starts: Uint32Array) {
    this.bytes = bytes;
    this.#starts = starts;
  }

  get hasLine(): boolean {
    return this.#next < this.#starts.length;
  }

  get at(): number {
    return this.#starts[this.#next]!;
  }

  take(): string {
    const from = this.#starts[this.#next++]!;
    return this.bytes.toString('utf8', from, this.bytes.indexOf(LINE_END, from));
  }

  load(): boolean {
    return this.hasLine;
  }
}

/** The lines of a run, from a file. */
export class RunSource implements Source {
  readonly #run: Run;
  readonly #pieceBytes: number;
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  /** End of the whole lines in `bytes`, and of all bytes in it. */
  #end = 0;
  #length = 0;
  #offset: number;

  constructor(run: Run, piece: number) {
    this.#run = run;
    this.#offset = run.from;
    this.#pieceBytes = piece;
  }

  get hasLine(): boolean {
    return this.at < this.#end;
  }

  take(): string {
    const from = this.at;
    const end = this.bytes.indexOf(LINE_END, from);
    this.at = end + 1;
    return this.bytes.toString('utf8', from, end);
  }

  async load(): Promise<boolean> {
    // What is left is the begin of a line.
    this.bytes.copyWithin(0, this.#end, this.#length);
    this.#length -= this.#end;
    this.at = this.#end = 0;
    for (;;) {
      const want = Math.min(this.#pieceBytes, this.#run.until - this.#offset);
      if (want <= 0) return false;
      this.#makeRoom(want);
      const { bytesRead } = await this.#run.file.read(this.bytes, this.#length, want, this.#offset);
      const from = this.#length;
      this.#offset += bytesRead;
      this.#length += bytesRead;
      const last = this.bytes.subarray(from, this.#length).lastIndexOf(LINE_END);
      if (last < 0) continue;
      this.#end = from + last + 1;
      return true;
    }
  }

  #makeRoom(want: number): void {
    if (this.#length + want <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#length + want, 2 * this.#length));
    this.bytes.copy(grown, 0, 0, this.#length);
    this.bytes = grown;
  }
}

/** The sources as one, by a binary heap over their next lines. */
export class Merge implements LineReader {
  readonly #sources: Source[];
  #heap: Source[] | null = null;

  constructor(sources: Source[]) {
    this.#sources = sources;
  }

  next(): readonly string[] | null | Promise<readonly string[] | null> {
    if (!this.#heap) return this.#start();
    if (this.#heap[0]?.hasLine === false) return this.#readOn();
    return this.#batch(this.#heap);
  }

  /** Lines until there are enough, or the source that is next has to be read on. */
  #batch(heap: Source[]): readonly string[] | null {
    const batch: string[] = [];
    for (let chars = 0; batch.length < BATCH && chars < BATCH_CHARS; ) {
      const first = heap[0];
      if (!first?.hasLine) break;
      const line = first.take();
      batch.push(line);
      chars += line.length;
      if (heap.length > 1 && first.hasLine) this.#sink(heap, 0);
    }
    return batch.length > 0 ? batch : null;
  }

  async #readOn(): Promise<readonly string[] | null> {
    const heap = this.#heap!;
    const first = heap[0]!;
    if (!(await first.load())) {
      const last = heap.pop()!;
      if (last !== first) heap[0] = last;
    }
    if (heap.length > 1) this.#sink(heap, 0);
    return this.#batch(heap);
  }

  async #start(): Promise<readonly string[] | null> {
    const heap: Source[] = [];
    for (const source of this.#sources) if (await source.load()) heap.push(source);
    for (let at = (heap.length >> 1) - 1; at >= 0; at--) this.#sink(heap, at);
    this.#heap = heap;
    return this.#batch(heap);
  }

  #sink(heap: Source[], from: number): void {
    const source = heap[from]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, source)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = source;
  }
}

function isBefore(a: Source, b: Source): boolean {
  return compareLines(a.bytes, a.at, b.bytes, b.at) < 0;
}
