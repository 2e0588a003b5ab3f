// One keep-alive connection of a session to the service under test. Its bytes, both ways, go through the same
// exchange as a sidecar's, so that a result is made exactly as a recording is. One request at a time, no retries.
//
//   open ─▶ idle ─ send ─▶ waiting ─ response ─▶ idle      any ─ error, timeout, server's close ─▶ closed (for good)
import { connect, type Socket } from 'node:net';
import type { Clock } from '@echoplane/runtime';
import type { PairError } from '@echoplane/traffic';
import { type CapturedAddress, Http1Exchange, type Http1PairError, type RawHttpPair } from '@echoplane/wire';
import type { Target } from './config.ts';
import { liveResponse } from './live-response.ts';
import type { RequestBytes } from './request-bytes.ts';

/** How a request ended; `gapReason` says why its response could not be framed. */
export interface Outcome {
  raw: RawHttpPair;
  error: PairError | null;
  gapReason: string;
}

export interface ConnectionOptions {
  id: string;
  clock: Clock;
  timeoutMs: number;
  bodyLimitBytes: number;
  /** Aborting it ends the connection and what is under way on it. */
  signal: AbortSignal;
}

/** Dials the target once. Rejects when it is refused, not up in time, or the signal aborts. */
export function openConnection(target: Target, options: ConnectionOptions): Promise<SessionConnection> {
  return new Promise((resolve, reject) => {
    const { signal, timeoutMs } = options;
    const socket = connect({ host: target.hostname, port: target.port, noDelay: true });
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
    socket.once('connect', () => {
      settled();
      socket.removeAllListeners('error');
      resolve(new SessionConnection(socket, options));
    });
  });
}

export class SessionConnection {
  readonly id: string;
  readonly client: CapturedAddress;
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #exchange: Http1Exchange;
  #settle: ((outcome: Outcome) => void) | null = null;
  #waiting: { bytes: RequestBytes; dueUs: number; seq: number } | null = null;
  #seq = 0;
  #isOpen = true;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.id = options.id;
    this.client = { ip: socket.localAddress ?? '', port: socket.localPort ?? 0, host: '' };
    this.#socket = socket;
    this.#options = options;
    const { clock, signal, bodyLimitBytes } = options;
    this.#exchange = new Http1Exchange(
      { pair: (raw) => this.#answered(raw), opaque: (reason) => this.#unframed(reason) },
      // A result is one pair, however long its response flows.
      { bodyLimitBytes, partAfterUs: Number.POSITIVE_INFINITY },
    );
    const cancel = () => this.#abort('client-closed');
    signal.addEventListener('abort', cancel);
    socket
      .on('data', (chunk) => this.#exchange.server(chunk, clock.nowUs()))
      .on('end', () => {
        this.#exchange.serverEnd(clock.nowUs());
        this.close();
      })
      .on('error', () => this.#abort('reset'))
      .on('close', () => {
        signal.removeEventListener('abort', cancel);
        this.#abort('server-closed');
      });
  }

  /** Whether another request can be sent on it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends a request and resolves with how it ended, whatever that is. Its latency counts from `dueUs`. */
  async send(bytes: RequestBytes, dueUs: number): Promise<Outcome> {
    const { clock, timeoutMs } = this.#options;
    const leftMs = timeoutMs - (clock.nowUs() - dueUs) / 1000;
    const timer = setTimeout(() => this.#abort('timeout'), Math.max(1, leftMs));
    const outcome = new Promise<Outcome>((resolve) => {
      this.#settle = resolve;
    });
    this.#waiting = { bytes, dueUs, seq: this.#seq++ };
    this.#socket.cork();
    this.#socket.write(bytes.head);
    if (bytes.body.length > 0) this.#socket.write(bytes.body);
    this.#socket.uncork();
    this.#exchange.client(bytes.head, dueUs);
    if (bytes.body.length > 0) this.#exchange.client(bytes.body, dueUs);
    if (!this.#isOpen) this.#abort('server-closed');
    return await outcome.finally(() => clearTimeout(timer));
  }

  close(): void {
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #answered(raw: RawHttpPair): void {
    if (raw.error || !liveResponse(raw)?.keepsAlive) this.close();
    this.#finish({ raw, error: raw.error, gapReason: '' });
  }

  /** The response is not HTTP/1.1, or not any more: what follows on the connection cannot be told apart. */
  #unframed(reason: string): void {
    this.close();
    if (!this.#waiting) return;
    const { bytes, dueUs, seq } = this.#waiting;
    const raw = unanswered(bytes, { dueUs, endUs: this.#options.clock.nowUs(), seq });
    this.#finish({ raw, error: 'reset', gapReason: reason });
  }

  #abort(error: Http1PairError): void {
    this.close();
    this.#exchange.abort(error, this.#options.clock.nowUs());
  }

  #finish(outcome: Outcome): void {
    this.#settle?.(outcome);
    this.#settle = null;
    this.#waiting = null;
  }
}

/** The pair of a request that got no response that could be read. */
export function unanswered(
  { head, body }: RequestBytes,
  { dueUs, endUs, seq }: { dueUs: number; endUs: number; seq: number },
): RawHttpPair {
  return {
    seq,
    requestHead: head,
    requestBody: { size: body.length, kept: [body], truncated: 0 },
    requestTrailers: null,
    responseHead: null,
    responseBody: { size: 0, kept: [], truncated: 0 },
    responseTrailers: null,
    interimCount: 0,
    startedUs: dueUs,
    requestEndUs: null,
    firstByteUs: null,
    endUs,
    error: null,
  };
}
