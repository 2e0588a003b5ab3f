// One HTTP/1 connection with a client: bytes in, whole requests out, answers back in their order, one at a time. It owns framing,
// limits, deadlines and back-pressure, and refuses what could be read in two ways. It must not know what is answered.
//
//   idle ─▶ head ─▶ body ─▶ answering ─▶ idle          any ─▶ refused ─▶ closed
//             └── CONNECT, upgrade: handed over, nothing is read any more
import type { Duplex } from 'node:stream';
import { Http1Framer, type Http1Head, type Http1OpaqueReason, type Http1Sink } from '@echoplane/wire';
import type { Channel } from './channel.ts';
import { type Flushed, Http1Socket } from './http1-socket.ts';

/** What one connection may take. */
export interface Http1Limits {
  /** Time for a head, from its first byte, ms. */
  headMs: number;
  /** Time for a whole request, ms. */
  requestMs: number;
  /** Longer than clients keep idle connections, so that they close them and no request meets a closing one; ms. */
  idleMs: number;
  /** Time for a client that does not read, ms. */
  stallMs: number;
}
export const HTTP1_LIMITS: Http1Limits = {
  headMs: 30_000,
  requestMs: 300_000,
  idleMs: 65_000,
  stallMs: 120_000,
};

const MAX_HEAD_BYTES = 64 << 10;
/** Of a larger body the first bytes are kept and the others counted. */
export const MAX_BODY_BYTES = 8 << 20;
/** Bytes taken in while an answer is on its way. */
const MAX_WAITING_BYTES = 64 << 10;
const NOTHING: Buffer = Buffer.alloc(0);
const CONTINUE = Buffer.from('HTTP/1.1 100 Continue\r\n\r\n');
const LIVES_ON = { keepAlive: true };
const CHUNKED_ALONE = /\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/i;

/** A whole request. */
export interface Http1Asked {
  head: Http1Head;
  /** Start line, fields and blank line as they were sent. */
  raw: Buffer;
  /** The first 8 MiB. */
  body: Buffer;
  sizeBytes: number;
  /** First byte, µs since the epoch. */
  startedUs: number;
  seq: number;
}

export type Answering = Promise<void> | undefined;

export interface Http1Owner {
  nowUs(): number;
  /** Answers bytes that are known to be a whole request which leaves the connection alive, as `answer` does; null: they are not. */
  again(bytes: Buffer, length: number, startedUs: number, connection: Http1Connection): Answering | null;
  /** Answers by `send`; a promise: the answer is on its way until it settles. */
  answer(asked: Http1Asked, connection: Http1Connection): Answering;
  /** A request for a tunnel, after which the connection is whatever `release` gives. */
  connect(authority: string, connection: Http1Connection): void;
  /** Whether it took the connection over. */
  upgrade(asked: Http1Asked, connection: Http1Connection): boolean;
  /** What was not HTTP as we accept it. */
  refused(reason: Http1OpaqueReason): void;
  closed(connection: Http1Connection): void;
}

export class Http1Connection implements Http1Sink {
  readonly socket: Duplex;
  readonly channel: Channel;
  readonly #bytes: Http1Socket;
  readonly #owner: Http1Owner;
  readonly #limits: Http1Limits;
  readonly #framer = new Http1Framer('request', { maxHeadBytes: MAX_HEAD_BYTES });
  readonly #onEnd = () => this.#clientEnded();
  readonly #onDrain = () => this.#drained();
  readonly #onClose = () => this.#closed();
  #head: Http1Head | null = null;
  #raw: Buffer = NOTHING;
  #pieces: Buffer[] = [];
  #keptBytes = 0;
  #sizeBytes = 0;
  #startedUs = 0;
  #nowUs = 0;
  #isAnswering = false;
  #hasEnded = false;
  #isOver = false;
  #isReleased = false;
  /** Read while an answer was on its way. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isFeeding = false;
  /** To be done when all that is being fed was fed. */
  #then: (() => void) | null = null;
  #out: Buffer[] = [];
  #flushed: Flushed[] = [];
  #left: AbortController | null = null;
  #deadlineUs = 0;

  constructor(socket: Duplex, channel: Channel, owner: Http1Owner, limits: Http1Limits = HTTP1_LIMITS) {
    this.socket = socket;
    this.channel = channel;
    this.#owner = owner;
    this.#limits = limits;
    this.#due(owner.nowUs(), limits.idleMs);
    socket.on('end', this.#onEnd).on('drain', this.#onDrain).on('close', this.#onClose);
    socket.on('error', ignore);
    this.#bytes = new Http1Socket(socket, (bytes, length, isShared) => this.#read(bytes, length, isShared));
    this.#bytes.read();
  }

  /** Aborts when the client leaves. */
  get left(): AbortSignal {
    this.#left ??= new AbortController();
    if (this.socket.destroyed || this.#hasEnded) this.#left.abort();
    return this.#left.signal;
  }

  /** Ends the connection when it was waited for too long. */
  expire(nowUs: number): void {
    if (nowUs < this.#deadlineUs) return;
    if (!this.#isOver && (this.#head || this.#framer.inHead)) this.#close('408 Request Timeout');
    else this.socket.destroy();
  }

  /** Writes (part of) an answer; answers that are given at once leave in one write. */
  send(bytes: Buffer, flushed?: Flushed): void {
    if (this.socket.destroyed) {
      flushed?.(false);
      return;
    }
    if (!this.#isFeeding) {
      this.#write(bytes, flushed);
      return;
    }
    this.#out.push(bytes);
    if (flushed) this.#flushed.push(flushed);
  }

  /** Nothing follows what was sent. */
  finish(): void {
    this.#isOver = true;
    this.#framer.abandon();
    if (!this.#isFeeding) this.#endSocket();
  }

  /** Gives the connection away with what was read behind the last request. */
  release(): { socket: Duplex; rest: Buffer } {
    this.#flush();
    const rest = Buffer.concat([this.#framer.takeHeld(), ...this.#waiting]);
    this.#waiting = [];
    this.#isOver = true;
    this.#isReleased = true;
    const { socket } = this;
    this.#bytes.release();
    socket.off('end', this.#onEnd).off('drain', this.#onDrain).off('close', this.#onClose);
    this.#owner.closed(this);
    return { socket, rest };
  }

  head(head: Http1Head): void {
    this.#head = head;
    if (this.#startedUs === 0) this.#startedUs = this.#nowUs;
    this.#raw = head.raw;
    if (head.framing.kind === 'none') return;
    this.#due(this.#startedUs, this.#limits.requestMs);
    if (head.expectContinue && head.version !== '1.0') this.send(CONTINUE);
  }

  body(data: Buffer): void {
    this.#sizeBytes += data.length;
    const part =
      this.#keptBytes + data.length > MAX_BODY_BYTES
        ? data.subarray(0, MAX_BODY_BYTES - this.#keptBytes)
        : data;
    if (part.length === 0) return;
    this.#pieces.push(part);
    this.#keptBytes += part.length;
  }

  trailers(): void {}

  complete(): void {
    const head = this.#head!;
    if (head.framing.kind === 'chunked' && !CHUNKED_ALONE.test(this.#raw.toString('latin1'))) {
      this.refuse('bad-transfer-encoding');
      return;
    }
    const asked = this.#takeAsked(head);
    if (head.method === 'CONNECT') {
      this.#later(() => this.#owner.connect(head.target, this));
      return;
    }
    asked.seq = this.channel.seq++;
    if (!head.upgrade) this.#answer(asked);
    else
      this.#later(() => {
        if (!this.#owner.upgrade(asked, this)) this.#answer(asked);
      });
  }

  opaque(reason: Http1OpaqueReason): void {
    if (this.#isOver) return;
    this.#owner.refused(reason);
    if (reason === 'truncated') this.socket.destroy();
    else this.#close(reason === 'head-too-large' ? '431 Request Header Fields Too Large' : '400 Bad Request');
  }

  /** Refuses what was framed but cannot be meant. */
  refuse(reason: Http1OpaqueReason): void {
    this.#framer.abandon();
    this.opaque(reason);
  }

  #takeAsked(head: Http1Head): Http1Asked {
    const pieces = this.#pieces;
    const body = pieces.length === 0 ? NOTHING : pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    const sizeBytes = this.#sizeBytes;
    const asked = { head, raw: this.#raw, body, sizeBytes, startedUs: this.#startedUs, seq: 0 };
    this.#head = null;
    this.#startedUs = 0;
    if (sizeBytes > 0) {
      this.#pieces = [];
      this.#keptBytes = 0;
      this.#sizeBytes = 0;
    }
    return asked;
  }

  #answer(asked: Http1Asked): void {
    this.#settle(this.#owner.answer(asked, this), asked.head);
  }

  #settle(pending: Answering, head: Pick<Http1Head, 'keepAlive'>): void {
    if (!pending) {
      if (this.#isAnswering) this.#resume(head);
      else this.#answered(head);
      return;
    }
    if (!this.#isAnswering) this.#later(() => {});
    this.#deadlineUs = Number.POSITIVE_INFINITY;
    pending.then(
      () => this.#resume(head),
      () => this.socket.destroy(),
    );
  }

  /** Reads nothing further as a request until `#resume`; `then` is done when all that is being fed was fed. */
  #later(then: () => void): void {
    this.#isAnswering = true;
    this.#framer.hold();
    if (this.#isFeeding) this.#then = then;
    else then();
  }

  #answered(head: Pick<Http1Head, 'keepAlive'>): void {
    if (!head.keepAlive) {
      this.finish();
      return;
    }
    this.#due(this.#nowUs, this.#limits.idleMs);
    this.#bytes.readShared();
  }

  #resume(head: Pick<Http1Head, 'keepAlive'>): void {
    if (this.#isOver || this.socket.destroyed) return;
    this.#isAnswering = false;
    this.#nowUs = this.#owner.nowUs();
    this.#answered(head);
    if (this.#isOver) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#feed(null);
    for (const chunk of waiting) this.#take(chunk);
    if (this.#isAnswering) return;
    this.socket.resume();
    if (this.#hasEnded) this.#clientEnded();
  }

  #read(bytes: Buffer, length: number, isShared: boolean): void {
    this.#nowUs = this.#owner.nowUs();
    if (this.#isBetween) {
      const pending = this.#owner.again(bytes, length, this.#nowUs, this);
      if (pending !== null) {
        this.#settle(pending, LIVES_ON);
        return;
      }
    }
    const chunk = isShared ? Buffer.from(bytes.subarray(0, length)) : bytes;
    // What was put back on the socket may come in one piece with what follows.
    for (let at = 0; at < chunk.length; at += MAX_WAITING_BYTES)
      this.#take(chunk.length <= MAX_WAITING_BYTES ? chunk : chunk.subarray(at, at + MAX_WAITING_BYTES));
  }

  /** Whether the next byte begins a request that may be answered at once. */
  get #isBetween(): boolean {
    return !this.#isAnswering && !this.#isOver && this.#startedUs === 0 && this.#framer.isBetween;
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    if (!this.#isAnswering) {
      this.#feed(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    if (this.#waitingBytes >= MAX_WAITING_BYTES) this.socket.pause();
  }

  /** Null: what the framer holds. */
  #feed(chunk: Buffer | null): void {
    if (this.#startedUs === 0 && (chunk || this.#framer.heldBytes > 0)) this.#begin();
    this.#isFeeding = true;
    if (chunk) this.#framer.feed(chunk, this);
    else this.#framer.resume(this);
    this.#isFeeding = false;
    const then = this.#then;
    this.#then = null;
    then?.();
    this.#flush();
    if (this.#isOver && !this.#isReleased) this.#endSocket();
  }

  #begin(): void {
    this.#startedUs = this.#nowUs;
    this.#due(this.#nowUs, this.#limits.headMs);
  }

  #flush(): void {
    const { length } = this.#out;
    if (length === 0) return;
    const bytes = length === 1 ? this.#out[0]! : Buffer.concat(this.#out);
    const flushed = this.#flushed;
    this.#out = [];
    this.#flushed = [];
    this.#write(bytes, flushed.length > 0 ? (isWhole) => tell(flushed, isWhole) : undefined);
  }

  #write(bytes: Buffer, flushed: Flushed | undefined): void {
    const hasRoom = this.#bytes.write(bytes, flushed);
    if (!hasRoom && !this.#isAnswering) {
      this.socket.pause();
      this.#due(this.#nowUs, this.#limits.stallMs);
    }
  }

  #drained(): void {
    if (this.#isAnswering || this.#isOver) return;
    this.#due(this.#owner.nowUs(), this.#limits.idleMs);
    this.socket.resume();
  }

  #clientEnded(): void {
    this.#hasEnded = true;
    // Who only half-closes gets whole answers all the same; streams are for those who stay.
    this.#left?.abort();
    if (this.#isAnswering || this.#isOver) return;
    this.#framer.end(this);
    if (!this.#isOver) this.finish();
  }

  #close(status: string): void {
    this.send(Buffer.from(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`));
    this.finish();
  }

  #endSocket(): void {
    this.#due(this.#nowUs, this.#limits.headMs);
    this.socket.resume();
    if (!this.socket.writableEnded) this.socket.end();
  }

  #due(fromUs: number, ms: number): void {
    this.#deadlineUs = fromUs + ms * 1000;
  }

  #closed(): void {
    this.#isOver = true;
    this.#left?.abort();
    tell(this.#flushed, false);
    this.#flushed = [];
    this.#owner.closed(this);
  }
}

function tell(flushed: readonly Flushed[], isWhole: boolean): void {
  for (const one of flushed) one(isWhole);
}

function ignore(): void {}
