// A file of several zstd frames, one after the other, as a stream of their contents: Node's own stream ends with the first
// frame. Frames are told apart by their block headers (RFC 8878, 3.1.1), so that one at a time is in memory. Knows nothing
// of what is in them.
//
//   magic 4 │ header 2…14 │ block header 3 │ block │ … │ last block │ checksum 0 or 4
import { zstdDecompressSync } from 'node:zlib';
import { OperatingError } from '@echoplane/runtime';

const MAGIC = 0xfd2fb528;
/** Of a frame, compressed; and of its content. */
const MAX_FRAME_BYTES = 64 << 20;
const MAX_CONTENT_BYTES = 256 << 20;

/** The contents of the frames of `file`. Throws OperatingError, named by `name`, for what is no zstd or ends inside a frame. */
export async function* zstdContents(file: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  /** Bytes without which nothing more can be said. */
  let needed = 0;
  for await (const part of file) {
    parts.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
    length += part.length;
    if (length < needed) continue;
    let bytes = Buffer.concat(parts.splice(0), length);
    for (;;) {
      const frame = frameLength(bytes);
      if (frame === null || frame > MAX_FRAME_BYTES) throw damaged(name);
      needed = frame;
      if (frame > bytes.length || bytes.length === 0) break;
      yield contentOf(bytes.subarray(0, frame), name);
      bytes = bytes.subarray(frame);
    }
    parts.push(bytes);
    length = bytes.length;
  }
  if (length > 0) throw damaged(name);
}

function contentOf(frame: Buffer, name: string): Buffer {
  try {
    return zstdDecompressSync(frame, { maxOutputLength: MAX_CONTENT_BYTES });
  } catch (cause) {
    throw damaged(name, cause);
  }
}

function damaged(name: string, cause?: unknown): OperatingError {
  return new OperatingError('file_damaged', `${name} is cut or damaged; restore it from a copy.`, { cause });
}

/** Length of the frame that begins the bytes, or a length up to which it is not known yet; null when it is no frame. */
function frameLength(bytes: Buffer): number | null {
  if (bytes.length < 5) return 5;
  if (bytes.readUInt32LE(0) !== MAGIC) return null;
  const descriptor = bytes[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let at = 5 + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (;;) {
    if (at + 3 > bytes.length) return at + 3;
    const header = bytes.readUIntLE(at, 3);
    const isRepeat = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeat ? 1 : header >> 3);
    if (header & 1) return at + (descriptor & 4 ? 4 : 0);
  }
}
