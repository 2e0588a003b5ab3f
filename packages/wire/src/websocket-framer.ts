/**
 * Frames one direction of a WebSocket (RFC 6455 section 5): bytes in, frames out, in any cut of the bytes, unmasked.
 * It owns the grammar of a single frame; what frames mean to each other is its sink's. It keeps at most one header.
 *
 *   header (2 to 14 bytes) ─▶ payload ─▶ header      either ─▶ opaque (for good)
 */

/** Why a direction is no longer framed. */
export type WebSocketOpaqueReason =
  | 'unmasked-client'
  | 'masked-server'
  | 'reserved-bits'
  | 'bad-opcode'
  | 'bad-control'
  | 'bad-length'
  | 'bad-continuation'
  | 'unknown-extension';

export interface WebSocketFrame {
  isFinal: boolean;
  /** RSV1: the first frame of a compressed message. */
  isCompressed: boolean;
  opcode: number;
  /** Payload bytes. */
  length: number;
}

export interface WebSocketFrameSink {
  /** A frame begins: how many of its payload bytes are wanted, or why it cannot be. The object is reused. */
  begin(frame: WebSocketFrame): number | WebSocketOpaqueReason;
  /** Wanted payload, unmasked; a view that is valid during the call only. */
  payload(data: Buffer): void;
  end(): void;
  /** The last event. */
  opaque(reason: WebSocketOpaqueReason): void;
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const MAX_HEADER_BYTES = 14;
const MAX_CONTROL_BYTES = 125;
/** Shared by all framers: what is in it does not outlive a call of `payload`. */
const SCRATCH = Buffer.allocUnsafeSlow(16_384);
const SCRATCH_WORDS = new Uint32Array(SCRATCH.buffer, 0, SCRATCH.length / 4);

/** An incremental decoder; one instance per direction of a connection. */
export class WebSocketFramer {
  /** Bytes framed so far: headers, and payload as it comes. */
  framedBytes = 0;
  readonly #sink: WebSocketFrameSink;
  readonly #isMasked: boolean;
  readonly #header = Buffer.alloc(MAX_HEADER_BYTES);
  #headerLength = 0;
  #headerNeeds = 2;
  readonly #frame: WebSocketFrame = { isFinal: false, isCompressed: false, opcode: 0, length: 0 };
  #inPayload = false;
  #left = 0;
  #wantedLeft = 0;
  /** The masking key as four bytes and, in the order of this machine, as one word. */
  readonly #key = new Uint8Array(4);
  readonly #keyWord = new Uint32Array(this.#key.buffer);
  #isOpaque = false;

  constructor(from: 'client' | 'server', sink: WebSocketFrameSink) {
    this.#isMasked = from === 'client';
    this.#sink = sink;
  }

  /** Whether a frame has begun that has not ended. */
  get inFrame(): boolean {
    return this.#inPayload || this.#headerLength > 0;
  }

  /** Frames the next bytes of the direction; events are delivered before it returns. */
  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#isOpaque; )
      at = this.#inPayload ? this.#payload(chunk, at) : this.#readHeader(chunk, at);
  }

  /** Frames nothing from here on, without an event. May be called from a sink. */
  abandon(): void {
    this.#isOpaque = true;
  }

  #readHeader(chunk: Buffer, at: number): number {
    const header = this.#header;
    while (at < chunk.length && this.#headerLength < this.#headerNeeds) {
      header[this.#headerLength++] = chunk[at++]!;
      this.framedBytes++;
      if (this.#headerLength === 2) this.#headerNeeds = headerBytes(header[1]!);
    }
    if (this.#headerLength === this.#headerNeeds) this.#begin();
    return at;
  }

  #begin(): void {
    const refusal = this.#parse();
    const wanted = refusal ?? this.#sink.begin(this.#frame);
    if (typeof wanted === 'string') {
      this.#isOpaque = true;
      this.#sink.opaque(wanted);
      return;
    }
    this.#headerLength = 0;
    this.#headerNeeds = 2;
    this.#left = this.#frame.length;
    this.#wantedLeft = Math.min(wanted, this.#left);
    this.#inPayload = true;
    if (this.#left === 0) this.#end();
  }

  /** Reads the complete header; a reason when no endpoint may send it. */
  #parse(): WebSocketOpaqueReason | null {
    const header = this.#header;
    const frame = this.#frame;
    const first = header[0]!;
    const isMasked = header[1]! >= 0x80;
    if (isMasked !== this.#isMasked) return this.#isMasked ? 'unmasked-client' : 'masked-server';
    if ((first & 0x30) !== 0) return 'reserved-bits';
    frame.isFinal = first >= 0x80;
    frame.isCompressed = (first & 0x40) !== 0;
    frame.opcode = first & 0x0f;
    if ((frame.opcode & 7) > 2) return 'bad-opcode';
    const short = header[1]! & 0x7f;
    frame.length = short < 126 ? short : short === 126 ? header.readUInt16BE(2) : readLength(header);
    if (frame.length < 0) return 'bad-length';
    if (frame.opcode >= 8) {
      if (frame.isCompressed) return 'reserved-bits';
      if (frame.length > MAX_CONTROL_BYTES || !frame.isFinal) return 'bad-control';
    }
    if (isMasked) this.#key.set(header.subarray(this.#headerNeeds - 4, this.#headerNeeds));
    return null;
  }

  #payload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    const wantedEnd = Math.min(end, at + this.#wantedLeft);
    if (!this.#isMasked && wantedEnd > at) this.#sink.payload(chunk.subarray(at, wantedEnd));
    else this.#unmask(chunk, at, wantedEnd);
    this.#wantedLeft -= wantedEnd - at;
    this.#left -= end - at;
    this.framedBytes += end - at;
    if (this.#left === 0) this.#end();
    return end;
  }

  /** Into the scratch: the chunk itself must stay as it is, it may still be on its way to the other side. */
  #unmask(chunk: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const length = Math.min(SCRATCH.length, to - at);
      chunk.copy(SCRATCH, 0, at, at + length);
      if (length < 32) xorBytes(length, this.#key);
      else xorWords(length, this.#keyWord[0]!);
      this.#rotateKey(length & 3);
      at += length;
      this.#sink.payload(SCRATCH.subarray(0, length));
    }
  }

  /** Keeps the key so that its first byte is the one for the next payload byte. */
  #rotateKey(by: number): void {
    if (by === 0) return;
    const [a, b, c, d] = this.#key as unknown as [number, number, number, number];
    this.#key.set(by === 1 ? [b, c, d, a] : by === 2 ? [c, d, a, b] : [d, a, b, c]);
  }

  #end(): void {
    this.#inPayload = false;
    this.#sink.end();
  }
}

function headerBytes(second: number): number {
  const short = second & 0x7f;
  return 2 + (short === 127 ? 8 : short === 126 ? 2 : 0) + (second >= 0x80 ? 4 : 0);
}

/** The 64-bit length, -1 when it is more than can be counted. */
function readLength(header: Buffer): number {
  const length = header.readUInt32BE(2) * 2 ** 32 + header.readUInt32BE(6);
  return Number.isSafeInteger(length) ? length : -1;
}

function xorBytes(length: number, key: Uint8Array): void {
  for (let at = 0; at < length; at++) SCRATCH[at]! ^= key[at & 3]!;
}

function xorWords(length: number, key: number): void {
  const words = (length + 3) >> 2;
  for (let at = 0; at < words; at++) SCRATCH_WORDS[at]! ^= key;
}
