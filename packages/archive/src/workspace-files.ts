// Sorting more lines than memory holds: sorted runs in files of a temporary folder, merged as they are read. A sorter holds
// at most MAX_HELD_BYTES of lines and one piece of each run while it is read; what it wrote is gone when it closes. Lines that
// come in order make one run, whatever their number.
//
//   push ─▶ held (≤ 4 MiB) ─full─▶ sorted run in the sorter's file            reader: heap over [run, run, …, held]
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LineReader, LineSorter, Workspace } from '@echoplane/analyzer';
import { compareLines, HeldLines } from './held-lines.ts';
import { HeldSource, Merge, pieceBytes, type Run, RunSource } from './line-merge.ts';

const MAX_HELD_BYTES = 4 << 20;
const WRITE_BYTES = 512 << 10;

export interface FileWorkspace extends Workspace, AsyncDisposable {}

/** A workspace in a new folder under `parent` (the system's temporary folder), removed with everything in it when disposed. */
export async function fileWorkspace({
  parent = tmpdir(),
  heldBytes = MAX_HELD_BYTES,
} = {}): Promise<FileWorkspace> {
  const folder = await mkdtemp(join(parent, 'echoplane-analysis-'));
  const sorters: FileSorter[] = [];
  return {
    sorter(name) {
      const sorter = new FileSorter(join(folder, `${sorters.length}-${name}`), heldBytes);
      sorters.push(sorter);
      return sorter;
    },
    async [Symbol.asyncDispose]() {
      for (const sorter of sorters) await sorter.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

class FileSorter implements LineSorter {
  readonly #path: string;
  readonly #held: HeldLines;
  readonly #runs: Run[] = [];
  #file: FileHandle | null = null;
  #sizeBytes = 0;
  /** The last line of the last run. */
  #last: Buffer | null = null;

  constructor(path: string, limit: number) {
    this.#path = path;
    this.#held = new HeldLines(limit);
  }

  push(line: string): Promise<void> | undefined {
    this.#held.push(line);
    return this.#held.isFull ? this.#spill() : undefined;
  }

  reader(): LineReader {
    const { bytes, starts } = this.#held.sorted();
    const piece = pieceBytes(this.#runs.length);
    const runs = this.#runs.map((run) => new RunSource(run, piece));
    return new Merge([...runs, new HeldSource(bytes, starts)]);
  }

  async close(): Promise<void> {
    this.#held.release();
    this.#runs.length = 0;
    await this.#file?.close();
    this.#file = null;
  }

  async #spill(): Promise<void> {
    const { bytes, starts, isInOrder } = this.#held.sorted();
    const file = await this.#open();
    const from = this.#sizeBytes;
    if (isInOrder) await this.#write(file, bytes.subarray(0, this.#held.sizeBytes));
    else await this.#writeInOrder(file, bytes, starts);
    const before = this.#runs.at(-1);
    if (before && this.#last && compareLines(this.#last, 0, bytes, starts[0]!) <= 0)
      before.until = this.#sizeBytes;
    else this.#runs.push({ file, from, until: this.#sizeBytes });
    const last = starts.at(-1)!;
    this.#last = Buffer.from(bytes.subarray(last, bytes.indexOf(0x0a, last) + 1));
    this.#held.clear();
  }

  async #writeInOrder(file: FileHandle, bytes: Buffer, starts: Uint32Array): Promise<void> {
    let page = Buffer.allocUnsafe(WRITE_BYTES);
    let length = 0;
    for (const start of starts) {
      const end = bytes.indexOf(0x0a, start) + 1;
      if (length + end - start > page.length) {
        await this.#write(file, page.subarray(0, length));
        length = 0;
        if (end - start > page.length) page = Buffer.allocUnsafe(end - start);
      }
      length += bytes.copy(page, length, start, end);
    }
    await this.#write(file, page.subarray(0, length));
  }

  async #write(file: FileHandle, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await file.write(bytes, at, bytes.length - at, this.#sizeBytes);
      at += bytesWritten;
      this.#sizeBytes += bytesWritten;
    }
  }

  async #open(): Promise<FileHandle> {
    if (this.#file) return this.#file;
    this.#file = await open(this.#path, 'wx+', 0o600);
    // Nameless from now on: the file goes with the process, however that ends.
    await rm(this.#path);
    return this.#file;
  }
}
