// The first bytes of an opaque connection, each way, for destinations whose bytes a rule asks for. It must not know what
// they mean.
import type { StreamMessage } from '@echoplane/wire';

const MAX_PIECES = 1_024;
/** What a piece takes beside its data, about. */
const PIECE_BYTES = 100;

/** Keeps up to `limitBytes` of each direction, in the order they came. */
export class OpaqueBytes {
  readonly #limitBytes: number;
  readonly #kept = { client: 0, server: 0 };
  readonly #pieces: { from: 'client' | 'server'; atUs: number; data: Buffer }[] = [];

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Bytes held. */
  get heldBytes(): number {
    return this.#kept.client + this.#kept.server + this.#pieces.length * PIECE_BYTES;
  }

  /** Copies what is still to be kept of `chunk`. */
  add(from: 'client' | 'server', chunk: Buffer, atUs: number): void {
    const room = this.#limitBytes - this.#kept[from];
    if (room <= 0 || this.#pieces.length >= MAX_PIECES) return;
    const data = Buffer.from(chunk.subarray(0, room));
    this.#kept[from] += data.length;
    this.#pieces.push({ from, atUs, data });
  }

  /** What was kept, with times after `startedUs`. */
  messages(startedUs: number): StreamMessage[] {
    return this.#pieces.map(({ from, atUs, data }) => ({
      from,
      kind: 'binary',
      offsetUs: Math.max(0, atUs - startedUs),
      size: data.length,
      data,
    }));
  }
}
