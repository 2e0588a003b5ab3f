/**
 * permessage-deflate (RFC 7692): what was agreed in the handshake, and the plain bytes of one direction's compressed
 * messages. A decoder for the largest window reads all smaller ones, so window bits are not looked at. The context
 * of a direction is its last 32 KiB of plain bytes, given to zlib as a dictionary: no stream stays open between messages.
 */
import { constants, inflateRawSync } from 'node:zlib';

/** Plain bytes of one message; larger ones are not opened. */
export const MAX_INFLATED_BYTES = 1 << 20;
const WINDOW_BYTES = 32_768;
/** What the sender left out at the end of each message (section 7.2.1). */
const TAIL = Buffer.from([0x00, 0x00, 0xff, 0xff]);

export type InflateFailure = 'inflate-too-large' | 'inflate-failed';

/** Whether each side keeps its context from message to message; null: messages are not compressed. */
export type WebSocketExtensions = { client: boolean; server: boolean } | null;

/** Reads the handshake's answer; 'unknown' when an extension was agreed on that may give frames another meaning. */
export function parseWebSocketExtensions(value: string): WebSocketExtensions | 'unknown' {
  if (value.trim() === '') return null;
  const [name, ...parameters] = value.split(';').map((part) => part.trim().toLowerCase());
  if (name !== 'permessage-deflate' || value.includes(',')) return 'unknown';
  return {
    client: !parameters.includes('client_no_context_takeover'),
    server: !parameters.includes('server_no_context_takeover'),
  };
}

/** Opens one direction's messages, each exactly once and in order. */
export class WebSocketInflater {
  readonly #keepsContext: boolean;
  /** Made with the first message: most connections are idle. */
  #window: Buffer | null = null;
  #windowLength = 0;
  /** A context that missed a message cannot open any other. */
  #broken: InflateFailure | null = null;

  constructor(keepsContext: boolean) {
    this.#keepsContext = keepsContext;
  }

  get heldBytes(): number {
    return this.#window?.length ?? 0;
  }

  /** Whether no message will be opened any more. */
  get isBroken(): boolean {
    return this.#broken !== null;
  }

  /** The plain bytes of a complete message, or why there are none. */
  inflate(compressed: readonly Buffer[]): Buffer | InflateFailure {
    if (this.#broken) return this.#broken;
    try {
      const plain = inflateRawSync(Buffer.concat([...compressed, TAIL]), {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_INFLATED_BYTES,
        ...(this.#window && this.#windowLength > 0
          ? { dictionary: this.#window.subarray(WINDOW_BYTES - this.#windowLength) }
          : {}),
      });
      this.#remember(plain);
      return plain;
    } catch (error) {
      const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      return this.skip(isTooLarge ? 'inflate-too-large' : 'inflate-failed');
    }
  }

  /** A message passes unopened; the answer is why, or why already an earlier one did that this one builds upon. */
  skip(why: InflateFailure): InflateFailure {
    if (this.#broken) return this.#broken;
    if (this.#keepsContext) {
      this.#broken = why;
      this.#window = null;
    }
    return why;
  }

  #remember(plain: Buffer): void {
    if (!this.#keepsContext || plain.length === 0) return;
    this.#window ??= Buffer.alloc(WINDOW_BYTES);
    const window = this.#window;
    const taken = Math.min(plain.length, WINDOW_BYTES);
    window.copyWithin(0, taken);
    plain.copy(window, WINDOW_BYTES - taken, plain.length - taken);
    this.#windowLength = Math.min(WINDOW_BYTES, this.#windowLength + taken);
  }
}
