// The events of a watch: one JSON object a line. Ends when the server ends it, rejects when it broke, when it was silent for
// too long (a connection that died without a word looks like a quiet one), and with what the server reports in an ERROR event.
import type { Readable } from 'node:stream';
import { OperatingError } from '@echoplane/runtime';
import type { Obj } from './contract.ts';
import { errorOfStatus, type Status } from './kube-error.ts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: Obj;
}

/** etcd holds 1.5 MB of an object; JSON and managedFields make more of it. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const NEWLINE = 10;

/** Decodes a watch; `asked` names it in errors. Destroys the stream when left. */
export async function* watchEvents(
  stream: Readable,
  asked: string,
  silenceMs: number,
): AsyncGenerator<WatchEvent> {
  const watchdog = setTimeout(() => {
    const sentence = `${asked}: nothing was heard for ${silenceMs} ms`;
    stream.destroy(new OperatingError('watch_silent', sentence));
  }, silenceMs);
  try {
    for await (const line of linesOf(stream, () => watchdog.refresh())) {
      const event = JSON.parse(line) as { type: string; object: unknown };
      if (event.type === 'ERROR') throw errorOfStatus(event.object as Status, 500, asked);
      yield event as WatchEvent;
    }
  } finally {
    clearTimeout(watchdog);
    stream.destroy();
  }
}

async function* linesOf(stream: Readable, heard: () => void): AsyncGenerator<string> {
  let pieces: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    heard();
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      pieces.push(chunk.subarray(start, end));
      yield Buffer.concat(pieces).toString('utf8');
      pieces = [];
      size = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    pieces.push(chunk.subarray(start));
    size += chunk.length - start;
    if (size > MAX_LINE_BYTES)
      throw new OperatingError('watch_line_too_long', `an event of a watch is over ${MAX_LINE_BYTES} bytes`);
  }
}
