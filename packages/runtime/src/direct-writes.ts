// Small writes handed to the kernel without the stream machinery (a request's write costs a tenth less). Node.js makes an
// object for each write, though it is done with it when the kernel took all; here a socket has one for all of them. This is the
// one place that touches these internals: it tries them out once at the start, and when anything is not as it was, every write
// goes through the stream. It must not know what is written.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** The system took all; it lacks room, and Node.js keeps the rest for it; the stream has them. */
export type Written = 'taken' | 'kept' | 'streamed';

/** Writes bytes to a socket, in order with all its other writes. */
export type Write = (bytes: Buffer) => Written;

/** What the object of a write is to Node.js. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
}
interface Handle {
  /** Bytes that the kernel has not taken. */
  writeQueueSize?: number;
  /** 0, or why not. */
  writeBuffer?(request: WriteRequest, bytes: Buffer): number;
}
type Opened = Socket & { _handle?: Handle | null };

/** Longer ones the kernel may take only in part. */
const SMALL_BYTES = 16 << 10;
const SELF_TEST_MS = 2_000;
let NewRequest: (new () => WriteRequest) | null = null;

/** How to write to a plain TCP socket that is connected. */
export function directWrites(socket: Socket): Write {
  const stream: Write = (bytes) => {
    socket.write(bytes);
    return 'streamed';
  };
  if (!NewRequest) return stream;
  const opened = socket as Opened;
  const request = new NewRequest();
  /** A request is in the hands of Node.js until its write is done; from the first that had to wait on, the stream writes. */
  let isBusy = false;
  request.oncomplete = (status) => {
    if (status < 0) socket.destroy(new Error(`a write failed: ${status}`));
  };
  return (bytes) => {
    const handle = opened._handle;
    if (isBusy || !handle || bytes.length > SMALL_BYTES || socket.writableLength > 0) return stream(bytes);
    const failed = handle.writeBuffer!(request, bytes);
    if (failed) {
      socket.destroy(new Error(`a write failed: ${failed}`));
      return 'streamed';
    }
    isBusy = handle.writeQueueSize! > 0;
    return isBusy ? 'kept' : 'taken';
  };
}

/** Tries direct writes on a real connection; without it, or when it fails, the stream writes. */
export async function tryDirectWrites(): Promise<boolean> {
  NewRequest = null;
  const works = await selfTest().catch(() => false);
  if (!works) NewRequest = null;
  return works;
}

/** Writes by the stream, a direct one and another by the stream; all must arrive in this order. */
async function selfTest(): Promise<boolean> {
  const server = createServer();
  const signal = AbortSignal.timeout(SELF_TEST_MS);
  const sockets: Socket[] = [];
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening', { signal });
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(client.on('error', () => {}));
    const [[accepted]] = await Promise.all([
      once(server, 'connection', { signal }) as Promise<[Socket]>,
      once(client, 'connect', { signal }),
    ]);
    sockets.push(accepted);
    NewRequest = requestClassOf(client as Opened);
    if (!NewRequest) return false;
    directWrites(client)(Buffer.from('2'));
    client.end('3');
    const received = Buffer.concat(await accepted.toArray({ signal }));
    return received.toString() === '123';
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** Read off a write of the stream, of '1'; null when a handle is not what it was. */
function requestClassOf(socket: Opened): typeof NewRequest {
  const handle = socket._handle;
  const writeBuffer = handle?.writeBuffer;
  if (!handle || !writeBuffer || typeof handle.writeQueueSize !== 'number') return null;
  let seen: typeof NewRequest = null;
  handle.writeBuffer = (request, bytes) => {
    seen = request.constructor as new () => WriteRequest;
    return writeBuffer.call(handle, request, bytes);
  };
  socket.write(Buffer.from('1'));
  delete handle.writeBuffer;
  return seen;
}
