/**
 * Records both directions of one WebSocket, fed as an HTTP/1.1 exchange is, after the upgrade. It emits parts: a part is
 * over when it holds 256 messages or 256 KiB of them (or the body limit, if that is more), when bytes come 30 s after it
 * began, and at the end. Everything emitted is a copy. It knows no sockets and no clock.
 *
 * Bounds: a part as above and one message of each direction in the making (the body limit, 1 MiB when compressed).
 * What the peers may not send ends the decoding: what was recorded is emitted as the last part, then `opaque` is called.
 * The owner ends every exchange, and every exchange has one last part, if an empty one.
 */
import type { StreamMessage } from './capture-messages.ts';
import { parseHead } from './http-head.ts';
import type { Http1PairError } from './raw-http-pair.ts';
import type { WebSocketOpaqueReason } from './websocket-framer.ts';
import { type InflateFailure, parseWebSocketExtensions, WebSocketInflater } from './websocket-inflater.ts';
import { type WebSocketMessageKind, WebSocketMessages } from './websocket-messages.ts';

/** A stretch of a stream of messages; times are the owner's clock in µs. */
export interface RawMessagesPair {
  /** Position on the connection, the same for all parts: the upgrade's plus 1. */
  seq: number;
  /** First byte of the part, or the end when there was none. */
  startedUs: number;
  endUs: number;
  /** In the order of their last bytes; `offsetUs` is when that came. */
  messages: StreamMessage[];
  /** Bytes of whole frames and of payload, each way. */
  sentBytes: number;
  receivedBytes: number;
  part: { index: number; last: boolean };
  error: Http1PairError | null;
  /** Why something is missing, or empty. */
  gapReason: InflateFailure | WebSocketOpaqueReason | 'truncated' | '';
}

export interface WebSocketExchangeSink {
  pair(pair: RawMessagesPair): void;
  /** Called at most once, last; nothing seen is abandoned: it is in the last part. */
  opaque(reason: WebSocketOpaqueReason, abandoned: number): void;
}

export interface WebSocketExchangeOptions {
  seq: number;
  /** The answer's Sec-WebSocket-Extensions, see `webSocketExtensionsOf`. */
  extensions: string;
  /** Bytes kept of each message; the rest is counted. Default 65,536. */
  bodyLimitBytes?: number;
  /** Messages in a part. Default 256. */
  maxPartMessages?: number;
  /** How old a part becomes. Default 30 s. */
  partAfterUs?: number;
}

const PART_BYTES = 262_144;
/** What a message takes beside its data, about. */
const MESSAGE_BYTES = 100;

/** What the answer to an upgrade says about extensions, empty when nothing. */
export function webSocketExtensionsOf(responseHead: Buffer): string {
  const headers = parseHead(responseHead)?.headers ?? [];
  const values = headers.filter(([name]) => name.toLowerCase() === 'sec-websocket-extensions');
  return values.map(([, value]) => value).join(', ');
}

/** One connection's messages; feed it what came after the upgrade first. */
export class WebSocketExchange {
  readonly #sink: WebSocketExchangeSink;
  readonly #seq: number;
  readonly #maxPartMessages: number;
  readonly #maxPartBytes: number;
  readonly #partAfterUs: number;
  readonly #client: WebSocketMessages;
  readonly #server: WebSocketMessages;
  readonly #isUnknown: boolean;
  #messages: StreamMessage[] = [];
  #keptBytes = 0;
  #gapReason: RawMessagesPair['gapReason'] = '';
  #parts = 0;
  #startedUs: number | null = null;
  #nowUs = 0;
  /** Framed bytes that earlier parts hold. */
  #sentBefore = 0;
  #receivedBefore = 0;
  #closes = 0;
  #firstEnd: Http1PairError | null = null;
  #isOver = false;

  constructor(sink: WebSocketExchangeSink, options: WebSocketExchangeOptions) {
    const { seq, bodyLimitBytes = 65_536, maxPartMessages = 256, partAfterUs = 30_000_000 } = options;
    this.#sink = sink;
    this.#seq = seq;
    this.#maxPartMessages = maxPartMessages;
    this.#maxPartBytes = Math.max(PART_BYTES, bodyLimitBytes);
    this.#partAfterUs = partAfterUs;
    const extensions = parseWebSocketExtensions(options.extensions);
    this.#isUnknown = extensions === 'unknown';
    const messagesFrom = (from: 'client' | 'server') => {
      const inflater =
        extensions && extensions !== 'unknown' ? new WebSocketInflater(extensions[from]) : null;
      const to = {
        message: (kind: WebSocketMessageKind, size: number, data: Buffer) =>
          this.#onMessage({ from, kind, offsetUs: this.#nowUs - this.#startedUs!, size, data }),
        unopened: (why: InflateFailure) => {
          this.#gapReason ||= why;
        },
        opaque: (reason: WebSocketOpaqueReason) => this.#goOpaque(reason),
      };
      return new WebSocketMessages(from, to, { inflater, bodyLimitBytes });
    };
    this.#client = messagesFrom('client');
    this.#server = messagesFrom('server');
  }

  /** Nothing will be emitted any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** 1 until the last part is emitted: a WebSocket is never quiet. */
  get outstanding(): number {
    return this.#isOver ? 0 : 1;
  }

  /** Bytes held: those of the part's messages (and what they take beside), of messages in the making, of contexts. */
  get heldBytes(): number {
    const ofMessages = this.#keptBytes + this.#messages.length * MESSAGE_BYTES;
    return ofMessages + this.#client.heldBytes + this.#server.heldBytes;
  }

  /** Bytes from the client; they may be overwritten as soon as this returns. */
  client(chunk: Buffer, nowUs: number): void {
    this.#feed(this.#client, chunk, nowUs);
  }

  /** Bytes from the server; they may be overwritten as soon as this returns. */
  server(chunk: Buffer, nowUs: number): void {
    this.#feed(this.#server, chunk, nowUs);
  }

  /** The client sends no more; the server may go on. */
  clientEnd(_nowUs: number): void {
    this.#firstEnd ??= 'client-closed';
  }

  /** The server sends no more: the last part is emitted, with an error unless a close frame was seen. */
  serverEnd(nowUs: number): void {
    this.#finish(this.#closes > 0 ? null : (this.#firstEnd ?? 'server-closed'), nowUs);
  }

  /** The connection is gone: the last part is emitted, with `error` unless both sides had closed. */
  abort(error: Http1PairError, nowUs: number): void {
    this.#finish(this.#closes > 1 ? null : error, nowUs);
  }

  #feed(direction: WebSocketMessages, chunk: Buffer, nowUs: number): void {
    if (this.#isOver || chunk.length === 0) return;
    this.#nowUs = nowUs;
    if (this.#startedUs !== null && nowUs - this.#startedUs >= this.#partAfterUs) this.#emit(null, false);
    this.#startedUs ??= nowUs;
    if (this.#isUnknown) this.#goOpaque('unknown-extension');
    else direction.framer.feed(chunk);
  }

  #onMessage(message: StreamMessage): void {
    if (message.kind === 'close') this.#closes++;
    this.#messages.push(message);
    this.#keptBytes += message.data.length;
    if (this.#messages.length < this.#maxPartMessages && this.#keptBytes < this.#maxPartBytes) return;
    this.#emit(null, false);
    this.#startedUs = this.#nowUs;
  }

  #goOpaque(reason: WebSocketOpaqueReason): void {
    this.#gapReason ||= reason;
    this.#emit(null, true);
    this.#sink.opaque(reason, 0);
  }

  #finish(error: Http1PairError | null, nowUs: number): void {
    if (this.#isOver) return;
    this.#nowUs = nowUs;
    if (this.#client.inMessage || this.#server.inMessage) this.#gapReason ||= 'truncated';
    this.#emit(error, true);
  }

  #emit(error: Http1PairError | null, last: boolean): void {
    if (last) this.#stop();
    const sent = this.#client.framer.framedBytes;
    const received = this.#server.framer.framedBytes;
    const pair: RawMessagesPair = {
      seq: this.#seq,
      startedUs: this.#startedUs ?? this.#nowUs,
      endUs: this.#nowUs,
      messages: this.#messages,
      sentBytes: sent - this.#sentBefore,
      receivedBytes: received - this.#receivedBefore,
      part: { index: this.#parts++, last },
      error,
      gapReason: this.#gapReason,
    };
    this.#messages = [];
    this.#keptBytes = 0;
    this.#gapReason = '';
    this.#startedUs = null;
    this.#sentBefore = sent;
    this.#receivedBefore = received;
    this.#sink.pair(pair);
  }

  #stop(): void {
    this.#isOver = true;
    this.#client.framer.abandon();
    this.#server.framer.abandon();
  }
}
