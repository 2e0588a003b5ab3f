// A ring of files in one folder: bytes are appended to the newest, the oldest is removed when all together would outgrow
// the limit. Writing is asynchronous behind a bounded queue; what does not fit, or cannot be written, is lost and counted.
// It must not know what the bytes are.
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Why a piece was lost. */
export type RingLoss = 'no-room' | 'write-failed';

export interface RingOptions {
  folder: string;
  /** Files are `prefix-00000001.ending`. */
  prefix: string;
  ending: string;
  /** Size of one file and number of files; their product bounds the ring. */
  fileBytes: number;
  files: number;
  /** What each file begins with. */
  header: Buffer;
  onLoss(reason: RingLoss): void;
}

const QUEUE_BYTES = 4 << 20;
const MODE = 0o600;
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** The ring; files of an earlier life are part of it. */
export class FileRing {
  readonly #options: RingOptions;
  readonly #names: string[];
  #next: number;
  #file: FileHandle | null = null;
  #fileLength = 0;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | null = null;

  private constructor(options: RingOptions, names: string[]) {
    this.#options = options;
    this.#names = names;
    this.#next = Number(names.at(-1)?.slice(options.prefix.length + 1, -options.ending.length - 1) ?? 0) + 1;
  }

  /** Takes over what is in the folder. Throws when it cannot be read. */
  static async open(options: RingOptions): Promise<FileRing> {
    const pattern = new RegExp(`^${options.prefix}-\\d{8}\\.${options.ending}$`);
    return new FileRing(options, (await readdir(options.folder)).filter((name) => pattern.test(name)).sort());
  }

  /** Appends pieces that belong together; all of them or none. They must not change afterwards. */
  append(pieces: readonly Buffer[]): void {
    const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const largest = pieces.reduce((most, piece) => Math.max(most, piece.length), 0);
    if (this.#queuedBytes + size > QUEUE_BYTES || largest > this.#room) {
      for (const _ of pieces) this.#options.onLoss('no-room');
      return;
    }
    this.#queue.push(...pieces);
    this.#queuedBytes += size;
    this.#writing ??= this.#write();
  }

  /** Writes what is queued and closes the file. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file?.close().catch(() => {});
    this.#file = null;
  }

  /** What a file has room for beside its header. */
  get #room(): number {
    return this.#options.fileBytes - this.#options.header.length;
  }

  async #write(): Promise<void> {
    while (this.#queue.length > 0) {
      const pieces = this.#takePieces();
      try {
        const file = await this.#fileFor(pieces.bytes);
        await file.writeFile(Buffer.concat(pieces.list));
        this.#fileLength += pieces.bytes;
      } catch {
        for (const _ of pieces.list) this.#options.onLoss('write-failed');
        await this.#file?.close().catch(() => {});
        this.#file = null;
      }
      this.#queuedBytes -= pieces.bytes;
    }
    this.#writing = null;
  }

  /** What of the queue fits one file. */
  #takePieces(): { list: Buffer[]; bytes: number } {
    let bytes = 0;
    let end = 0;
    while (end < this.#queue.length && bytes + this.#queue[end]!.length <= this.#room)
      bytes += this.#queue[end++]!.length;
    return { list: this.#queue.splice(0, end), bytes };
  }

  async #fileFor(bytes: number): Promise<FileHandle> {
    const { folder, prefix, ending, fileBytes, files, header } = this.#options;
    if (this.#file && this.#fileLength + bytes <= fileBytes) return this.#file;
    await this.#file?.close();
    this.#file = null;
    while (this.#names.length >= files) {
      await rm(join(folder, this.#names[0]!), { force: true });
      this.#names.shift();
    }
    const name = `${prefix}-${String(this.#next++).padStart(8, '0')}.${ending}`;
    this.#names.push(name);
    const file = await open(join(folder, name), NEW_FILE, MODE);
    this.#file = file;
    await file.writeFile(header);
    this.#fileLength = header.length;
    return file;
  }
}
