// Sends the pieces of a request on its stream, each when it is due, and ends the stream with the last one. It listens for the
// server's gRPC messages while a piece waits for them; it must not know what they say.
import type { ClientHttp2Stream } from 'node:http2';
import type { Piece } from './request-pieces.ts';

/** A server that says less than it did is waited for no longer than this, once; then time alone counts. */
const PATIENCE_MS = 2_000;
const HEAD_BYTES = 5;

export class PieceSender {
  readonly #stream: ClientHttp2Stream;
  readonly #pieces: readonly Piece[];
  readonly #factor: number;
  readonly #messages = new MessageCount();
  #next = 0;
  /** When the latest of what the next piece follows happened. */
  #sinceMs = performance.now();
  #isPatient = true;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;

  /** `factor`: recorded distances are kept times this. */
  constructor(stream: ClientHttp2Stream, pieces: readonly Piece[], factor: number) {
    this.#stream = stream;
    this.#pieces = pieces;
    this.#factor = factor;
    stream.on('close', () => this.#stopWaiting());
    if (pieces.some(({ heard }) => heard > 0)) stream.on('data', (data: Buffer) => this.#hear(data));
    this.#goOn();
  }

  #hear(data: Buffer): void {
    const before = this.#messages.count;
    this.#messages.add(data);
    const { heard = 0 } = this.#pieces[this.#next] ?? {};
    if (!this.#isPatient || before >= heard || this.#messages.count < heard) return;
    this.#sinceMs = performance.now();
    this.#goOn();
  }

  /** Sends what is due, and waits for what is not. */
  #goOn(): void {
    this.#stopWaiting();
    for (
      let piece = this.#pieces[this.#next];
      piece && !this.#stream.destroyed;
      piece = this.#pieces[this.#next]
    ) {
      const afterMs = (piece.afterUs * this.#factor) / 1000;
      if (this.#isPatient && this.#messages.count < piece.heard) {
        // When it is we who were kept busy, what the server said is waiting: it is heard first.
        this.#timer = setTimeout(() => {
          this.#turn = setImmediate(() => this.#losePatience());
        }, afterMs + PATIENCE_MS);
        return;
      }
      const waitMs = this.#sinceMs + afterMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.#goOn(), waitMs);
        return;
      }
      this.#sinceMs = performance.now();
      if (++this.#next === this.#pieces.length) this.#stream.end(piece.bytes);
      else this.#stream.write(piece.bytes);
    }
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
  }

  #losePatience(): void {
    this.#isPatient = false;
    this.#goOn();
  }
}

/** Whole gRPC messages in a stream of bytes, which are not kept. */
class MessageCount {
  count = 0;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  /** Bytes of the message that are still to come. */
  #left = 0;

  add(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      if (this.#headBytes < HEAD_BYTES) {
        this.#head[this.#headBytes++] = data[at++]!;
        if (this.#headBytes < HEAD_BYTES) continue;
        this.#left = this.#head.readUInt32BE(1);
      }
      const taken = Math.min(this.#left, data.length - at);
      this.#left -= taken;
      at += taken;
      if (this.#left > 0) return;
      this.count++;
      this.#headBytes = 0;
    }
  }
}
