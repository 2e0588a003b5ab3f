/**
 * Pairs the requests and responses of one HTTP/1.1 connection. Fed with both directions as they pass
 * and with the time, it emits raw pairs in the order of the requests; everything in a pair is a copy.
 * It knows no sockets and no clock, builds no header objects and decodes no bodies.
 *
 * Every request whose head was seen ends in exactly one way: in a pair, or in `abandoned` of `opaque`.
 * The owner ends every exchange: `serverEnd` (after `clientEnd` if that came first) or `abort`. After a request
 * for an upgrade the client's bytes are held until the answer says what they are.
 *
 * Parts: a response that still flows `partAfterUs` after its first byte is emitted in parts from then on, each with
 * what came since the one before, decided as bytes arrive; an event stream also whenever its part is full, so that
 * nothing of it is cut. Any other body is cut at the limit, however large: a download stays one pair.
 */
import { BodyCollector } from './body-collector.ts';
import { Http1Framer, type Http1FramerOptions, type Http1Sink } from './http1-framer.ts';
import type { Http1Head, Http1OpaqueReason } from './http1-framing.ts';
import {
  heldBytesOf,
  NO_BODY,
  newOutstanding,
  type Outstanding,
  rawPairOf,
  releaseBodies,
} from './http1-outstanding.ts';
import type { Http1PairError, RawHttpPair } from './raw-http-pair.ts';
import type { Slabs } from './slabs.ts';

export type { Http1PairError, RawHttpPair } from './raw-http-pair.ts';

/** Why an exchange stopped pairing. */
export type Http1ExchangeOpaqueReason = Http1OpaqueReason | 'unexpected-response' | 'too-many-outstanding';

/** A connection that has become a WebSocket: its pair, already emitted, and what came after. All copies. */
export interface WebSocketUpgrade {
  seq: number;
  requestHead: Buffer;
  responseHead: Buffer;
  clientRest: Buffer;
  serverRest: Buffer;
}

export interface Http1ExchangeSink {
  pair(pair: RawHttpPair): void;
  /** Called at most once, last. `abandoned`: requests seen for which no pair is emitted. */
  opaque(reason: Http1ExchangeOpaqueReason, abandoned: number): void;
  /** In place of `opaque` when the connection goes on as a WebSocket; left out, that is opaque too. */
  upgraded?(upgrade: WebSocketUpgrade): void;
}

export interface Http1ExchangeOptions extends Omit<Http1FramerOptions, 'requestMethod'> {
  /** Bytes kept of each body; the rest is counted. Default 65,536. */
  bodyLimitBytes?: number;
  /** Recycled memory for bodies: those of an emitted pair are then valid only until the sink's call returns. */
  slabs?: Slabs;
  /** Pipelined requests without a complete response; one more makes the exchange opaque. Default 1,000. */
  maxOutstanding?: number;
  /** Bytes held for them; a request that begins above it makes the exchange opaque. Default 8 MiB. */
  maxHeldBytes?: number;
  /** How long a response may flow before it is emitted in parts, and how long a part may become. Default 30 s; `Infinity`: never in parts. */
  partAfterUs?: number;
}

const WEBSOCKET = /\nupgrade:[ \t]*websocket[ \t]*\r/i;
const EVENT_STREAM = /\ncontent-type:[ \t]*text\/event-stream[ \t]*[;\r]/i;

/** One connection's exchange; feed it each direction's bytes in the order they passed. */
export class Http1Exchange {
  readonly #sink: Http1ExchangeSink;
  readonly #bodyLimitBytes: number;
  readonly #slabs: Slabs | undefined;
  readonly #maxOutstanding: number;
  readonly #maxHeldBytes: number;
  readonly #partAfterUs: number;
  readonly #requests: Http1Framer;
  readonly #responses: Http1Framer;
  readonly #requestSink: Http1Sink;
  readonly #responseSink: Http1Sink;
  /** Oldest first. Only the last can lack its request's end, only the first can have response bytes. */
  readonly #outstanding: Outstanding[] = [];
  /** Heads, trailers and request bodies held; the one response in progress has its own limit. */
  #heldBytes = 0;
  #seq = 0;
  #nowUs = 0;
  #requestStartUs = 0;
  #responseStartUs = 0;
  #inInterim = false;
  #asksUpgrade = false;
  #switched: Outstanding | null = null;
  /** Of the response in progress: when its part is over, and whether it is an event stream (once that was asked). */
  #partDueUs = 0;
  #isEventStream: boolean | null = null;
  #firstEnd: Http1PairError | null = null;
  /** The request side cannot be framed any more: opaque as soon as what is complete has been answered. */
  #requestsBroken: Http1OpaqueReason | null = null;
  #brokenRequests = 0;
  #isOver = false;

  constructor(sink: Http1ExchangeSink, options: Http1ExchangeOptions = {}) {
    this.#sink = sink;
    this.#bodyLimitBytes = options.bodyLimitBytes ?? 65_536;
    this.#slabs = options.slabs;
    this.#maxOutstanding = options.maxOutstanding ?? 1_000;
    this.#maxHeldBytes = options.maxHeldBytes ?? 8 * 1024 * 1024;
    this.#partAfterUs = options.partAfterUs ?? 30_000_000;
    this.#requests = new Http1Framer('request', options);
    this.#responses = new Http1Framer('response', {
      ...options,
      requestMethod: () => this.#outstanding[0]?.method,
    });
    this.#requestSink = {
      head: (head) => this.#onRequestHead(head),
      body: (data) => this.#outstanding.at(-1)!.requestBody.add(data, 0),
      trailers: (raw) => {
        this.#outstanding.at(-1)!.requestTrailers = this.#keep(raw);
      },
      complete: () => this.#onRequestEnd(),
      opaque: (reason) => this.#onRequestsOpaque(reason),
    };
    this.#responseSink = {
      head: (head) => this.#onResponseHead(head),
      body: (data) => this.#onResponseBody(data),
      trailers: (raw) => {
        this.#outstanding[0]!.responseTrailers = this.#keep(raw);
      },
      complete: () => this.#onResponseEnd(),
      opaque: (reason, rest) => {
        if (reason === 'upgrade') this.#onUpgrade(rest);
        else if (reason !== 'truncated') this.#goOpaque(reason);
      },
    };
  }

  /** Nothing will be emitted any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Requests begun, if only by a part of their head, that are neither in a pair nor abandoned yet. */
  get outstanding(): number {
    return this.#outstanding.length + (this.#requests.inHead ? 1 : 0);
  }

  /** Bytes held beside slabs: heads and trailers, if only begun, and bodies of requests that wait for their responses. */
  get heldBytes(): number {
    return this.#heldBytes + this.#requests.heldBytes + this.#responses.heldBytes;
  }

  /** Bytes of both directions that were not framed. */
  get opaqueBytes(): number {
    return this.#requests.opaqueBytes + this.#responses.opaqueBytes;
  }

  /** Bytes from the client; they may be overwritten as soon as this returns. */
  client(chunk: Buffer, nowUs: number): void {
    this.#nowUs = nowUs;
    if (!this.#requests.inHead) this.#requestStartUs = nowUs;
    this.#requests.feed(chunk, this.#requestSink);
  }

  /** Bytes from the server; they may be overwritten as soon as this returns. */
  server(chunk: Buffer, nowUs: number): void {
    this.#nowUs = nowUs;
    if (!this.#responses.inHead) this.#responseStartUs = nowUs;
    this.#responses.feed(chunk, this.#responseSink);
  }

  /** The client sends no more; what is complete may still be answered. */
  clientEnd(nowUs: number): void {
    if (this.#isOver) return;
    this.#nowUs = nowUs;
    this.#firstEnd ??= 'client-closed';
    this.#requests.end(this.#requestSink);
  }

  /** The server sends no more: what is outstanding is emitted with its error. */
  serverEnd(nowUs: number): void {
    if (this.#isOver) return;
    this.#nowUs = nowUs;
    this.#responses.end(this.#responseSink);
    if (!this.#isOver) this.#finish(this.#firstEnd ?? 'server-closed');
  }

  /** The connection is gone: what is outstanding, a body that runs until close too, is emitted with `error`. */
  abort(error: Http1PairError, nowUs: number): void {
    if (this.#isOver) return;
    this.#nowUs = nowUs;
    this.#finish(error);
  }

  #onRequestHead(head: Http1Head): void {
    const isFull = this.#outstanding.length >= this.#maxOutstanding || this.#heldBytes > this.#maxHeldBytes;
    if (isFull) {
      this.#brokenRequests++;
      this.#goOpaque('too-many-outstanding');
      return;
    }
    const hasBody = head.framing.kind !== 'none';
    const pair = newOutstanding({
      seq: this.#seq++,
      method: head.method,
      requestHead: this.#keep(head.raw),
      requestBody: hasBody ? this.#newBody() : NO_BODY,
      responseBody: this.#newBody(),
      startedUs: this.#requestStartUs,
    });
    if (head.framing.kind === 'length') pair.requestBody.expectedBytes = head.framing.length;
    this.#outstanding.push(pair);
    this.#asksUpgrade = head.upgrade;
    this.#requestStartUs = this.#nowUs;
  }

  #onRequestEnd(): void {
    const last = this.#outstanding.at(-1)!;
    last.requestEndUs = this.#nowUs;
    if (this.#asksUpgrade && last.responseHead === null) this.#requests.hold();
    this.#closeRequest(last);
  }

  #closeRequest(last: Outstanding): void {
    last.hasRequest = true;
    this.#heldBytes += last.requestBody.keptBytes;
    this.#settle();
  }

  #onRequestsOpaque(reason: Http1OpaqueReason): void {
    const last = this.#outstanding.at(-1);
    const isCut = last !== undefined && !last.hasRequest;
    if (reason === 'truncated') {
      if (!isCut) return;
      last.error = 'client-closed';
      this.#closeRequest(last);
      return;
    }
    if (isCut) {
      releaseBodies(this.#outstanding.pop()!);
      this.#brokenRequests++;
    }
    this.#requestsBroken = reason;
    if (this.#outstanding.length === 0) this.#goOpaque(reason);
  }

  #onResponseHead(head: Http1Head): void {
    const first = this.#outstanding[0];
    if (!first || first.hasResponse) {
      this.#goOpaque('unexpected-response');
      return;
    }
    this.#inInterim = head.status < 200 && head.status !== 101;
    if (this.#inInterim) {
      first.interimCount++;
    } else {
      first.responseHead = this.#keep(head.raw);
      first.firstByteUs = this.#responseStartUs;
      this.#partDueUs = this.#responseStartUs + this.#partAfterUs;
      this.#isEventStream = null;
      if (head.status === 101) this.#switched = first;
      else if (this.#requests.isHeld && this.#outstanding.length === 1)
        this.#requests.resume(this.#requestSink);
      if (head.framing.kind === 'length') first.responseBody.expectedBytes = head.framing.length;
      else if (head.framing.kind !== 'none') first.responseBody.timeArrivals();
    }
    this.#responseStartUs = this.#nowUs;
  }

  #onResponseBody(data: Buffer): void {
    const first = this.#outstanding[0]!;
    if (this.#nowUs >= this.#partDueUs || data.length > first.responseBody.roomBytes)
      this.#addInParts(first, data);
    else first.responseBody.add(data, this.#nowUs - first.firstByteUs!);
  }

  /** Takes body bytes that came late or do not fit: a part may end before, or within them. */
  #addInParts(first: Outstanding, data: Buffer): void {
    if (this.#nowUs >= this.#partDueUs && first.hasRequest) this.#endPart(first);
    let rest = data;
    if (this.#isCutWhenFull(first)) {
      for (;;) {
        // By what came, not by what was kept: where memory is short, parts are cut as ever and say what they lack.
        const room = Math.max(0, this.#bodyLimitBytes - first.responseBody.sizeBytes);
        if (rest.length <= room) break;
        first.responseBody.add(rest.subarray(0, room), this.#nowUs - first.firstByteUs!);
        rest = rest.subarray(room);
        this.#endPart(first);
      }
    }
    first.responseBody.add(rest, this.#nowUs - first.firstByteUs!);
  }

  #isCutWhenFull(first: Outstanding): boolean {
    if (!first.hasRequest || this.#bodyLimitBytes === 0 || this.#partAfterUs === Number.POSITIVE_INFINITY)
      return false;
    this.#isEventStream ??= EVENT_STREAM.test(first.responseHead!.toString('latin1'));
    return this.#isEventStream;
  }

  /** Emits what there is of the pair and goes on with the next part of its response. */
  #endPart(first: Outstanding): void {
    this.#emit(first, null, false);
    this.#heldBytes -= first.requestBody.keptBytes + (first.requestTrailers?.length ?? 0);
    const { timesArrivals } = first.responseBody;
    first.parts++;
    first.requestBody = NO_BODY;
    first.requestTrailers = null;
    first.responseBody = this.#newBody();
    if (timesArrivals) first.responseBody.timeArrivals();
    first.startedUs = first.requestEndUs = first.firstByteUs = this.#nowUs;
    this.#partDueUs = this.#nowUs + this.#partAfterUs;
  }

  #onResponseEnd(): void {
    if (this.#inInterim) {
      this.#inInterim = false;
      return;
    }
    this.#outstanding[0]!.hasResponse = true;
    this.#settle();
  }

  #onUpgrade(rest: Buffer): void {
    const switched = this.#switched!;
    const isSettled = this.#outstanding.length === 0 && this.#requests.isHeld;
    if (!this.#sink.upgraded || !isSettled || !WEBSOCKET.test(switched.responseHead!.toString('latin1'))) {
      this.#goOpaque('upgrade');
      return;
    }
    const { seq, requestHead, responseHead } = switched;
    const clientRest = this.#requests.takeHeld();
    const serverRest = Buffer.from(rest);
    this.#stop();
    this.#sink.upgraded({ seq, requestHead, responseHead: responseHead!, clientRest, serverRest });
  }

  /** Emits the oldest pair when both its sides are over. */
  #settle(): void {
    const first = this.#outstanding[0]!;
    if (!first.hasRequest || !first.hasResponse) return;
    this.#outstanding.shift();
    this.#heldBytes -= heldBytesOf(first);
    this.#emit(first, first.error);
    if (this.#requestsBroken && this.#outstanding.length === 0) this.#goOpaque(this.#requestsBroken);
  }

  /** Ends the exchange with everything that is outstanding in pairs. */
  #finish(error: Http1PairError): void {
    this.#stop();
    for (const pair of this.#outstanding.splice(0)) this.#emit(pair, pair.error ?? error);
    if (this.#requestsBroken) this.#sink.opaque(this.#requestsBroken, this.#brokenRequests);
  }

  #goOpaque(reason: Http1ExchangeOpaqueReason): void {
    this.#stop();
    const abandoned = this.#outstanding.splice(0);
    for (const pair of abandoned) releaseBodies(pair);
    this.#sink.opaque(reason, abandoned.length + this.#brokenRequests);
  }

  #stop(): void {
    this.#isOver = true;
    this.#requests.abandon();
    this.#responses.abandon();
  }

  #emit(from: Outstanding, error: Http1PairError | null, last = true): void {
    const pair = rawPairOf(from, this.#nowUs, error);
    if (!last || from.parts > 0) pair.part = { index: from.parts, last };
    try {
      this.#sink.pair(pair);
    } finally {
      releaseBodies(from);
    }
  }

  #newBody(): BodyCollector {
    return new BodyCollector(this.#bodyLimitBytes, this.#slabs);
  }

  #keep(bytes: Buffer): Buffer {
    this.#heldBytes += bytes.length;
    return Buffer.from(bytes);
  }
}
