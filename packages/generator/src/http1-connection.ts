// One keep-alive HTTP/1.1 connection to the service under test, one request at a time. An answer that is known to be right
// byte for byte is recognised in the read buffer, and one that is all there and plainly framed is read there; every other
// goes through the same exchange as a sidecar's, so that a result is made exactly as a recording is. It never sends anything
// twice.
//
//   idle ─ send ─▶ waiting ─ answer ─▶ idle      any ─ error, timeout, server's close ─▶ closed (for good)
import type { Socket } from 'node:net';
import type { Clock } from '@echoplane/runtime';
import { Http1Exchange, type Http1PairError, type RawHttpPair } from '@echoplane/wire';
import { readAnswer } from './answer-reader.ts';
import type { Channel, Outgoing } from './channel.ts';
import type { Dialled } from './dial.ts';
import { liveResponse } from './live-response.ts';
import { answered, type ConnectionFacts, type Outcome, unanswered } from './outcome.ts';

export interface ConnectionOptions {
  clock: Clock;
  /** Time for one response, from when its request was due. */
  timeoutMs: number;
  bodyLimitBytes: number;
  /** Aborting it ends the connection and what is under way on it. */
  signal: AbortSignal;
}

const NOTHING = { head: Buffer.alloc(0), body: Buffer.alloc(0) };

export class Http1Connection implements Channel {
  readonly isShared = false;
  readonly facts: ConnectionFacts;
  readonly #socket: Socket;
  readonly #write: (bytes: Buffer) => void;
  readonly #options: ConnectionOptions;
  readonly #exchange: Http1Exchange;
  readonly #cancel = () => this.#abort('client-closed');
  /** What is under way, and when it was due. */
  #waiting: Outgoing | null = null;
  #dueUs = 0;
  /** Of the request under way; -1 before the first. */
  #seq = -1;
  /** The exchange has seen the request: its answer was not recognised at once. */
  #isExchanged = false;
  #isOpen = true;
  /** One for all requests: it looks when the one that started it would be over, and goes on for the one under way. */
  #timer: NodeJS.Timeout | null = null;

  constructor(dialled: Dialled, facts: ConnectionFacts, options: ConnectionOptions) {
    this.facts = facts;
    this.#socket = dialled.socket;
    this.#write = dialled.write;
    this.#options = options;
    const { clock, signal, bodyLimitBytes } = options;
    this.#exchange = new Http1Exchange(
      { pair: (raw) => this.#answered(raw), opaque: (reason) => this.#unframed(reason) },
      // A result is one pair, however long its response flows.
      { bodyLimitBytes, partAfterUs: Number.POSITIVE_INFINITY },
    );
    dialled.receive = (chunk) => this.#receive(chunk);
    signal.addEventListener('abort', this.#cancel);
    this.#socket
      .on('end', () => {
        this.#enterExchange();
        this.#exchange.serverEnd(clock.nowUs());
        this.close();
      })
      .on('error', () => this.#abort('reset'))
      .on('close', () => this.#abort('server-closed'))
      .resume();
  }

  /** Whether another request can be sent on it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(outgoing: Outgoing, dueUs: number): void {
    this.#waiting = outgoing;
    this.#dueUs = dueUs;
    this.#seq++;
    this.#isExchanged = false;
    this.#watch();
    if (this.#isOpen) this.#write(outgoing.filled.bytes.bytes);
    else queueMicrotask(() => this.#abort('server-closed'));
  }

  close(): void {
    this.#isOpen = false;
    this.#options.signal.removeEventListener('abort', this.#cancel);
    if (this.#timer) clearTimeout(this.#timer);
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const waiting = this.#waiting;
    if (!waiting) {
      // Nothing was asked: what follows could not be told from the next answer.
      this.close();
      return;
    }
    const nowUs = this.#options.clock.nowUs();
    if (!this.#isExchanged) {
      if (this.#isRead(chunk, waiting, nowUs)) return;
      this.#enterExchange();
    }
    this.#exchange.server(chunk, nowUs);
  }

  #enterExchange(): void {
    const waiting = this.#waiting;
    if (!waiting || this.#isExchanged) return;
    this.#isExchanged = true;
    this.#exchange.client(waiting.filled.bytes.bytes, this.#dueUs);
  }

  /** Whether the chunk is all of the answer, and was taken as that. */
  #isRead(chunk: Buffer, { prepared, filled }: Outgoing, nowUs: number): boolean {
    const { proven } = prepared;
    const times = { dueUs: this.#dueUs, endUs: nowUs, seq: this.#seq };
    if (proven?.isAgain(chunk, nowUs)) {
      const raw = answered(filled.bytes, times, proven);
      this.#finish({ raw, response: null, error: null, isProven: true });
      return true;
    }
    const { method } = filled.request;
    const hasNoBody = method === 'HEAD' || method === 'CONNECT';
    const answer = hasNoBody || chunk.length > this.#options.bodyLimitBytes ? null : readAnswer(chunk);
    if (!answer) return false;
    const { response, headBytes } = answer;
    const body = { size: chunk.length - headBytes, kept: [chunk.subarray(headBytes)], truncated: 0 };
    const raw = answered(filled.bytes, times, { head: chunk.subarray(0, headBytes), body });
    this.#finish({ raw, response, error: null, isProven: false });
    return true;
  }

  #answered(raw: RawHttpPair): void {
    const live = liveResponse(raw);
    if (raw.error || !live?.keepsAlive) this.close();
    raw.seq = this.#seq;
    this.#finish({ raw, response: live?.response ?? null, error: raw.error });
  }

  /** The response is not HTTP/1.1, or not any more: what follows on the connection cannot be told apart. */
  #unframed(reason: string): void {
    this.close();
    this.#finish({ raw: this.#withoutAnswer(), response: null, error: 'reset', gapReason: reason });
  }

  #abort(error: Http1PairError): void {
    this.close();
    this.#enterExchange();
    this.#exchange.abort(error, this.#options.clock.nowUs());
    // An exchange that is over emits nothing.
    this.#finish({ raw: this.#withoutAnswer(), response: null, error });
  }

  #withoutAnswer(): RawHttpPair {
    const { bytes } = this.#waiting?.filled ?? { bytes: NOTHING };
    return unanswered(bytes, { dueUs: this.#dueUs, endUs: this.#options.clock.nowUs(), seq: this.#seq });
  }

  #finish(ended: Pick<Outcome, 'raw' | 'response' | 'error'> & Partial<Outcome>): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = null;
    const { raw, response, error, gapReason = '', isProven = false } = ended;
    waiting.settle({ raw, response, error, gapReason, connection: this.facts, isProven });
  }

  #watch(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = null;
        if (!this.#waiting) return;
        if (this.#leftMs() <= 0) this.#abort('timeout');
        else this.#watch();
      },
      Math.max(1, this.#leftMs()),
    );
  }

  #leftMs(): number {
    const { clock, timeoutMs } = this.#options;
    return timeoutMs - (clock.nowUs() - this.#dueUs) / 1000;
  }
}
