// Opens connections to the service under test, TCP or TLS, with one attempt and a deadline each. Bytes are read into one
// buffer for all connections (`onread`), so that a thousand of them cost no more memory to read than one: who is handed a
// view of it keeps none of it.
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { directWrites } from '@echoplane/runtime';
import type { ConnectionFacts } from './outcome.ts';
import type { Target } from './target.ts';

const READ_BYTES = 256 << 10;

export interface DialOptions {
  target: Target;
  /** Options of node:tls; null: plain TCP. */
  tls: Readonly<Record<string, unknown>> | null;
  timeoutMs: number;
  /** Aborting it gives the attempt up. */
  signal: AbortSignal;
}

/** An open socket; `receive` gets its bytes from the next read on, as views that hold until it returns. */
export interface Dialled {
  socket: Socket;
  write(bytes: Buffer): void;
  receive: (chunk: Buffer) => void;
}

let readBuffer: Buffer | null = null;

/** Dials once. Rejects when it is refused, not up in time, its certificate is not trusted, or the signal aborts. */
export async function dial(options: DialOptions): Promise<Dialled> {
  const dialled = { receive: (_: Buffer) => {} } as Dialled;
  readBuffer ??= Buffer.allocUnsafeSlow(READ_BYTES);
  const onread = {
    buffer: readBuffer,
    callback: (length: number, bytes: Uint8Array) => {
      dialled.receive((bytes as Buffer).subarray(0, length));
      return true;
    },
  };
  const socket = await openSocket(options, { onread, ALPNProtocols: ['http/1.1'] });
  dialled.socket = socket;
  dialled.write = options.tls ? (bytes) => void socket.write(bytes) : directWrites(socket);
  return dialled;
}

/** The same for those who read the socket themselves. */
export async function openSocket(
  { target, tls, timeoutMs, signal }: DialOptions,
  more: Partial<NetConnectOpts> & Pick<ConnectionOptions, 'ALPNProtocols'>,
): Promise<Socket> {
  const to = { host: target.hostname, port: target.port, noDelay: true, ...more };
  const socket = tls ? connectTls({ ...to, ...tls }) : connect(to);
  await whenOpen(socket, tls ? 'secureConnect' : 'connect', { timeoutMs, signal });
  return socket;
}

/** Resolves at the event; destroys the socket and rejects when it errs, takes too long, or the signal aborts before. */
function whenOpen(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  { timeoutMs, signal }: Pick<DialOptions, 'timeoutMs' | 'signal'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (why: string) => () => socket.destroy(new Error(why));
    const cancel = stop('cancelled');
    const timer = setTimeout(stop('connecting took too long'), timeoutMs);
    const settled = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel);
    socket.once('error', (error) => {
      settled();
      reject(error);
    });
    socket.once(event, () => {
      settled();
      socket.removeAllListeners('error');
      resolve();
    });
  });
}

/** What a result says of the connection it came over. */
export function factsOf(id: string, socket: Socket | TLSSocket): ConnectionFacts {
  const client = { ip: socket.localAddress ?? '', port: socket.localPort ?? 0, host: '' };
  if (!('encrypted' in socket)) return { id, client, tls: null };
  const { servername, alpnProtocol } = socket as TLSSocket & { servername?: string };
  const version = socket.getProtocol() ?? '';
  return { id, client, tls: { sni: servername ?? '', version, alpn: alpnProtocol || '' } };
}
