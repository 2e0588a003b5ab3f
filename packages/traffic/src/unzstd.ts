// zstd as RFC 8878 has it: one frame after the other, which together are the content. Node's decoder ends with the first one, and
// passes over frames that are to be skipped (section 3.1.2): what they hold is no content, and nobody would see it. Pure.
import { type ZstdOptions, zstdDecompressSync } from 'node:zlib';

const MAGIC = 0xfd2fb528;

/** The content of the frames up to one that is none, and how many of the bytes they are: as Node's decoders say it with `info`. */
export interface Inflated {
  buffer: Buffer;
  engine: { bytesWritten: number };
}

/** Throws what Node throws for damaged frames, and for more than `maxOutputLength` bytes in all. */
export function unzstd(bytes: Buffer, { maxOutputLength }: { maxOutputLength: number }): Inflated {
  const contents: Buffer[] = [];
  let [at, length] = [0, 0];
  while (at + 4 <= bytes.length && bytes.readUInt32LE(at) === MAGIC && length <= maxOutputLength) {
    // A frame of nothing needs room as well.
    const options = { maxOutputLength: Math.max(1, maxOutputLength - length), info: true } as ZstdOptions;
    const { buffer, engine } = zstdDecompressSync(bytes.subarray(at), options) as unknown as Inflated;
    contents.push(buffer);
    at += engine.bytesWritten;
    length += buffer.length;
  }
  return {
    buffer: contents.length === 1 ? contents[0]! : Buffer.concat(contents),
    engine: { bytesWritten: at },
  };
}
