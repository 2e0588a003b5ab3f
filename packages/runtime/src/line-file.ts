// The lines of a JSONL file with where they stand, so that one line can be read again without holding the file.
// Lines end with LF alone: node:readline also splits at U+2028, which JSON text may hold unescaped.
import type { FileHandle } from 'node:fs/promises';

const LF = 0x0a;
/** A longer line is not a record but another kind of file. */
const MAX_LINE_BYTES = 64 << 20;

export interface Line {
  /** Byte offset in the file. */
  at: number;
  /** From 1. */
  number: number;
  bytes: Buffer;
}

/** Every line that is not empty, in order; reads the file once, in bounded memory. */
export async function* linesOf(file: FileHandle): AsyncGenerator<Line> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let at = 0;
  let number = 0;
  const take = (last: Buffer): Line => {
    const bytes = held.length === 0 ? last : Buffer.concat([...held, last]);
    const line = { at, number: ++number, bytes };
    at += bytes.length + 1;
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, from)) {
      const line = take(chunk.subarray(from, end));
      from = end + 1;
      if (line.bytes.length > 0) yield line;
    }
    held.push(chunk.subarray(from));
    heldBytes += chunk.length - from;
    if (heldBytes > MAX_LINE_BYTES)
      throw new RangeError(`line ${number + 1} is longer than ${MAX_LINE_BYTES} bytes`);
  }
  const rest = take(Buffer.alloc(0));
  if (rest.bytes.length > 0) yield rest;
}

/** The bytes of a line that was seen at `at`. */
export async function readLineAt(file: FileHandle, at: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  const { bytesRead } = await file.read(bytes, 0, sizeBytes, at);
  return bytes.subarray(0, bytesRead);
}
