// Reads of a socket into buffers of our own, which saves the stream machinery (a quarter of a request's cost). Node has
// this as `onread` for sockets it dials; accepted and TLS sockets have the same three properties without a public way to
// set them. This is the one place that touches them: it tries them out once at the start, and when anything is not as it
// was, every connection reads as an ordinary stream does (about a fifth dearer).
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';

/** Where a socket's bytes go. */
export interface StaticReader {
  /** The first `bytes` of the buffer that `next` gave were read; false pauses until the socket is resumed. */
  read(bytes: number): boolean;
  /** The buffer of the next read; the one before may be overwritten from now on only if it is the same. */
  next(): Buffer;
}

interface Internals {
  buffer: symbol;
  callback: symbol;
  generator: symbol;
}
type Opened = Record<symbol, unknown> & { _handle?: { useUserBuffer?(buffer: Buffer): void } | null };

const SELF_TEST_MS = 2_000;
let internals: Internals | null = null;

/** Lets `reader` read what comes on `socket` from here on; false: this is not possible, and nothing has changed. */
export function readStatically(socket: Socket, reader: StaticReader): boolean {
  const opened = socket as unknown as Opened;
  const handle = opened._handle;
  if (!internals || !handle?.useUserBuffer || !(internals.buffer in opened)) return false;
  const first = reader.next();
  opened[internals.buffer] = first;
  opened[internals.callback] = (bytes: number) => reader.read(bytes);
  opened[internals.generator] = () => reader.next();
  handle.useUserBuffer(first);
  return true;
}

/** Tries static reads on a real connection; without it, or when it fails, `readStatically` declines. */
export async function tryStaticReads(): Promise<boolean> {
  internals = findInternals();
  if (!internals) return false;
  const works = await selfTest().catch(() => false);
  if (!works) internals = null;
  return works;
}

/** Ordinary streams from here on: what happens by itself when the trial fails. */
export function useStreams(): void {
  internals = null;
}

function findInternals(): Internals | null {
  const sample = new Socket();
  const find = (name: string) =>
    Object.getOwnPropertySymbols(sample).find((symbol) => symbol.description === name);
  const [buffer, callback, generator] = [find('kBuffer'), find('kBufferCb'), find('kBufferGen')];
  sample.destroy();
  return buffer && callback && generator ? { buffer, callback, generator } : null;
}

/** Sends three bytes into an accepted socket, pauses it after the first two, and ends it. */
async function selfTest(): Promise<boolean> {
  const server = createServer({ allowHalfOpen: true });
  const signal = AbortSignal.timeout(SELF_TEST_MS);
  let client: Socket | null = null;
  let accepted: Socket | null = null;
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening', { signal });
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {});
    [accepted] = (await once(server, 'connection', { signal })) as [Socket];
    return await readsBack(client, accepted, signal);
  } finally {
    client?.destroy();
    accepted?.destroy();
    server.close();
  }
}

async function readsBack(client: Socket, accepted: Socket, signal: AbortSignal): Promise<boolean> {
  const buffers = [Buffer.alloc(4), Buffer.alloc(4)];
  const seen: string[] = [];
  let turn = 0;
  const isReading = readStatically(accepted, {
    next: () => buffers[turn % 2]!,
    read: (bytes) => {
      seen.push(buffers[turn % 2]!.toString('latin1', 0, bytes));
      turn++;
      setImmediate(() => accepted.resume());
      return false;
    },
  });
  if (!isReading) return false;
  accepted.resume();
  client.end('echo12345');
  await once(accepted, 'end', { signal });
  return seen.join('') === 'echo12345' && seen[0] === 'echo';
}
