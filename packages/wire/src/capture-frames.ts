// Framing of the capture stream over any byte stream:
//
//   preface "EPSTRM1\n" (sender only), then frames: u32 length | u32 CRC-32 | u8 message number | payload
//
// `length` counts number and payload, the checksum covers the same bytes, integers are little endian. The decoder is
// incremental and bounded, in memory and in work, however the bytes are cut; a damaged frame is an error, after which
// the stream must be closed.
import { crc32 } from 'node:zlib';
import { type CaptureMessage, decodeCaptureMessage, encodeCaptureMessage } from './capture-messages.ts';

export const CAPTURE_PREFACE = Buffer.from('EPSTRM1\n');
/** A frame larger than this is refused: the sender must cut its batches well below. */
export const MAX_CAPTURE_FRAME_BYTES = 16 << 20;
const HEADER_BYTES = 8;
/** An announced frame up to this size is given its room at once; a sidecar's batches are no larger. */
const TRUSTED_BYTES = 320 << 10;
const NOTHING = Buffer.alloc(0);

export class CaptureStreamError extends Error {
  readonly code: 'bad-preface' | 'frame-too-large' | 'bad-checksum' | 'bad-message';
  constructor(code: CaptureStreamError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A message as one frame. */
export function encodeCaptureFrame(message: CaptureMessage): Buffer {
  const { number, payload } = encodeCaptureMessage(message);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 1 + payload.length);
  frame[HEADER_BYTES] = number;
  frame.set(payload, HEADER_BYTES + 1);
  frame.writeUInt32LE(1 + payload.length, 0);
  frame.writeUInt32LE(crc32(frame.subarray(HEADER_BYTES)), 4);
  return frame;
}

/** Puts the checksum into a frame that was made without: what a receiver that wants it is sent. */
export function putChecksum(frame: Buffer): void {
  frame.writeUInt32LE(crc32(frame.subarray(HEADER_BYTES)), 4);
}

/** Bytes in, messages out. `preface: true` on the side that receives the preface (the forwarder). */
export class CaptureFrameDecoder {
  /** A larger frame is refused; it may be changed between two messages. */
  maxFrameBytes: number;
  /** The first `#length` bytes are not decoded yet; what is behind them is room to grow. */
  #buffer: Buffer = NOTHING;
  #length = 0;
  #prefaceDue: boolean;
  readonly #isUncheckedTaken: boolean;

  /** `unchecked`: frames without a checksum are taken. */
  constructor(options: { preface: boolean; maxFrameBytes?: number; unchecked?: boolean }) {
    this.#prefaceDue = options.preface;
    this.#isUncheckedTaken = options.unchecked ?? false;
    this.maxFrameBytes = options.maxFrameBytes ?? MAX_CAPTURE_FRAME_BYTES;
  }

  /** Memory held for bytes that are not decoded yet. */
  get heldBytes(): number {
    return this.#buffer.length;
  }

  /** Messages completed by `chunk`. Throws CaptureStreamError on damage. */
  *feed(chunk: Buffer): Generator<CaptureMessage> {
    this.#append(chunk);
    if (this.#prefaceDue && !this.#takePreface()) return;
    for (;;) {
      const frame = this.#takeFrame();
      if (!frame) return;
      const message = decode(frame);
      if (message) yield message;
    }
  }

  /**
   * Grows to the frame's announced size, as far as that is trusted, then by doubling: a byte is copied a few times at most,
   * however many chunks its frame comes in, and a stranger's word alone takes little memory.
   */
  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#buffer = chunk;
    } else {
      if (length > this.#buffer.length) {
        const grown = Buffer.allocUnsafe(Math.max(length, this.#roomWanted()));
        this.#buffer.copy(grown, 0, 0, this.#length);
        this.#buffer = grown;
      }
      chunk.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }

  #roomWanted(): number {
    const announced = this.#length < HEADER_BYTES ? 0 : HEADER_BYTES + this.#buffer.readUInt32LE(0);
    return announced > TRUSTED_BYTES ? Math.max(TRUSTED_BYTES, 2 * this.#length) : announced;
  }

  #consume(bytes: number): void {
    this.#length -= bytes;
    this.#buffer = this.#length === 0 ? NOTHING : this.#buffer.subarray(bytes);
  }

  #takePreface(): boolean {
    const seen = Math.min(this.#length, CAPTURE_PREFACE.length);
    if (!this.#buffer.subarray(0, seen).equals(CAPTURE_PREFACE.subarray(0, seen))) {
      throw new CaptureStreamError(
        'bad-preface',
        'not a capture stream: the first bytes are not the preface',
      );
    }
    if (seen < CAPTURE_PREFACE.length) return false;
    this.#consume(seen);
    this.#prefaceDue = false;
    return true;
  }

  #takeFrame(): Buffer | null {
    if (this.#length < HEADER_BYTES) return null;
    const length = this.#buffer.readUInt32LE(0);
    if (length === 0 || length > this.maxFrameBytes) {
      throw new CaptureStreamError(
        'frame-too-large',
        `a frame of ${length} bytes is outside 1..${this.maxFrameBytes}`,
      );
    }
    if (this.#length < HEADER_BYTES + length) return null;
    const frame = this.#buffer.subarray(HEADER_BYTES, HEADER_BYTES + length);
    const checksum = this.#buffer.readUInt32LE(4);
    if (!(checksum === 0 && this.#isUncheckedTaken) && crc32(frame) !== checksum) {
      throw new CaptureStreamError('bad-checksum', 'a frame is damaged: its checksum does not match');
    }
    this.#consume(HEADER_BYTES + length);
    return frame;
  }
}

function decode(frame: Buffer): CaptureMessage | null {
  try {
    return decodeCaptureMessage(frame[0]!, frame.subarray(1));
  } catch (cause) {
    throw new CaptureStreamError('bad-message', `message ${frame[0]} cannot be decoded`, { cause });
  }
}
