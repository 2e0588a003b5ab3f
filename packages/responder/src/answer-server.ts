// Where all connections end, whatever way they came: HTTP/1 of our own and one way into HTTP/2, fed with sockets whose channel
// is known. TLS that nobody ended before is ended here. It listens on nothing and dials nobody.
//
//   socket ─▶ first bytes ─┬ HTTP/1, HTTP/2 ─▶ answer          CONNECT ─▶ a tunnel, served as if it had been dialled
//                          └ TLS ─▶ terminate ─▶ answer          anything else: recorded as a miss, closed
import { performServerHandshake } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type Clock, newId } from '@echoplane/runtime';
import type { Answerer, Asked } from './answerer.ts';
import { type Channel, splitAuthority } from './channel.ts';
import { type FirstBytes, peekFirstBytes } from './first-bytes.ts';
import {
  HTTP1_LIMITS,
  type Http1Asked,
  Http1Connection,
  type Http1Limits,
  type Http1Owner,
  MAX_BODY_BYTES,
} from './http1-connection.ts';
import { http1Head } from './http1-turn.ts';
import type { QuickAnswers } from './quick-answers.ts';
import type { Tally } from './tally.ts';
import type { TlsTerminator } from './tls-terminator.ts';
import { type Http2Asked, Http2Turn, http2Head } from './turn.ts';

export const FIRST_BYTES_MS = 10_000;
export const MAX_CONNECTIONS = 10_000;
const MAX_STREAMS = 100;
const SWEEP_MS = 1_000;
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';
const NO_AUTHORITY = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

export interface AnswerServerOptions {
  answerer: Answerer;
  quick: QuickAnswers;
  /** Null: TLS that reaches us cannot be ended. */
  terminator: TlsTerminator | null;
  tally: Tally;
  clock: Clock;
  limits?: Http1Limits;
}

export class AnswerServer {
  readonly #options: AnswerServerOptions;
  readonly #sockets = new Set<Duplex>();
  readonly #connections = new Set<Http1Connection>();
  readonly #owner: Http1Owner;
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: AnswerServerOptions) {
    this.#options = options;
    const { clock, quick, tally } = options;
    this.#owner = {
      nowUs: () => clock.nowUs(),
      again: (bytes, length, startedUs, connection) => {
        try {
          return quick.again(bytes, length, startedUs, connection);
        } catch (err) {
          return this.#spoiled(err, connection);
        }
      },
      answer: (asked, connection) => {
        try {
          return quick.answer(asked, connection);
        } catch (err) {
          return this.#spoiled(err, connection);
        }
      },
      connect: (authority, connection) => this.#tunnel(authority, connection),
      upgrade: (asked, connection) => {
        try {
          return this.#upgrade(asked, connection);
        } catch (err) {
          void this.#spoiled(err, connection).catch(() => connection.socket.destroy());
          return true;
        }
      },
      refused: () => tally.refuse('bad-request'),
      closed: (connection) => void this.#connections.delete(connection),
    };
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** Ends every connection there is. */
  close(): void {
    clearInterval(this.#sweeper);
    for (const socket of this.#sockets) socket.destroy();
  }

  /** The socket is ended with the others; its errors are seen as its close. */
  track(socket: Duplex): void {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }

  newChannel(socket: Socket, known: Partial<Channel> = {}): Channel {
    const client = { ip: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, host: '' };
    const connection = newId(this.#options.clock.nowUs());
    return { connection, client, scheme: 'http', authority: null, tls: null, seq: 0, ...known };
  }

  /** Serves a connection by what its client says first; `name`: the server it wants, as far as it is known. */
  async serve(socket: Socket, channel: Channel, name: string, looked?: FirstBytes): Promise<void> {
    this.track(socket);
    const first = looked ?? (await peekFirstBytes(socket, FIRST_BYTES_MS));
    if (first.kind === 'http') return this.serveHttp1(socket, channel);
    if (first.kind === 'http2') return this.#serveHttp2(socket, channel);
    if (first.kind === 'tls') return this.#serveTls(socket, channel, first.sni ?? name);
    if (first.kind === 'unknown')
      this.#options.answerer.refuse(channel, 'no-match', 'the connection carries neither TLS nor HTTP');
    socket.destroy();
  }

  /** Serves a connection whose client speaks HTTP/1. */
  serveHttp1(socket: Duplex, channel: Channel): void {
    this.track(socket);
    const limits = this.#options.limits ?? HTTP1_LIMITS;
    this.#connections.add(new Http1Connection(socket, channel, this.#owner, limits));
  }

  async #serveTls(socket: Socket, channel: Channel, name: string): Promise<void> {
    const { answerer, terminator } = this.#options;
    channel.scheme = 'https';
    let secured: TLSSocket;
    try {
      if (!terminator) throw new Error('the responder has no authority; let the sidecar end TLS (tls-out)');
      secured = await terminator.terminate(socket, name);
    } catch (error) {
      const reason = `TLS with ${name} failed, does the client trust the authority? ${(error as Error).message}`;
      answerer.refuse(channel, 'tls-failed', reason);
      socket.destroy();
      return;
    }
    channel.tls = { sni: name, version: secured.getProtocol() ?? '', alpn: secured.alpnProtocol || '' };
    if (secured.alpnProtocol === 'h2') this.#serveHttp2(secured, channel);
    else this.serveHttp1(secured, channel);
  }

  #serveHttp2(socket: Socket, channel: Channel): void {
    this.track(socket);
    const { answerer, clock, limits = HTTP1_LIMITS } = this.#options;
    const session = performServerHandshake(socket, { settings: { maxConcurrentStreams: MAX_STREAMS } });
    session.on('error', () => socket.destroy());
    session.setTimeout(limits.idleMs, () => session.close());
    session.on('stream', (stream, _headers, _flags, rawHeaders) => {
      // A stream that its client resets is seen as a body or a reply that was not taken.
      stream.on('error', () => {});
      const startedUs = clock.nowUs();
      const asked = { stream, head: http2Head(rawHeaders), channel, seq: channel.seq++, startedUs };
      this.#answerHttp2(asked).catch((err) => {
        answerer.spoiled(err, channel.authority);
        stream.destroy();
      });
    });
  }

  async #answerHttp2({ stream, ...asked }: Http2Asked): Promise<void> {
    if (this.#options.answerer.steps.stream?.({ stream, ...asked })) return;
    const body = await readBody(stream).catch(() => null);
    if (!body) return void stream.destroy();
    const { answerer, tally } = this.#options;
    tally.ask();
    await answerer.answer(answerer.exchange({ ...asked, ...body }), new Http2Turn(stream));
  }

  /** A request that cannot be looked at costs its own connection, never the process. */
  #spoiled(err: unknown, { channel }: Http1Connection): Promise<never> {
    this.#options.answerer.spoiled(err, channel.authority);
    return Promise.reject(err);
  }

  #tunnel(authority: string, connection: Http1Connection): void {
    const { socket, rest } = connection.release();
    const server = splitAuthority(authority);
    if (!server) return void socket.end(NO_AUTHORITY);
    socket.write(ESTABLISHED);
    if (rest.length > 0) socket.unshift(rest);
    const channel = this.newChannel(socket as Socket, { authority });
    this.serve(socket as Socket, channel, server.host).catch(() => socket.destroy());
  }

  #upgrade(asked: Http1Asked, connection: Http1Connection): boolean {
    const { steps } = this.#options.answerer;
    if (!steps.upgrade) return false;
    const { seq, startedUs, body, sizeBytes } = asked;
    const whole: Asked = {
      channel: connection.channel,
      seq,
      startedUs,
      head: http1Head(asked),
      body,
      sizeBytes,
    };
    return steps.upgrade(this.#options.answerer.exchange(whole), () => connection.release());
  }

  #sweep(): void {
    const nowUs = this.#options.clock.nowUs();
    for (const connection of this.#connections) connection.expire(nowUs);
  }
}

/** The whole body; of one beyond the limit the first bytes. Rejects when the client leaves. */
async function readBody(stream: AsyncIterable<Buffer>): Promise<{ body: Buffer; sizeBytes: number }> {
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let sizeBytes = 0;
  for await (const chunk of stream) {
    sizeBytes += chunk.length;
    const part = chunk.subarray(0, MAX_BODY_BYTES - keptBytes);
    if (part.length > 0) kept.push(part);
    keptBytes += part.length;
  }
  return { body: Buffer.concat(kept), sizeBytes };
}
