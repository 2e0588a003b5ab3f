// Framing of the capture stream over any byte stream:
//
//   preface "EPSTRM1\n" (sender only), then frames: u32 length | u32 CRC-32 | u8 message number | payload
//
// `length` counts number and payload, the checksum covers the same bytes, integers are little endian. The decoder is
// incremental and bounded; a damaged frame is an error, after which the stream must be closed.
import { crc32 } from 'node:zlib';
import { type CaptureMessage, decodeCaptureMessage, encodeCaptureMessage } from './capture-messages.ts';

export const CAPTURE_PREFACE = Buffer.from('EPSTRM1\n');
/** A frame larger than this is refused: the sender must cut its batches well below. */
export const MAX_CAPTURE_FRAME_BYTES = 16 << 20;
const HEADER_BYTES = 8;

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

/** Bytes in, messages out. `preface: true` on the side that receives the preface (the forwarder). */
export class CaptureFrameDecoder {
  #rest: Buffer = Buffer.alloc(0);
  #prefaceDue: boolean;

  constructor(options: { preface: boolean }) {
    this.#prefaceDue = options.preface;
  }

  /** Messages completed by `chunk`. Throws CaptureStreamError on damage. */
  *feed(chunk: Buffer): Generator<CaptureMessage> {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (this.#prefaceDue && !this.#takePreface()) return;
    for (;;) {
      const frame = this.#takeFrame();
      if (!frame) return;
      const message = decode(frame);
      if (message) yield message;
    }
  }

  #takePreface(): boolean {
    const seen = Math.min(this.#rest.length, CAPTURE_PREFACE.length);
    if (!this.#rest.subarray(0, seen).equals(CAPTURE_PREFACE.subarray(0, seen))) {
      throw new CaptureStreamError(
        'bad-preface',
        'not a capture stream: the first bytes are not the preface',
      );
    }
    if (seen < CAPTURE_PREFACE.length) return false;
    this.#rest = this.#rest.subarray(seen);
    this.#prefaceDue = false;
    return true;
  }

  #takeFrame(): Buffer | null {
    if (this.#rest.length < HEADER_BYTES) return null;
    const length = this.#rest.readUInt32LE(0);
    if (length === 0 || length > MAX_CAPTURE_FRAME_BYTES) {
      throw new CaptureStreamError(
        'frame-too-large',
        `a frame of ${length} bytes is outside 1..${MAX_CAPTURE_FRAME_BYTES}`,
      );
    }
    if (this.#rest.length < HEADER_BYTES + length) return null;
    const frame = this.#rest.subarray(HEADER_BYTES, HEADER_BYTES + length);
    if (crc32(frame) !== this.#rest.readUInt32LE(4)) {
      throw new CaptureStreamError('bad-checksum', 'a frame is damaged: its checksum does not match');
    }
    this.#rest = this.#rest.subarray(HEADER_BYTES + length);
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
