/**
 * Frames one direction of an HTTP/1.1 connection: bytes in, message events out, in any cut of the bytes.
 * It owns the state machine below and its bounds; it keeps no bodies, knows no peer and no time.
 *
 *   head-start ─▶ head ─┬─▶ length ───────────────────────────────────┬─▶ head-start
 *     ▲  └ CRLF ┘       ├─▶ chunk-line ─▶ chunk-data ─▶ CR ─▶ LF ─┐   │
 *     │                 │      ▲   └ size 0 ─▶ trailers ──────────│───┤
 *     │                 │      └──────────────────────────────────┘   │
 *     └──── no body ────┴─▶ until-close ─▶ (end)        any ─▶ opaque (for good)
 *
 * Between two messages the owner may `hold` it: bytes are kept until it is known whether they are HTTP at all.
 * Decisions (RFC 9112): a lone LF never ends a line ('bare-lf': peers disagree about it); obs-fold is kept
 * except in a field that decides framing; empty lines before a message are skipped; Content-Length together
 * with Transfer-Encoding, or an HTTP/1.0 Transfer-Encoding, is refused rather than guessed.
 */
import { DelimitedReader } from './delimited-reader.ts';
import { areFieldLines } from './http-head.ts';
import {
  type Http1Framing,
  type Http1Head,
  type Http1OpaqueReason,
  hasBareLf,
  readRequestHead,
  readResponseHead,
} from './http1-framing.ts';

/** Receives what the framer sees. Every Buffer is a view into the fed chunk: copy what is to outlive the call. */
export interface Http1Sink {
  head(head: Http1Head): void;
  /** Payload bytes with the transfer framing removed, never empty. */
  body(data: Buffer): void;
  /** The trailer section with its closing blank line; not called when there are no trailers. */
  trailers(raw: Buffer): void;
  complete(): void;
  /** The last event. `rest`: the bytes at hand that are not framed; later ones are only counted. */
  opaque(reason: Http1OpaqueReason, rest: Buffer): void;
}

export interface Http1FramerOptions {
  /** Start line and header fields, default 65,536. */
  maxHeadBytes?: number;
  /** Default 16,384. */
  maxTrailerBytes?: number;
  /** Chunk size and extensions, default 4,096. */
  maxChunkLineBytes?: number;
  /** Responses only: the method of the request the next final response answers. */
  requestMethod?: () => string | undefined;
}

type State =
  | 'head-start'
  | 'head-start-lf'
  | 'head'
  | 'length'
  | 'until-close'
  | 'chunk-line'
  | 'chunk-data'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailer-start'
  | 'trailer-start-lf'
  | 'trailers'
  | 'held'
  | 'opaque';

const CR = 0x0d;
const LF = 0x0a;
const LINE_END = Buffer.from('\n');
const SECTION_END = Buffer.from('\r\n\r\n');
const NOTHING = Buffer.alloc(0);

/** An incremental, bounded decoder of one direction; one instance per direction of a connection. */
export class Http1Framer {
  /** Bytes that are not framed: everything from the start of what could not be read. */
  opaqueBytes = 0;
  #state: State = 'head-start';
  /** Bytes left of the body or of the current chunk. */
  #left = 0;
  readonly #reader = new DelimitedReader();
  readonly #readHead: (raw: Buffer) => Http1Head | Http1OpaqueReason;
  readonly #maxHeadBytes: number;
  readonly #maxTrailerBytes: number;
  readonly #maxChunkLineBytes: number;

  constructor(kind: 'request' | 'response', options: Http1FramerOptions = {}) {
    const requestMethod = options.requestMethod ?? (() => undefined);
    this.#readHead = kind === 'request' ? readRequestHead : (raw) => readResponseHead(raw, requestMethod);
    this.#maxHeadBytes = options.maxHeadBytes ?? 65_536;
    this.#maxTrailerBytes = options.maxTrailerBytes ?? 16_384;
    this.#maxChunkLineBytes = options.maxChunkLineBytes ?? 4_096;
  }

  /** Whether part of a head (or what may be one, while held) has been seen, and the rest has not. */
  get inHead(): boolean {
    return this.#state === 'head' || (this.#state === 'held' && this.#reader.heldBytes > 0);
  }

  /** Bytes kept of a head, a line or trailers that have not ended, or while held. */
  get heldBytes(): number {
    return this.#reader.heldBytes;
  }

  /** Whether the next byte is the first of a message. */
  get isBetween(): boolean {
    return this.#state === 'head-start';
  }

  get isHeld(): boolean {
    return this.#state === 'held';
  }

  /** Frames the next bytes of the direction; events are delivered before it returns. */
  feed(chunk: Buffer, sink: Http1Sink): void {
    for (let at = 0; at < chunk.length; ) at = this.#step(chunk, at, sink);
  }

  /** The direction has ended: completes a body that runs until close, reports a cut message as 'truncated'. */
  end(sink: Http1Sink): void {
    this.resume(sink);
    if (this.#state === 'until-close') this.#complete(sink);
    if (this.#state === 'head-start' || this.#state === 'opaque') this.abandon();
    else this.#refuse('truncated', NOTHING, 0, sink);
  }

  /** To be called when a message is complete: what follows is kept, up to `maxHeadBytes`, and framed beyond that. */
  hold(): void {
    if (this.#state === 'head-start') this.#state = 'held';
  }

  /** Ends a hold by framing what was kept. */
  resume(sink: Http1Sink): void {
    if (this.#state === 'held') this.feed(this.takeHeld(), sink);
  }

  /** Ends a hold and gives what was kept, which the framer then has not seen. */
  takeHeld(): Buffer {
    const { held } = this.#reader;
    this.#reader.clear();
    this.#state = 'head-start';
    return held;
  }

  /** Frames nothing from here on, without an event; later bytes are only counted. May be called from a sink. */
  abandon(): void {
    this.opaqueBytes += this.#reader.heldBytes;
    this.#reader.clear();
    this.#state = 'opaque';
  }

  /** Consumes at least one byte (or changes the state) and returns where to go on. */
  #step(chunk: Buffer, at: number, sink: Http1Sink): number {
    switch (this.#state) {
      case 'head-start':
        return this.#skipOr('head', 'head-start-lf', chunk, at);
      case 'head-start-lf':
        if (chunk[at] !== LF) return this.#refuse('malformed-head', chunk, at, sink);
        this.#state = 'head-start';
        return at + 1;
      case 'head':
        return this.#head(chunk, at, sink);
      case 'length':
      case 'chunk-data':
        return this.#payload(chunk, at, sink);
      case 'until-close':
        sink.body(at === 0 ? chunk : chunk.subarray(at));
        return chunk.length;
      case 'chunk-line':
        return this.#chunkLine(chunk, at, sink);
      case 'chunk-cr':
        if (chunk[at] !== CR) return this.#refuse('bad-chunk', chunk, at, sink);
        this.#state = 'chunk-lf';
        return at + 1;
      case 'chunk-lf':
        if (chunk[at] !== LF) return this.#refuse('bad-chunk', chunk, at, sink);
        this.#state = 'chunk-line';
        return at + 1;
      case 'trailer-start':
        return this.#skipOr('trailers', 'trailer-start-lf', chunk, at);
      case 'trailer-start-lf':
        if (chunk[at] !== LF) return this.#refuse('bad-trailers', chunk, at, sink);
        this.#complete(sink);
        return at + 1;
      case 'trailers':
        return this.#trailers(chunk, at, sink);
      case 'held':
        if (this.#reader.hold(chunk, at, this.#maxHeadBytes)) return chunk.length;
        this.resume(sink);
        return at;
      case 'opaque':
        this.opaqueBytes += chunk.length - at;
        return chunk.length;
    }
  }

  #skipOr(content: State, emptyLine: State, chunk: Buffer, at: number): number {
    const isEmptyLine = chunk[at] === CR;
    this.#state = isEmptyLine ? emptyLine : content;
    return isEmptyLine ? at + 1 : at;
  }

  #head(chunk: Buffer, at: number, sink: Http1Sink): number {
    const before = this.#reader.heldBytes;
    const raw = this.#reader.read(chunk, at, SECTION_END, this.#maxHeadBytes);
    const next = this.#reader.next;
    if (raw === 'more') {
      // Said at once: a peer that ends its lines this way would be waited for until the head is too large.
      if (hasBareLf(this.#reader.held, before)) return this.#refuse('bare-lf', chunk, next, sink);
      return next;
    }
    if (raw === 'too-long') {
      const seen = before > 0 ? this.#reader.held : chunk.subarray(at, at + this.#maxHeadBytes);
      return this.#refuse(hasBareLf(seen) ? 'bare-lf' : 'head-too-large', chunk, next, sink);
    }
    const head = this.#readHead(raw);
    if (typeof head === 'string') return this.#refuse(head, chunk, next, sink, raw);
    this.#begin(head.framing);
    sink.head(head);
    if (this.#state === 'head-start') return this.#finishBodiless(head.framing, chunk, next, sink);
    return next;
  }

  /** The state a message's framing leads to; 'head-start' is that of a message without a body. */
  #begin(framing: Http1Framing): void {
    switch (framing.kind) {
      case 'chunked':
        this.#state = 'chunk-line';
        return;
      case 'until-close':
        this.#state = 'until-close';
        return;
      case 'length':
        this.#left = framing.length;
        this.#state = framing.length > 0 ? 'length' : 'head-start';
        return;
      case 'none':
        this.#state = 'head-start';
    }
  }

  #finishBodiless(framing: Http1Framing, chunk: Buffer, next: number, sink: Http1Sink): number {
    this.#complete(sink);
    const becomes = framing.kind === 'none' ? framing.becomes : undefined;
    return becomes && this.#isFraming ? this.#refuse(becomes, chunk, next, sink) : next;
  }

  #payload(chunk: Buffer, at: number, sink: Http1Sink): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    sink.body(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    if (this.#left > 0) return end;
    if (this.#state === 'length') this.#complete(sink);
    else if (this.#state === 'chunk-data') this.#state = 'chunk-cr';
    return end;
  }

  #chunkLine(chunk: Buffer, at: number, sink: Http1Sink): number {
    const line = this.#reader.read(chunk, at, LINE_END, this.#maxChunkLineBytes);
    const next = this.#reader.next;
    if (line === 'more') return next;
    if (line === 'too-long') return this.#refuse('chunk-line-too-long', chunk, next, sink);
    const size = readChunkSize(line);
    if (size < 0) return this.#refuse('bad-chunk', chunk, next, sink, line);
    this.#left = size;
    this.#state = size > 0 ? 'chunk-data' : 'trailer-start';
    return next;
  }

  #trailers(chunk: Buffer, at: number, sink: Http1Sink): number {
    const raw = this.#reader.read(chunk, at, SECTION_END, this.#maxTrailerBytes);
    const next = this.#reader.next;
    if (raw === 'more') return next;
    if (raw === 'too-long') return this.#refuse('trailers-too-large', chunk, next, sink);
    if (!areFieldLines(raw.toString('latin1'), 0)) {
      return this.#refuse('bad-trailers', chunk, next, sink, raw);
    }
    sink.trailers(raw);
    if (this.#isFraming) this.#complete(sink);
    return next;
  }

  get #isFraming(): boolean {
    return this.#state !== 'opaque';
  }

  #complete(sink: Http1Sink): void {
    this.#state = 'head-start';
    sink.complete();
  }

  /** Goes opaque for good; what was read or held of the broken piece comes first in the rest. */
  #refuse(reason: Http1OpaqueReason, chunk: Buffer, at: number, sink: Http1Sink, read?: Buffer): number {
    const piece = read ?? this.#reader.held;
    const tail = chunk.subarray(at);
    const rest = piece.length > 0 ? Buffer.concat([piece, tail]) : tail;
    this.#reader.clear();
    this.#state = 'opaque';
    this.opaqueBytes += rest.length;
    sink.opaque(reason, rest);
    return chunk.length;
  }
}

const CHUNK_LINE_END = /^[ \t]*(?:;[^\r\n\0]*)?\r\n$/;

/** The size at the start of a chunk line (with its line end), extensions passed over; -1 when it is not one. */
function readChunkSize(line: Buffer): number {
  let size = 0;
  let at = 0;
  for (; at < line.length; at++) {
    const digit = hexDigit(line[at]!);
    if (digit < 0) break;
    size = size * 16 + digit;
    if (size > Number.MAX_SAFE_INTEGER) return -1;
  }
  if (at === 0) return -1;
  const isPlain = at === line.length - 2 && line[at] === CR;
  return isPlain || CHUNK_LINE_END.test(line.toString('latin1', at, line.length)) ? size : -1;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
