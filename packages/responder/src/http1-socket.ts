// The socket below an HTTP/1 connection: bytes in and out by the cheapest way there is. Once a plain connection lives on, every
// read of it goes into one buffer that all connections share, and small writes pass the stream by; one that the system takes at
// once has no callback. It must not know what the bytes mean.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { directWrites, readStatically, type Write, type Written } from '@echoplane/runtime';

/** Called when all bytes of a write were taken over by the system, or (false) never will be. */
export type Flushed = (isWhole: boolean) => void;

/** Takes what was read: the first `length` bytes; `isShared`: valid during the call only. */
export type Taken = (bytes: Buffer, length: number, isShared: boolean) => void;

/** As much as a stream reads at once. */
const SHARED = Buffer.allocUnsafeSlow(64 << 10);
const NOTHING: Buffer = Buffer.alloc(0);

export class Http1Socket {
  readonly stream: Duplex;
  readonly #taken: Taken;
  readonly #isPlain: boolean;
  readonly #onData = (chunk: Buffer) => this.#taken(chunk, chunk.length, false);
  #direct: Write | null = null;
  #isShared = false;
  #isReleased = false;

  constructor(stream: Duplex, taken: Taken) {
    this.stream = stream;
    this.#taken = taken;
    this.#isPlain = stream instanceof Socket && !('encrypted' in stream);
  }

  /** Begins to read. */
  read(): void {
    this.stream.on('data', this.#onData);
  }

  /** Reads past the stream from here on, where that is possible: worth it on a connection with many requests. */
  readShared(): void {
    if (this.#isShared) return;
    this.#isShared = true;
    if (!this.#isPlain) return;
    this.#direct = directWrites(this.stream as Socket);
    readStatically(this.stream as Socket, { next: () => SHARED, read: (bytes) => this.#read(bytes) });
  }

  /** Nothing is taken any more: what comes stays in the stream for its next reader. */
  release(): void {
    this.#isReleased = true;
    this.stream.pause();
    this.stream.off('data', this.#onData);
  }

  /** Whether there is room for more; `flushed` is called once, before this returns where that is known by then. */
  write(bytes: Buffer, flushed?: Flushed): boolean {
    const { stream } = this;
    if (!this.#isPlain) return stream.write(bytes, flushed && ((error) => flushed(!error)));
    const written = this.#write(bytes);
    const isTaken =
      written === 'taken' || (written === 'streamed' && stream.writableLength === 0 && !stream.errored);
    const hasRoom = isTaken || !stream.writableNeedDrain;
    if (isTaken) flushed?.(true);
    // An empty write is done when all before it are.
    else if (flushed) stream.write(NOTHING, (error) => flushed(!error));
    return hasRoom;
  }

  #write(bytes: Buffer): Written {
    if (this.#direct) return this.#direct(bytes);
    this.stream.write(bytes);
    return 'streamed';
  }

  #read(bytes: number): boolean {
    if (this.#isReleased) return this.stream.push(Buffer.from(SHARED.subarray(0, bytes)));
    this.#taken(SHARED, bytes, true);
    return true;
  }
}
