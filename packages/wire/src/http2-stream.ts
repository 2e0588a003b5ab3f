/**
 * One HTTP/2 stream as a pair in the making: its heads, bodies and times, and how a stream that goes on for long becomes
 * parts. It knows nothing of frames, of other streams, or of who is told.
 */
import { type BodyCapture, BodyCollector } from './body-collector.ts';
import type { Http1PairError, RawHttpPair } from './raw-http-pair.ts';
import type { Slabs } from './slabs.ts';

/** One direction of a stream: its body, and how that is collected. */
export class Http2Half {
  head: Buffer | null = null;
  trailers: Buffer | null = null;
  hasEnded = false;
  /** Announced length of the body, or -1. */
  contentLength = -1;
  /** Bytes kept of each part of the body. */
  limitBytes = 0;
  readonly #slabs: Slabs | undefined;
  #body: BodyCollector | null = null;
  /** The body that was taken last. */
  #taken: BodyCollector | null = null;

  constructor(slabs: Slabs | undefined) {
    this.#slabs = slabs;
  }

  /** Of head and trailers. */
  get heldBytes(): number {
    return (this.head?.length ?? 0) + (this.trailers?.length ?? 0);
  }

  get bodyBytes(): number {
    return this.#body?.keptBytes ?? 0;
  }

  /** Bytes of the body that would still be kept. */
  get roomBytes(): number {
    return this.#body ? this.#body.roomBytes : this.limitBytes;
  }

  /** Takes body bytes, of whose frame `left` more are to come; when `isFull` nothing more of this body is kept. Returns how many bytes were. */
  add(data: Buffer, offsetUs: number, left: number, isFull: boolean): number {
    let body = this.#body;
    if (!body) {
      body = this.#body = new BodyCollector(this.limitBytes, this.#slabs);
      // One frame is the whole body more often than not: the first slab is as large as that, and no larger.
      body.expectedBytes = this.contentLength >= 0 ? this.contentLength : data.length + left;
      if (this.contentLength < 0) body.timeArrivals();
    } else if (this.contentLength < 0 && left === 0) body.expectedBytes = Number.POSITIVE_INFINITY;
    if (isFull) body.stopKeeping();
    const before = body.keptBytes;
    body.add(data, offsetUs);
    return body.keptBytes - before;
  }

  takeBody(): BodyCapture {
    const body = this.#body;
    this.#body = null;
    this.#taken = body;
    return body ? body.finish() : { size: 0, kept: [], truncated: 0 };
  }

  /** Gives recycled memory back: a body that was taken must not be read any more. */
  release(): void {
    this.#taken?.release();
    this.#taken = null;
  }
}

/** A stream that is recorded. */
export class Http2Stream {
  readonly request: Http2Half;
  readonly response: Http2Half;
  isGrpc = false;
  isEventStream = false;
  isConnect = false;
  interimCount = 0;
  requestEndUs: number | null = null;
  firstByteUs: number | null = null;
  /** From when on bytes that arrive begin a new part. */
  partDueUs = Number.POSITIVE_INFINITY;
  startedUs: number;
  readonly seq: number;
  #parts = 0;

  constructor(seq: number, startedUs: number, slabs?: Slabs) {
    this.request = new Http2Half(slabs);
    this.response = new Http2Half(slabs);
    this.seq = seq;
    this.startedUs = startedUs;
  }

  get heldBytes(): number {
    return this.request.heldBytes + this.response.heldBytes;
  }

  get bodyBytes(): number {
    return this.request.bodyBytes + this.response.bodyBytes;
  }

  /** Gives recycled memory back: the pair given last must not be read any more. */
  release(): void {
    this.request.release();
    this.response.release();
  }

  /** Drops the bodies of a stream that will not be finished. */
  drop(): void {
    this.request.takeBody();
    this.response.takeBody();
    this.release();
  }

  /** What there is, as the last or only pair of the stream. */
  finish(nowUs: number, error: Http1PairError | null): RawHttpPair {
    return this.#pair(nowUs, error, true);
  }

  /** What there is; the stream goes on with its next part, which begins now. */
  endPart(nowUs: number): RawHttpPair {
    const pair = this.#pair(nowUs, null, false);
    this.#parts++;
    this.startedUs = nowUs;
    if (this.request.hasEnded) this.requestEndUs = nowUs;
    if (this.response.head) this.firstByteUs = nowUs;
    this.request.trailers = null;
    this.interimCount = 0;
    return pair;
  }

  #pair(endUs: number, error: Http1PairError | null, last: boolean): RawHttpPair {
    const { request, response } = this;
    const pair: RawHttpPair = {
      seq: this.seq,
      requestHead: request.head!,
      requestBody: request.takeBody(),
      requestTrailers: request.trailers,
      responseHead: response.head,
      responseBody: response.takeBody(),
      responseTrailers: response.trailers,
      interimCount: this.interimCount,
      startedUs: this.startedUs,
      requestEndUs: this.requestEndUs,
      firstByteUs: this.firstByteUs,
      endUs,
      error,
      protocol: this.isGrpc ? 'grpc' : 'http/2',
    };
    if (!last || this.#parts > 0) pair.part = { index: this.#parts, last };
    return pair;
  }
}
