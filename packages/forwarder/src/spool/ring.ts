// The ring: recent traffic on disk, redacted like the spool, oldest out. It holds segments that were shipped (moved here
// from the spool) and, in files of its own, the pairs that filter, sampling or folding held back. Nothing waits for it
// and nothing depends on it: it is not synced, a damaged file is read up to the damage, and it yields its disk to the spool.
//
//   <segment>.shipped   as it was shipped          <segment>.held   same format, pairs held back
import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, ensureFolder, type Logger, newId } from '@echoplane/runtime';
import { encodeFrame } from '@echoplane/traffic';
import { openedAtOf } from './segment-summary.ts';
import { RING_FOLDER, type SpoolFiles, type SpoolSegment } from './spool-files.ts';

export interface RingOptions {
  files: SpoolFiles;
  tenant: string;
  maxBytes: number;
  clock: Clock;
  log: Logger;
}

export interface RingFile {
  readonly segment: string;
  readonly path: string;
  readonly held: boolean;
  sizeBytes: number;
}

interface OpenHeld {
  file: RingFile;
  handle: FileHandle;
  frames: number;
}

const NAME = /^([0-9a-f-]{36})\.(shipped|held)$/;
/** Ending of the file beside a file of held pairs that says which of them were brought back; see recall.ts. */
export const NOTES = '.recalled';
/** A file of held pairs is closed at this size, so that the ring forgets in small steps. */
const HELD_FILE_BYTES = 16 << 20;
/** Lines gather until there are this many characters, or the flow says it is time. */
const FRAME_CHARS = 256 << 10;
/** What may wait for a slow disk; beyond it held pairs are not kept. */
const MAX_PENDING_CHARS = 16 << 20;

export class Ring {
  readonly #options: RingOptions;
  readonly #folder: string;
  /** Oldest first. */
  #files: RingFile[] = [];
  #bytes = 0;
  #lines: string[] = [];
  #chars = 0;
  #pendingChars = 0;
  #open: OpenHeld | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  #skipped = 0;

  constructor(options: RingOptions) {
    this.#options = options;
    this.#folder = join(options.files.dir, RING_FOLDER);
  }

  /** Makes the folder and takes up what a former life left. */
  async start(): Promise<void> {
    await ensureFolder(this.#folder);
    const entries = (await readdir(this.#folder, { withFileTypes: true })).filter((entry) => entry.isFile());
    const names = new Set(entries.map((entry) => entry.name));
    for (const name of [...names].sort()) {
      const path = join(this.#folder, name);
      // Notes whose file went without them.
      if (name.endsWith(NOTES) && !names.has(name.slice(0, -NOTES.length))) await rm(path, { force: true });
      const [, segment, kind] = NAME.exec(name) ?? [];
      if (segment === undefined) continue;
      this.#note({ segment, path, held: kind === 'held', sizeBytes: (await stat(path)).size });
    }
    await this.#evict();
  }

  get sizeBytes(): number {
    return this.#bytes;
  }
  /** µs of the oldest file; null when the ring is empty. */
  get fromUs(): number | null {
    return this.#files[0] ? openedAtOf(this.#files[0].segment) : null;
  }
  /** Held pairs that were not kept, because the disk was too slow or full. */
  get skipped(): number {
    return this.#skipped;
  }
  /** Files as they are now, oldest first. */
  get files(): readonly RingFile[] {
    return this.#files;
  }

  /** Keeps a pair that is not shipped, as its line; when there is no room, not. */
  hold(line: string): void {
    if (this.#options.maxBytes === 0) return;
    if (this.#pendingChars > MAX_PENDING_CHARS) {
      this.#skipped++;
      return;
    }
    this.#lines.push(line);
    this.#chars += line.length + 1;
    this.#pendingChars += line.length + 1;
    if (this.#chars >= FRAME_CHARS) void this.flush();
  }

  /** Writes what has gathered; never fails. */
  flush(): Promise<unknown> {
    const lines = this.#lines;
    const chars = this.#chars;
    this.#lines = [];
    this.#chars = 0;
    if (lines.length === 0) return this.#tail;
    this.#tail = this.#tail.then(async () => {
      await this.#write(lines).catch((err) => {
        this.#skipped += lines.length;
        this.#options.log.warn({ err, pairs: lines.length }, 'the ring could not keep what was held back');
      });
      this.#pendingChars -= chars;
    });
    return this.#tail;
  }

  /** Takes over a shipped segment, which lies in the ring's folder already. */
  async adopt(segment: SpoolSegment): Promise<void> {
    this.#note({ segment: segment.id, path: segment.path, held: false, sizeBytes: segment.sizeBytes });
    await this.#evict();
  }

  /** Frees the disk of the oldest file; false when there is none. */
  async yield(): Promise<boolean> {
    return (await this.#evictOldest()) > 0;
  }

  /** Removes a file and what it holds. */
  async remove(file: RingFile): Promise<void> {
    await this.#endOpen(file);
    this.#files = this.#files.filter((one) => one !== file);
    this.#bytes -= file.sizeBytes;
    await rm(file.path, { force: true });
    await rm(`${file.path}${NOTES}`, { force: true });
  }

  async close(): Promise<void> {
    await this.flush();
    if (this.#open) await this.#endOpen(this.#open.file);
  }

  #note(file: RingFile): void {
    this.#files.push(file);
    this.#files.sort((a, b) => (a.segment < b.segment ? -1 : 1));
    this.#bytes += file.sizeBytes;
  }

  async #write(lines: readonly string[]): Promise<void> {
    const { tenant, clock } = this.#options;
    if (this.#open && this.#open.file.sizeBytes >= HELD_FILE_BYTES) await this.#endOpen(this.#open.file);
    this.#open ??= await this.#openHeld(newId(clock.nowUs()));
    const current = this.#open;
    const header = { tenant, segment: current.file.segment, frame: current.frames, lines: lines.length };
    const { bytes } = encodeFrame(Buffer.from(`${lines.join('\n')}\n`), {
      ...header,
      cursors: [],
      reports: [],
    });
    await current.handle.write(bytes, 0, bytes.length, current.file.sizeBytes);
    current.frames++;
    current.file.sizeBytes += bytes.length;
    this.#bytes += bytes.length;
    await this.#evict();
  }

  async #openHeld(segment: string): Promise<OpenHeld> {
    const path = join(this.#folder, `${segment}.held`);
    const handle = await open(path, 'w+');
    const file: RingFile = { segment, path, held: true, sizeBytes: 0 };
    this.#note(file);
    return { file, handle, frames: 0 };
  }

  async #endOpen(file: RingFile): Promise<void> {
    if (this.#open?.file !== file) return;
    const { handle } = this.#open;
    this.#open = null;
    await handle.close();
  }

  async #evict(): Promise<void> {
    while (this.#bytes > this.#options.maxBytes && (await this.#evictOldest()) > 0) {
      // Until it is within its bound.
    }
  }

  async #evictOldest(): Promise<number> {
    const oldest = this.#files[0];
    if (!oldest) return 0;
    await this.remove(oldest);
    return 1;
  }
}
