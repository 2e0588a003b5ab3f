/**
 * Pairs the requests and responses of one HTTP/2 connection, followed passively: fed with both directions as they pass
 * and with the time, it emits raw pairs as streams end; everything in a pair is a copy. It sends nothing, changes
 * nothing, and leaves flow control to the ends. It knows no sockets and no clock.
 *
 * Heads are written as lines in wire order, pseudo-headers first (see hpack-head.ts). Header blocks are decoded always,
 * also of streams that are not kept, pushed, or over: the compression table is the connection's. Every request whose
 * head was seen ends in exactly one way: in a pair, refused by `keep` (the owner counts it), in `abandoned` when its
 * head cannot be written as lines, or in the count of `opaque`. The owner ends every exchange: `serverEnd` or `abort`.
 *
 * Parts: a stream that still flows `partAfterUs` after its response's first byte (gRPC: or its own) is emitted in parts
 * from then on, decided as bytes arrive; an event stream also whenever its part is full. Tunnels (CONNECT) keep no bytes.
 */

import { DEFAULT_TABLE_BYTES, HpackDecoder, type HpackError } from './hpack-decoder.ts';
import { HeadBlock } from './hpack-head.ts';
import {
  type HeaderBlock,
  Http2Frames,
  type Http2FramesOpaqueReason,
  type Http2FramesSink,
} from './http2-frames.ts';
import { type Http2Half, Http2Stream } from './http2-stream.ts';
import type { Http1PairError, RawHttpPair } from './raw-http-pair.ts';
import type { Slabs } from './slabs.ts';

/** Why a connection cannot be followed any more. */
export type Http2OpaqueReason =
  | Http2FramesOpaqueReason
  | HpackError
  | 'unexpected-response'
  | 'too-many-outstanding';

export interface Http2ExchangeSink {
  pair(pair: RawHttpPair): void;
  /** A request of which no pair is emitted while the connection goes on. */
  abandoned(reason: 'malformed-head'): void;
  /** Called at most once, last. `abandoned`: requests seen for which no pair is emitted. */
  opaque(reason: Http2OpaqueReason, abandoned: number): void;
}

export interface Http2ExchangeOptions {
  /** Bytes kept of each body; the rest is counted. Default 65,536. */
  bodyLimitBytes?: number;
  /** Recycled memory for bodies: those of an emitted pair are then valid only until the sink's call returns. */
  slabs?: Slabs;
  /** Streams open at once; one more makes the exchange opaque. Default 1,000. */
  maxOutstanding?: number;
  /** Bytes held for them: bodies above three quarters of it are cut, a request above it makes the exchange opaque. Default 8 MiB. */
  maxHeldBytes?: number;
  /** How long a stream may flow before it is emitted in parts, and how long a part may become. Default 30 s; `Infinity`: never in parts. */
  partAfterUs?: number;
  /** Whether a request is recorded, asked once with its head, which is valid during the call only and until another exchange is fed. Default: all are. */
  keep?: (requestHead: Buffer) => boolean;
}

const SETTING = { headerTableSize: 1, maxFrameSize: 5 } as const;
const NO_ERROR = 0;
/** One for all connections: a block is decoded and copied before the next begins. */
const HEAD = new HeadBlock();

/** One connection's exchange; feed it each direction's bytes in the order they passed. */
export class Http2Exchange {
  readonly #sink: Http2ExchangeSink;
  readonly #bodyLimitBytes: number;
  readonly #slabs: Slabs | undefined;
  readonly #maxOutstanding: number;
  readonly #maxHeldBytes: number;
  readonly #partAfterUs: number;
  readonly #keep: ((requestHead: Buffer) => boolean) | undefined;
  readonly #requests: Http2Frames;
  readonly #responses: Http2Frames;
  readonly #requestFields = new HpackDecoder();
  readonly #responseFields = new HpackDecoder();
  /** The recorded streams that are not over, by id, oldest first. */
  readonly #streams = new Map<number, Http2Stream>();
  #lastStreamId = 0;
  /** Heads and trailers. */
  #heldBytes = 0;
  #bodyBytes = 0;
  #seq = 0;
  #nowUs = 0;
  #pushes = 0;
  #firstEnd: Http1PairError | null = null;
  #isOver = false;

  constructor(sink: Http2ExchangeSink, options: Http2ExchangeOptions = {}) {
    this.#sink = sink;
    this.#bodyLimitBytes = options.bodyLimitBytes ?? 65_536;
    this.#slabs = options.slabs;
    this.#maxOutstanding = options.maxOutstanding ?? 1_000;
    this.#maxHeldBytes = options.maxHeldBytes ?? 8 * 1024 * 1024;
    this.#partAfterUs = options.partAfterUs ?? 30_000_000;
    this.#keep = options.keep;
    this.#requests = new Http2Frames('client', this.#requestSink());
    this.#responses = new Http2Frames('server', this.#responseSink());
  }

  /** Nothing will be emitted any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Requests begun, if only by a part of their head, that are neither in a pair nor abandoned yet. */
  get outstanding(): number {
    return this.#streams.size + (this.#requests.headersInProgress > this.#lastStreamId ? 1 : 0);
  }

  /** Bytes of both directions that were not followed. */
  get opaqueBytes(): number {
    return this.#requests.opaqueBytes + this.#responses.opaqueBytes;
  }

  /** Bytes held beside slabs: for what is outstanding or has only begun, and in tables beyond their usual size. */
  get heldBytes(): number {
    if (this.#isOver) return 0;
    const begun = this.#requests.heldBytes + this.#responses.heldBytes;
    const tables = unusualBytes(this.#requestFields) + unusualBytes(this.#responseFields);
    return this.#heldBytes + (this.#slabs ? 0 : this.#bodyBytes) + begun + tables;
  }

  /** Responses the server pushed without a request; they are not recorded. */
  get pushes(): number {
    return this.#pushes;
  }

  /** Bytes from the client, its preface first; they may be overwritten as soon as this returns. */
  client(chunk: Buffer, nowUs: number): void {
    this.#nowUs = nowUs;
    this.#requests.feed(chunk, nowUs);
  }

  /** Bytes from the server; they may be overwritten as soon as this returns. */
  server(chunk: Buffer, nowUs: number): void {
    this.#nowUs = nowUs;
    this.#responses.feed(chunk, nowUs);
  }

  /** The client sends no more; what it asked may still be answered. */
  clientEnd(nowUs: number): void {
    this.#nowUs = nowUs;
    this.#firstEnd ??= 'client-closed';
  }

  /** The server sends no more: what is outstanding is emitted with its error. */
  serverEnd(nowUs: number): void {
    this.abort(this.#firstEnd ?? 'server-closed', nowUs);
  }

  /** The connection is gone: what is outstanding is emitted with `error`. */
  abort(error: Http1PairError, nowUs: number): void {
    if (this.#isOver) return;
    this.#nowUs = nowUs;
    for (const id of [...this.#streams.keys()]) this.#finish(id, error);
    this.#stop();
  }

  #requestSink(): Http2FramesSink {
    return {
      headers: (block) => this.#onRequestHeaders(block),
      data: (id, data, left) => {
        const stream = this.#streams.get(id);
        if (!stream || stream.request.hasEnded) return;
        this.#beforeData(stream);
        this.#add(stream.request, data, this.#nowUs - stream.startedUs, left);
      },
      end: (id) => {
        const stream = this.#streams.get(id);
        if (stream) this.#endRequest(id, stream);
      },
      reset: (id) => this.#finish(id, 'reset'),
      goaway: () => {},
      setting: (id, value) => onSetting(id, value, this.#responseFields, this.#responses),
      opaque: (reason) => this.#goOpaque(reason),
    };
  }

  #responseSink(): Http2FramesSink {
    return {
      headers: (block) => this.#onResponseHeaders(block),
      data: (id, data, left) => {
        const stream = this.#streams.get(id);
        if (!stream?.response.head || stream.response.hasEnded) return;
        this.#beforeData(stream);
        this.#addResponse(stream, data, left);
      },
      end: (id) => {
        const stream = this.#streams.get(id);
        if (stream) this.#endResponse(id, stream);
      },
      reset: (id, code) => this.#onServerReset(id, code),
      goaway: (lastId) => this.#onGoaway(lastId),
      setting: (id, value) => onSetting(id, value, this.#requestFields, this.#requests),
      opaque: (reason) => this.#goOpaque(reason),
    };
  }

  #onRequestHeaders(block: HeaderBlock): void {
    const { streamId } = block;
    const stream = this.#streams.get(streamId);
    const isNew = streamId > this.#lastStreamId;
    if (!this.#decode(this.#requestFields, block, !stream && !isNew)) return;
    if (stream) this.#onTrailers(streamId, stream.request);
    if (stream && block.isEnd && this.#streams.has(streamId)) this.#endRequest(streamId, stream);
    if (isNew) this.#open(block);
  }

  #open(block: HeaderBlock): void {
    this.#lastStreamId = block.streamId;
    if (HEAD.isMalformed || !HEAD.hasMethod) {
      this.#sink.abandoned('malformed-head');
      return;
    }
    if (this.#keep && !this.#keep(HEAD.view())) return;
    if (
      this.#streams.size >= this.#maxOutstanding ||
      this.#heldBytes + this.#bodyBytes > this.#maxHeldBytes
    ) {
      this.#goOpaque('too-many-outstanding', 1);
      return;
    }
    const stream = new Http2Stream(this.#seq++, this.#requests.headersUs, this.#slabs);
    stream.isGrpc = HEAD.isGrpc;
    stream.isConnect = HEAD.isConnect;
    stream.request.limitBytes = stream.response.limitBytes = HEAD.isConnect ? 0 : this.#bodyLimitBytes;
    stream.request.contentLength = HEAD.contentLength;
    stream.request.head = this.#takeHead();
    if (HEAD.isGrpc) stream.partDueUs = stream.startedUs + this.#partAfterUs;
    this.#streams.set(block.streamId, stream);
    if (block.isEnd) this.#endRequest(block.streamId, stream);
  }

  #onResponseHeaders(block: HeaderBlock): void {
    const { streamId, promisedId } = block;
    const stream = promisedId === 0 ? this.#streams.get(streamId) : undefined;
    if (!this.#decode(this.#responseFields, block, !stream)) return;
    if (promisedId !== 0) this.#pushes++;
    else if (streamId % 2 === 1 && streamId > this.#lastStreamId) this.#goOpaque('unexpected-response');
    if (!stream) return;
    if (stream.response.head) this.#onTrailers(streamId, stream.response);
    else this.#onResponseHead(streamId, stream, block.isEnd);
    if (block.isEnd && this.#streams.has(streamId)) this.#endResponse(streamId, stream);
  }

  #onResponseHead(streamId: number, stream: Http2Stream, isEnd: boolean): void {
    if (HEAD.isMalformed || HEAD.status === 0) {
      this.#abandon(streamId);
      return;
    }
    if (HEAD.status < 200 && !isEnd) {
      stream.interimCount++;
      return;
    }
    stream.response.contentLength = HEAD.contentLength;
    stream.isEventStream = HEAD.isEventStream && !stream.isConnect;
    stream.response.head = this.#takeHead();
    stream.firstByteUs = this.#responses.headersUs;
    stream.partDueUs = this.#nowUs + this.#partAfterUs;
  }

  /** Trailers hold no pseudo-headers (RFC 9113 section 8.1). */
  #onTrailers(streamId: number, half: Http2Half): void {
    if (half.hasEnded) return;
    if (HEAD.isMalformed || HEAD.hasPseudoField) {
      this.#abandon(streamId);
      return;
    }
    this.#heldBytes -= half.trailers?.length ?? 0;
    half.trailers = this.#takeHead();
  }

  #decode(decoder: HpackDecoder, block: HeaderBlock, isDiscarded: boolean): boolean {
    HEAD.begin(isDiscarded);
    const error = decoder.decode(block.bytes, block.from, block.to, HEAD);
    if (error) this.#goOpaque(error, this.#isUncounted(decoder, block) ? 1 : 0);
    return !error;
  }

  /** A request whose head was seen, if not understood, and that no stream stands for. */
  #isUncounted(decoder: HpackDecoder, block: HeaderBlock): boolean {
    return decoder === this.#requestFields && block.streamId > this.#lastStreamId;
  }

  #beforeData(stream: Http2Stream): void {
    if (this.#nowUs >= stream.partDueUs) this.#endPart(stream);
  }

  #addResponse(stream: Http2Stream, data: Buffer, left: number): void {
    let rest = data;
    while (stream.isEventStream && rest.length > stream.response.roomBytes && this.#isCutWhenFull) {
      const room = stream.response.roomBytes;
      this.#add(stream.response, rest.subarray(0, room), this.#nowUs - stream.firstByteUs!, 0);
      rest = rest.subarray(room);
      this.#endPart(stream);
    }
    this.#add(stream.response, rest, this.#nowUs - stream.firstByteUs!, left);
  }

  get #isCutWhenFull(): boolean {
    return this.#bodyLimitBytes > 0 && this.#partAfterUs !== Number.POSITIVE_INFINITY;
  }

  #add(half: Http2Half, data: Buffer, offsetUs: number, left: number): void {
    const isFull = this.#heldBytes + this.#bodyBytes > 0.75 * this.#maxHeldBytes;
    this.#bodyBytes += half.add(data, offsetUs, left, isFull);
  }

  #endPart(stream: Http2Stream): void {
    this.#heldBytes -= stream.heldBytes;
    this.#bodyBytes -= stream.bodyBytes;
    const pair = stream.endPart(this.#nowUs);
    this.#heldBytes += stream.heldBytes;
    stream.partDueUs = this.#nowUs + this.#partAfterUs;
    this.#sink.pair(pair);
    stream.release();
  }

  #endRequest(id: number, stream: Http2Stream): void {
    stream.request.hasEnded = true;
    stream.requestEndUs ??= this.#nowUs;
    if (stream.response.hasEnded) this.#finish(id, null);
  }

  #endResponse(id: number, stream: Http2Stream): void {
    stream.response.hasEnded = true;
    if (stream.request.hasEnded) this.#finish(id, null);
  }

  /** A server that has answered may tell the client to stop sending (RFC 9113 section 8.1): nothing is missing then. */
  #onServerReset(id: number, code: number): void {
    const hasAnswered = this.#streams.get(id)?.response.hasEnded === true;
    this.#finish(id, hasAnswered && code === NO_ERROR ? null : 'reset');
  }

  /** Requests beyond the last one are not processed (RFC 9113 section 6.8), whatever happens to the connection. */
  #onGoaway(lastId: number): void {
    for (const id of [...this.#streams.keys()]) if (id > lastId) this.#finish(id, 'server-closed');
  }

  #finish(id: number, error: Http1PairError | null): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    this.#forget(id, stream);
    this.#sink.pair(stream.finish(this.#nowUs, error));
    stream.release();
  }

  #abandon(id: number): void {
    const stream = this.#streams.get(id)!;
    this.#forget(id, stream);
    stream.drop();
    this.#sink.abandoned('malformed-head');
  }

  #forget(id: number, stream: Http2Stream): void {
    this.#streams.delete(id);
    this.#heldBytes -= stream.heldBytes;
    this.#bodyBytes -= stream.bodyBytes;
  }

  #goOpaque(reason: Http2OpaqueReason, uncounted = 0): void {
    if (this.#isOver) return;
    const abandoned = this.#streams.size + uncounted;
    this.#stop();
    this.#sink.opaque(reason, abandoned);
  }

  #stop(): void {
    this.#isOver = true;
    for (const stream of this.#streams.values()) stream.drop();
    this.#streams.clear();
    this.#heldBytes = 0;
    this.#bodyBytes = 0;
    this.#requests.abandon();
    this.#responses.abandon();
  }

  #takeHead(): Buffer {
    const head = HEAD.take();
    this.#heldBytes += head.length;
    return head;
  }
}

/** A table of the usual size is part of what every connection costs. */
function unusualBytes(fields: HpackDecoder): number {
  return Math.max(0, fields.usedBytes - DEFAULT_TABLE_BYTES);
}

/** What one end announces holds for the other end's frames. An earlier, larger value may still be in use. */
function onSetting(id: number, value: number, fields: HpackDecoder, frames: Http2Frames): void {
  if (id === SETTING.headerTableSize) fields.allowedTableBytes = Math.max(fields.allowedTableBytes, value);
  else if (id === SETTING.maxFrameSize) frames.maxFrameBytes = Math.max(frames.maxFrameBytes, value);
}
