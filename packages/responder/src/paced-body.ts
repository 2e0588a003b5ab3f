// When which bytes of an answer are written: a recorded stream keeps the rhythm of its chunks, times the latency factor. Pure;
// it must not know who writes them.
import type { Body } from '@echoplane/traffic';

/** Bytes of a body and when they are due, µs after the answer's first byte. */
export interface Piece {
  bytes: Buffer;
  atUs: number;
}

export interface Pace {
  /** Of the recorded body: [payload bytes, µs after the request's first byte]. */
  chunks: Body['chunks'];
  /** Bytes that the recorded body was kept of: `body` is longer or shorter when live values took the place of recorded ones. */
  recordedBytes: number;
  /** Recorded time from the request's first byte to the answer's. */
  ttfbUs: number;
  /** Of recorded times; 0 writes everything at once. */
  factor: number;
}

const NEWLINE = 0x0a;

/** The pieces of `body`, in order; together they are all of it. */
export function piecesOf(body: Buffer, { chunks = [], recordedBytes, ttfbUs, factor }: Pace): Piece[] {
  if (factor === 0 || chunks.length < 2 || body.length === 0) return [{ bytes: body, atUs: 0 }];
  const pieces: Piece[] = [];
  let recorded = 0;
  let from = 0;
  for (const [n, [size, offsetUs]] of chunks.entries()) {
    recorded += size;
    const to = n === chunks.length - 1 ? body.length : boundary(body, recorded, recordedBytes);
    if (to <= from) continue;
    pieces.push({ bytes: body.subarray(from, to), atUs: Math.max(0, offsetUs - ttfbUs) * factor });
    from = to;
  }
  return pieces;
}

/** Where the bytes recorded so far end in a body of another length: at the end of a line, because streams consist of lines. */
function boundary(body: Buffer, recorded: number, recordedBytes: number): number {
  if (body.length === recordedBytes || recordedBytes === 0) return Math.min(recorded, body.length);
  const scaled = Math.floor((recorded * body.length) / recordedBytes);
  if (scaled >= body.length) return body.length;
  const lineEnd = body.indexOf(NEWLINE, Math.max(0, scaled - 1));
  if (lineEnd < 0) return scaled;
  let to = lineEnd + 1;
  while (body[to] === NEWLINE) to++;
  return to;
}
