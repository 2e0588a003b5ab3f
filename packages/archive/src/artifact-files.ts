// Artifact files that are written while they are made, several at a time: text goes in, an object of the store comes out.
// A file holds at most MAX_WAITING_BYTES that the store has not taken yet; then its writer waits.
//
//   write ─▶ bytes (≤ 1 MiB) ─▶ chunk, compressed for pairs ─▶ waiting ─▶ store.put
import { zstdCompressSync } from 'node:zlib';
import type { ArtifactSink } from '@echoplane/analyzer';
import type { ObjectStore } from '@echoplane/runtime';
import { ARTIFACTS, type ArtifactName } from '@echoplane/traffic';

/** Content of one chunk; of pairs, one zstd frame. */
const CHUNK_BYTES = 1 << 20;
const MAX_WAITING_BYTES = 2 << 20;
const FIRST_BYTES = 64 << 10;
const MAX_BYTES_PER_CHAR = 3;

export interface ArtifactFilesOptions {
  store: ObjectStore;
  /** The folder, ending in a slash. */
  prefix: string;
  signal: AbortSignal;
  /** Told of each write; what it returns is waited for. */
  written?(name: ArtifactName, text: string): Promise<void> | undefined;
}

/** Files of a folder, written together. */
export class ArtifactFiles implements ArtifactSink {
  readonly #files = new Map<ArtifactName, GrowingFile>();
  readonly #options: ArtifactFilesOptions;

  /** Opens the files named; each exists when `end` resolves, if only empty. */
  constructor(names: readonly ArtifactName[], options: ArtifactFilesOptions) {
    this.#options = options;
    for (const name of names) this.#files.set(name, new GrowingFile(name, options));
  }

  write(name: ArtifactName, text: string): Promise<void> | undefined {
    this.#options.signal.throwIfAborted();
    const waits = this.#files.get(name)!.write(text);
    const told = this.#options.written?.(name, text);
    return waits && told ? Promise.all([waits, told]).then(() => {}) : (waits ?? told);
  }

  /** Resolves when every file is in the store. */
  async end(): Promise<void> {
    for (const file of this.#files.values()) await file.end();
  }

  /** Gives up every file: none that was not whole appears. */
  async abandon(reason: unknown): Promise<void> {
    for (const file of this.#files.values()) await file.abandon(reason);
  }
}

class GrowingFile {
  readonly #isCompressed: boolean;
  readonly #put: Promise<unknown>;
  /** The chunk that is being filled: bytes, not text, so that the garbage collector has nothing to carry along. */
  #chunk = Buffer.alloc(0);
  #length = 0;
  /** What a new chunk is given: as much as the last one needed, so that it need not grow again. */
  #newBytes = FIRST_BYTES;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isEnded = false;
  #failure: { reason: unknown } | null = null;
  /** Wakes whoever waits for the other side: the store for more, the writer for room. */
  #wake: () => void = () => {};

  constructor(name: ArtifactName, { store, prefix, signal }: ArtifactFilesOptions) {
    this.#isCompressed = name === ARTIFACTS.pairs;
    this.#put = store.put(prefix + name, this.#chunks(), signal);
    this.#put.catch((reason) => this.#fail(reason));
  }

  write(text: string): Promise<void> | undefined {
    if (this.#failure) throw this.#failure.reason;
    const room = text.length * MAX_BYTES_PER_CHAR;
    if (this.#length + room > this.#chunk.length) this.#makeRoom(text, room);
    this.#length += this.#chunk.write(text, this.#length, 'utf8');
    if (this.#length < CHUNK_BYTES) return undefined;
    this.#flush();
    return this.#waitingBytes > MAX_WAITING_BYTES ? this.#room() : undefined;
  }

  async end(): Promise<void> {
    this.#flush();
    this.#isEnded = true;
    this.#wake();
    await this.#put;
  }

  async abandon(reason: unknown): Promise<void> {
    this.#fail(reason);
    await this.#put.catch(() => {});
  }

  #flush(): void {
    if (this.#length === 0) return;
    const bytes = this.#chunk.subarray(0, this.#length);
    const chunk = this.#isCompressed ? zstdCompressSync(bytes) : bytes;
    this.#length = 0;
    this.#newBytes = this.#chunk.length;
    if (!this.#isCompressed || this.#chunk.length > 2 * CHUNK_BYTES) this.#chunk = Buffer.alloc(0);
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#wake();
  }

  #makeRoom(text: string, most: number): void {
    const room = most > CHUNK_BYTES ? Buffer.byteLength(text) : most;
    const usual = this.#chunk.length === 0 ? this.#newBytes : CHUNK_BYTES + FIRST_BYTES;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#length + room, usual));
    this.#chunk.copy(grown, 0, 0, this.#length);
    this.#chunk = grown;
  }

  async #room(): Promise<void> {
    while (this.#waitingBytes > MAX_WAITING_BYTES && !this.#failure) await this.#woken();
    if (this.#failure) throw this.#failure.reason;
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    for (;;) {
      if (this.#failure) throw this.#failure.reason;
      const chunk = this.#waiting.shift();
      if (chunk) {
        this.#waitingBytes -= chunk.length;
        this.#wake();
        yield chunk;
      } else if (this.#isEnded) return;
      else await this.#woken();
    }
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake();
  }

  /** One side sleeps at a time: the store when nothing waits, the writer when too much does. */
  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
