// A closed segment as the body of a request, and the time such a request may take.
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { ClosedSegment } from './segment-sink.ts';

/** 64 MiB at 110 KiB/s; a slower line needs smaller segments. The control plane itself gives an upload two minutes. */
export const UPLOAD_TIMEOUT_MS = 600_000;

/** Runs `send` with the segment's bytes, which are let go of however it ends. */
export async function withSegmentStream<T>(
  { path }: ClosedSegment,
  send: (bytes: ReadableStream<Uint8Array>) => Promise<T>,
): Promise<T> {
  const file = createReadStream(path);
  try {
    return await send(Readable.toWeb(file) as ReadableStream<Uint8Array>);
  } finally {
    file.destroy();
  }
}
