// An HTTP/2 connection to the service under test, for HTTP and gRPC tests of every kind, many side by side. A body that came
// in pieces is sent in pieces again, in time and in turn with the server. It never sends anything twice.
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { type Clock, newId } from '@echoplane/runtime';
import {
  type Body,
  bodyBytes,
  type HeaderList,
  type HttpResponse,
  headerValues,
  type PairError,
  storeBody,
  type Test,
} from '@echoplane/traffic';
import type { RawHttpPair } from '@echoplane/wire';
import { AnswerCollector } from './answer-collector.ts';
import type { Channel, Outgoing } from './channel.ts';
import { type DialOptions, factsOf, openSocket } from './dial.ts';
import type { ConnectionOptions } from './http1-connection.ts';
import { http2Fields } from './http2-head-bytes.ts';
import type { ConnectionFacts, Outcome } from './outcome.ts';
import { PieceSender } from './piece-sender.ts';
import { type Piece, piecesOf } from './request-pieces.ts';

export interface Http2Options extends DialOptions, ConnectionOptions {
  /** What stands as the authority; null: the recorded one. */
  host: string | null;
  /** Pauses inside a stream or a conversation are the recorded ones times this. */
  pauseFactor: number;
  /** Of the largest WebSocket message that is heard. */
  messageLimitBytes: number;
}

export class Http2Channel implements Channel {
  readonly facts: ConnectionFacts;
  readonly isShared = true;
  readonly #session: ClientHttp2Session;
  readonly #options: Http2Options;
  #seq = 0;

  private constructor(session: ClientHttp2Session, facts: ConnectionFacts, options: Http2Options) {
    this.#session = session;
    this.facts = facts;
    this.#options = options;
    // Each stream tells of it.
    session.on('error', () => {});
  }

  /** Dials once. Rejects when the connection cannot be had, or the server does not speak HTTP/2 over TLS. */
  static async open(options: Http2Options): Promise<Http2Channel> {
    const { target, tls, clock } = options;
    const socket = await openSocket(options, { ALPNProtocols: ['h2'] });
    const facts = factsOf(newId(clock.nowUs()), socket);
    if (tls && facts.tls?.alpn !== 'h2') {
      socket.destroy();
      throw new Error('the target does not speak HTTP/2');
    }
    const session = connect(`${target.scheme}://${target.host}`, { createConnection: () => socket });
    return new Http2Channel(session, facts, options);
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  send(outgoing: Outgoing, dueUs: number): void {
    const { prepared, filled } = outgoing;
    const { clock, timeoutMs, signal, bodyLimitBytes: limitBytes } = this.#options;
    const protocol = prepared.test.protocol === 'grpc' ? 'grpc' : 'http/2';
    const collector = new AnswerCollector(filled.bytes, { dueUs, seq: this.#seq++, limitBytes, protocol });
    const call = new Call(collector, clock);
    const stop = (error: PairError) => () => call.end(error);
    const body = bodyBytes(filled.request.body);
    const pieces = body.length > 0 ? piecesOf(prepared.test, body) : [];
    const pausedUs = pieces.reduce((sum, { afterUs }) => sum + afterUs, 0) * this.#options.pauseFactor;
    const leftMs = timeoutMs - (clock.nowUs() - dueUs - pausedUs) / 1000;
    const timer = setTimeout(stop('timeout'), Math.max(1, leftMs));
    const cancel = stop('client-closed');
    signal.addEventListener('abort', cancel);
    call.ended = (error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      outgoing.settle(this.#outcome(call, error, clock.nowUs()));
    };
    this.#begin(call, filled.request, pieces);
  }

  close(): void {
    this.#session.destroy();
  }

  #begin(call: Call, request: Test['request'], pieces: readonly Piece[]): void {
    const fields = http2Fields(request, { scheme: this.#options.target.scheme, host: this.#options.host });
    try {
      const stream = this.#session.request(grouped(fields), { endStream: pieces.length === 0 });
      call.follow(stream);
      if (pieces.length === 1) stream.end(pieces[0]!.bytes);
      else if (pieces.length > 1) new PieceSender(stream, pieces, this.#options.pauseFactor);
    } catch {
      queueMicrotask(() => call.end('server-closed'));
    }
  }

  #outcome(call: Call, error: PairError | null, endUs: number): Outcome {
    const raw = call.collector.end(endUs);
    const response = call.status === 0 || error ? null : answerOf(call, raw);
    return { raw, response, error, gapReason: '', connection: this.facts, isProven: false };
  }
}

/** One request under way. */
class Call {
  readonly collector: AnswerCollector;
  status = 0;
  headers: HeaderList = [];
  trailers: HeaderList = [];
  ended: (error: PairError | null) => void = () => {};
  readonly #clock: Clock;
  #stream: ClientHttp2Stream | null = null;

  constructor(collector: AnswerCollector, clock: Clock) {
    this.collector = collector;
    this.#clock = clock;
  }

  follow(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream
      .on('response', (fields, _flags, raw: unknown) => {
        this.status = Number(fields[':status']);
        this.headers = pairsOf(raw as string[]);
        const lines = linesOf([[':status', String(this.status)], ...this.headers]);
        this.collector.head(lines, this.#clock.nowUs());
      })
      .on('trailers', (_fields, _flags, raw: unknown) => {
        this.trailers = pairsOf(raw as string[]);
        this.collector.trailers(linesOf(this.trailers));
      })
      .on('data', (data: Buffer) => this.collector.body(data, this.#clock.nowUs()))
      .on('error', () => {})
      .on('close', () => this.end(isWhole(stream, this.status) ? null : 'reset'));
  }

  /** Once; what comes later changes nothing. */
  end(error: PairError | null): void {
    const { ended } = this;
    this.ended = () => {};
    if (error) this.#stream?.close(constants.NGHTTP2_CANCEL);
    ended(error);
  }
}

/** An early NO_ERROR reset means: the answer is whole, the rest of the request is not wanted (RFC 9113 section 8.1). */
function isWhole(stream: ClientHttp2Stream, status: number): boolean {
  return status > 0 && stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted;
}

function answerOf(
  { status, headers, trailers }: Call,
  { protocol, responseBody }: RawHttpPair,
): HttpResponse {
  const { size, chunks } = responseBody;
  const bytes = Buffer.concat(responseBody.kept);
  const encoding = headerValues(headers, 'content-encoding').join(', ');
  // gRPC messages are binary, even when their bytes happen to be text.
  const body: Body =
    protocol === 'grpc' && bytes.length > 0
      ? { size, encoding: 'identity', base64: bytes.toString('base64') }
      : storeBody(bytes, encoding, { size });
  if (chunks) body.chunks = chunks;
  return { status, headers, ...(trailers.length > 0 ? { trailers } : {}), body };
}

/** A name that comes more than once has a list. */
function grouped(fields: HeaderList): Record<string, string | string[]> {
  const byName: Record<string, string | string[]> = {};
  for (const [name, value] of fields) {
    const before = byName[name];
    byName[name] = before === undefined ? value : [before, value].flat();
  }
  return byName;
}

function pairsOf(raw: readonly string[]): HeaderList {
  const pairs: HeaderList = [];
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (!raw[i]!.startsWith(':')) pairs.push([raw[i]!, raw[i + 1]!]);
  return pairs;
}

function linesOf(fields: HeaderList): Buffer {
  return Buffer.from(fields.map(([name, value]) => `${name}: ${value}\r\n`).join(''), 'latin1');
}
