// A WebSocket test: the upgrade, then the client's recorded messages, each after as many of the server's as had come before it
// in the recording and at its recorded distance from them. It is over when the server has said as much as it had then.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '@echoplane/runtime';
import {
  bodyBytes,
  type HeaderList,
  type HttpResponse,
  header,
  type PairError,
  type StreamMessage,
  storeBody,
} from '@echoplane/traffic';
import type { StreamMessage as SeenMessage } from '@echoplane/wire';
import WebSocket from 'ws';
import { AnswerCollector } from './answer-collector.ts';
import type { Channel, Outgoing, SentRequest } from './channel.ts';
import { isStep } from './conversation-steps.ts';
import { factsOf, openSocket } from './dial.ts';
import type { Http2Options } from './http2-channel.ts';
import { type ConnectionFacts, MESSAGE_TOO_LONG, type Outcome } from './outcome.ts';
import { hostOf } from './signed-host.ts';

/** Fields the handshake makes itself. */
const OWN = /^(?:host|connection|upgrade|sec-websocket-(?:key|version|extensions|protocol)|content-length)$/i;
/** Messages kept of a conversation; more are heard and not kept. */
const MAX_SEEN = 10_000;
/** Bytes of them that are kept. */
const MAX_SEEN_BYTES = 64 << 20;
const NORMAL_CLOSURE = 1000;
/** As the library calls a message over the limit. */
const TOO_LONG = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

export class WebSocketChannel implements Channel {
  readonly facts: ConnectionFacts;
  readonly isShared = false;
  isOpen = true;
  readonly #options: Http2Options;
  readonly #socket: Socket;

  private constructor(socket: Socket, options: Http2Options) {
    this.#socket = socket;
    this.#options = options;
    this.facts = factsOf(newId(options.clock.nowUs()), socket);
    socket.on('error', () => {});
  }

  /** Dials once; one test goes over it. */
  static async open(options: Http2Options): Promise<WebSocketChannel> {
    return new WebSocketChannel(await openSocket(options, { ALPNProtocols: ['http/1.1'] }), options);
  }

  send(outgoing: Outgoing, dueUs: number): void {
    this.isOpen = false;
    const conversation = new Conversation(this.#socket, outgoing, this.#options, dueUs);
    void conversation.play(this.facts).then((outcome) => outgoing.settle(outcome));
  }

  close(): void {
    this.isOpen = false;
    this.#socket.destroy();
  }
}

class Conversation {
  readonly #outgoing: Outgoing;
  readonly #options: Http2Options;
  readonly #dueUs: number;
  readonly #collector: AnswerCollector;
  readonly #socket: WebSocket;
  readonly #seen: SeenMessage[] = [];
  #response: HttpResponse | null = null;
  #error: PairError | null = null;
  #gapReason = '';
  #seenBytes = 0;
  /** Data messages of the server so far. */
  #heard = 0;
  #isOver = false;
  /** Wakes whoever waits for the next event. */
  #happened = Promise.withResolvers<void>();

  constructor(socket: Socket, outgoing: Outgoing, options: Http2Options, dueUs: number) {
    const { filled: sent } = outgoing;
    this.#outgoing = outgoing;
    this.#options = options;
    this.#dueUs = dueUs;
    const limitBytes = options.bodyLimitBytes;
    this.#collector = new AnswerCollector(sent.bytes, { dueUs, seq: 0, limitBytes, protocol: undefined });
    this.#socket = handshake(socket, sent, options);
    this.#listen();
  }

  /** Resolves when the conversation is over, took too long, or the signal aborted. */
  async play(facts: ConnectionFacts): Promise<Outcome> {
    const { timeoutMs, signal, clock } = this.#options;
    const { messages = [] } = this.#outgoing.filled.talk ?? {};
    const lengthMs = ((messages.at(-1)?.offsetUs ?? 0) / 1000) * this.#options.pauseFactor;
    const stop = (error: PairError) => () => this.#end(error);
    const timer = setTimeout(stop('timeout'), timeoutMs + lengthMs);
    const cancel = stop('client-closed');
    signal.addEventListener('abort', cancel);
    await this.#speak(messages);
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
    this.#socket.terminate();
    const raw = this.#collector.end(clock.nowUs());
    const answered = {
      response: this.#response,
      error: this.#error,
      gapReason: this.#gapReason,
      isProven: false,
    };
    return { raw, ...answered, connection: facts, messages: this.#seen };
  }

  async #speak(messages: readonly StreamMessage[]): Promise<void> {
    const { clock, pauseFactor } = this.#options;
    while (this.#response === null && !this.#isOver) await this.#happened.promise;
    this.#outgoing.stepped();
    // Refused: the answer is all there is.
    while (this.#response?.status !== 101 && !this.#isOver) await this.#happened.promise;
    let wanted = 0;
    let [beforeUs, recordedUs] = [clock.nowUs(), 0];
    for (const message of messages) {
      if (this.#isOver) return;
      if (message.from === 'client')
        await this.#say(message, beforeUs + (message.offsetUs - recordedUs) * pauseFactor);
      else if (isData(message)) await this.#hear(++wanted);
      if (isStep(message)) this.#outgoing.stepped();
      beforeUs = clock.nowUs();
      recordedUs = message.offsetUs;
    }
    this.#socket.close(NORMAL_CLOSURE);
    while (!this.#isOver) await this.#happened.promise;
  }

  async #hear(count: number): Promise<void> {
    while (this.#heard < count && !this.#isOver) await this.#happened.promise;
  }

  async #say(message: StreamMessage, atUs: number): Promise<void> {
    const { clock, signal } = this.#options;
    const waitMs = (atUs - clock.nowUs()) / 1000;
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    if (this.#isOver || this.#socket.readyState !== WebSocket.OPEN) return;
    const bytes = bodyBytes({
      encoding: 'identity',
      ...(this.#outgoing.filled.talk?.filled(message) ?? message),
    });
    if (message.kind === 'ping') this.#socket.ping(bytes);
    else if (message.kind === 'pong') this.#socket.pong(bytes);
    else if (message.kind === 'close') this.#socket.close(closeCode(bytes));
    else this.#socket.send(bytes, { binary: message.kind === 'binary' });
    this.#note('client', message.kind, bytes);
  }

  #listen(): void {
    const { clock } = this.#options;
    this.#socket
      .on('upgrade', (answer) => this.#answered(answer))
      .on('unexpected-response', (_request, answer) => {
        this.#answered(answer);
        answer.on('data', (data: Buffer) => this.#collector.body(data, clock.nowUs()));
        answer.on('close', () => this.#end(null));
      })
      .on('message', (data, isBinary) => {
        this.#outgoing.filled.talk?.heard(this.#heard++, data as Buffer);
        this.#note('server', isBinary ? 'binary' : 'text', data as Buffer);
      })
      .on('ping', (data) => this.#note('server', 'ping', data))
      .on('pong', (data) => this.#note('server', 'pong', data))
      .on('error', ({ code }: Error & { code?: string }) => {
        if (code === TOO_LONG) this.#gapReason = MESSAGE_TOO_LONG;
        this.#end(this.#response ? this.#error : 'reset');
      })
      .on('close', () => this.#end(this.#response ? null : 'server-closed'));
  }

  #answered({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): void {
    const headers: HeaderList = [];
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const head = Buffer.from(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines}\r\n`, 'latin1');
    this.#collector.head(head, this.#options.clock.nowUs());
    const body = storeBody(Buffer.alloc(0), '');
    this.#response = { status: statusCode, reason: statusMessage, headers, body };
    this.#wake();
  }

  #note(from: 'client' | 'server', kind: string, data: Buffer): void {
    const offsetUs = Math.max(0, this.#options.clock.nowUs() - this.#dueUs);
    const room = Math.min(this.#options.bodyLimitBytes, MAX_SEEN_BYTES - this.#seenBytes);
    const kept = data.subarray(0, room);
    if (this.#seen.length < MAX_SEEN) {
      this.#seen.push({ from, kind, offsetUs, size: data.length, data: kept });
      this.#seenBytes += kept.length;
    }
    this.#wake();
  }

  /** The first reason counts. */
  #end(error: PairError | null): void {
    if (!this.#isOver) this.#error = error;
    this.#isOver = true;
    this.#wake();
  }

  #wake(): void {
    this.#happened.resolve();
    this.#happened = Promise.withResolvers();
  }
}

function handshake(socket: Socket, { request }: SentRequest, options: Http2Options): WebSocket {
  const { target, host } = options;
  const asked = header(request.headers, 'sec-websocket-protocol');
  const protocols = asked?.split(',').map((name) => name.trim()) ?? [];
  const isCompressed = /permessage-deflate/.test(header(request.headers, 'sec-websocket-extensions') ?? '');
  const headers: Record<string, string> = {
    host: hostOf(request, host) ?? header(request.headers, 'host') ?? target.host,
  };
  for (const [name, value] of request.headers) if (!OWN.test(name)) headers[name] = value;
  return new WebSocket(`ws://${target.host}${request.target}`, protocols, {
    ...{ headers, perMessageDeflate: isCompressed, followRedirects: false },
    maxPayload: options.messageLimitBytes,
    // Over TLS it is a socket that speaks TLS already.
    createConnection: () => socket,
  });
}

function isData({ kind }: StreamMessage): boolean {
  return kind === 'text' || kind === 'binary';
}

/** What a close frame says, where a client may say it (RFC 6455 section 7.4). */
function closeCode(bytes: Buffer): number {
  const code = bytes.length >= 2 ? bytes.readUInt16BE(0) : NORMAL_CLOSURE;
  return code === NORMAL_CLOSURE || (code >= 3000 && code < 5000) ? code : NORMAL_CLOSURE;
}
