// The two-way copy between a client and a server, with a tap that sees what passed. Bytes are handed to the peer first
// and shown to the tap afterwards. Back-pressure, half-close and resets behave as if nothing stood in between:
//
//   data ─▶ write, pause when the peer is full, resume on drain      end ─▶ end (the other half stays open)
//   error before end ─▶ reset the peer      error after end ─▶ what was sent is still flushed, then close
//
// It knows nothing of protocols, and a tap must not throw.
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { readStatically } from '@echoplane/runtime';
import { ReadBuffers } from './read-buffers.ts';
import { type Pass, SpliceReader } from './splice-reader.ts';

/** One end of a splice: the stream, and how a reset is sent on the TCP connection beneath it. */
export interface Endpoint {
  stream: Socket;
  reset(): void;
}

/**
 * What sees the bytes of a connection; it may keep copies, never the buffers themselves. It is shown them after they have
 * been passed on, so it is asked for the time before: the peer may have answered by then.
 */
export interface Tap {
  nowUs(): number;
  fromClient(chunk: Buffer, atUs: number): void;
  fromServer(chunk: Buffer, atUs: number): void;
  clientEnded(): void;
  serverEnded(): void;
  /** Last, once, when both ends are closed; `failed`: one of them did not end in order. */
  closed(failed: boolean): void;
}

/** Bytes that were read before the splice began. */
export interface Held {
  fromClient?: Buffer;
  fromServer?: Buffer;
}

/** How long a connection that nobody wants any more may take to come about. */
const GIVE_UP_MS = 1_000;

/** Read buffers of all splices of the process. */
export const readBuffers = new ReadBuffers();

/** The endpoint of a TCP socket opened with `allowHalfOpen`. */
export function tcpEndpoint(socket: Socket): Endpoint {
  return { stream: socket, reset: () => resetWhenConnected(socket) };
}

/** The endpoint of TLS over `raw`. */
export function tlsEndpoint(stream: TLSSocket, raw: Socket): Endpoint {
  return { stream, reset: () => reset(raw) };
}

/** The kernel may have connected what is still being dialled for us: giving that up would look like an orderly end. */
function resetWhenConnected(socket: Socket): void {
  if (socket.connecting) {
    const giveUp = setTimeout(() => socket.destroy(), GIVE_UP_MS);
    socket.once('close', () => clearTimeout(giveUp));
  }
  socket.resetAndDestroy();
}

/** Resets a TCP connection; one that is still being dialled is given up. */
export function reset(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Copies both ways until both ends are closed. The sockets are the splice's from here on. */
export function splice(client: Endpoint, server: Endpoint, tap: Tap, held: Held = {}): void {
  const life = { open: 2, failed: false };
  const isClosed = () => {
    life.open--;
    if (life.open === 0) tap.closed(life.failed);
  };
  const fails = () => {
    life.failed = true;
  };
  copy(client.stream, server.stream, {
    held: held.fromClient,
    pass: (chunk, written) => {
      const atUs = tap.nowUs();
      server.stream.write(chunk, written);
      tap.fromClient(chunk, atUs);
    },
    ends: () => tap.clientEnded(),
  });
  copy(server.stream, client.stream, {
    held: held.fromServer,
    pass: (chunk, written) => {
      const atUs = tap.nowUs();
      client.stream.write(chunk, written);
      tap.fromServer(chunk, atUs);
    },
    ends: () => tap.serverEnded(),
  });
  // After what was held has been passed on: an end that is closed already is told here and now.
  follow(client, server, fails, isClosed);
  follow(server, client, fails, isClosed);
}

interface Direction {
  held: Buffer | undefined;
  pass: Pass;
  ends(): void;
}

function copy(from: Socket, to: Socket, direction: Direction): void {
  const { held, pass } = direction;
  const end = () => {
    to.end();
    direction.ends();
  };
  if (held && held.length > 0) pass(held);
  // What the stream had read already goes first, and what follows comes straight from the socket.
  const read = from.read() as Buffer | null;
  if (read) pass(read);
  const reader = new SpliceReader(from, to, pass, readBuffers);
  if (readStatically(from, reader)) to.on('drain', () => reader.drained());
  else copyStream(from, to, pass);
  from.on('end', end).resume();
  if (from.readableEnded) end();
}

/** The copy by way of stream events. */
function copyStream(from: Socket, to: Socket, pass: Pass): void {
  from.on('data', (chunk: Buffer) => {
    pass(chunk);
    if (to.writableNeedDrain) from.pause();
  });
  to.on('drain', () => from.resume());
}

/** What becomes of `to` when `from` fails or closes. */
function follow(from: Endpoint, to: Endpoint, fails: () => void, closed: () => void): void {
  let hasFailed = false;
  const onError = () => {
    hasFailed = true;
    // After its end the peer owes us nothing more: all it sent is good and must still arrive.
    if (from.stream.readableEnded) return to.stream.destroySoon();
    fails();
    to.reset();
  };
  const onClose = () => {
    // Closed by us (a drain): both ends see an orderly close.
    if (!hasFailed && !from.stream.readableEnded) {
      fails();
      to.stream.destroySoon();
    }
    closed();
  };
  from.stream.on('error', onError);
  if (!from.stream.closed) from.stream.on('close', onClose);
  else {
    to.reset();
    fails();
    closed();
  }
}
