// WebSockets: the upgrade is matched as any request; the conversation recorded behind it is then played, message by message.
// What the client says otherwise is a miss that names the first difference. It must not know frames: those are the library's.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type Body,
  bodyBytes,
  type HeaderList,
  header,
  headerValues,
  type Mock,
  type StreamMessage,
} from '@echoplane/traffic';
import type { StreamMessage as CapturedStreamMessage } from '@echoplane/wire';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Answer, AnswerTools, Exchange, Matched } from './answer-steps.ts';
import { corrupted, type Touch } from './chaos.ts';
import { bodyOf, Conversation } from './conversation.ts';
import { type Disturbances, statusReply } from './disturbances.ts';
import { replyBytes } from './http1-reply.ts';
import { MATCH_HEADER, type Miss, missReply } from './reply.ts';
import { Sayings } from './sayings.ts';

/** As the library calls a message over the limit. */
const TOO_LONG = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
/** Messages and bytes of one conversation that its pair can hold; what is said beyond is counted in bytes. */
const MAX_KEPT_MESSAGES = 4_096;
const MAX_KEPT_BYTES = 4 << 20;
const PING_MS = 30_000;
const ABNORMAL = 1006;
const NO_STATUS = 1005;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a header
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]/;

export interface WebSocketOptions {
  tools: AnswerTools;
  /** Factor of recorded times. */
  latency: number;
  missStatus: number;
  /** Of the largest message that is heard. */
  messageLimitBytes: number;
  disturbances: Disturbances | null;
}

type Take = () => { socket: Duplex; rest: Buffer };

export class WebSocketAnswers {
  readonly #options: WebSocketOptions;

  constructor(options: WebSocketOptions) {
    this.#options = options;
  }

  /** Takes a request over that asks for a WebSocket. */
  take(exchange: Exchange, take: Take): boolean {
    if (header(exchange.head.headers, 'upgrade')?.toLowerCase() !== 'websocket') return false;
    const { socket, rest } = take();
    this.#answer(exchange, socket, rest).catch((err: unknown) => {
      this.#options.tools.log.error({ err, host: exchange.origin.host }, 'a WebSocket could not be answered');
      socket.destroy();
    });
    return true;
  }

  async #answer(exchange: Exchange, socket: Duplex, rest: Buffer): Promise<void> {
    const { tools, disturbances, latency } = this.#options;
    const answer = this.#answerOf(exchange, await tools.match(exchange));
    const touch = disturbances?.touch(exchange, answer) ?? null;
    const left = new AbortController();
    socket.once('close', () => left.abort());
    const over = AbortSignal.any([tools.signal, left.signal]);
    const waitMs = (answer.waitUs * latency) / 1000 + (touch?.delayMs ?? 0);
    if (waitMs > 0) await tools.clock.sleep(waitMs, over);
    const firstByteUs = tools.clock.nowUs();
    if (touch?.ending?.type === 'reset' || touch?.ending?.type === 'close') {
      breakOff(socket, touch);
      const ended = { firstByteUs: null, endUs: firstByteUs, isWhole: false };
      return tools.conclude(exchange, answer, ended);
    }
    if (touch?.status) answer.reply = statusReply(touch.status, exchange.head, answer.match);
    const { mock } = answer;
    if (!touch?.status && mock?.messages && mock.response.status === 101) {
      const play = new Play({ exchange, answer, mock, touch, socket, rest }, this.#options, over);
      return play.run(firstByteUs);
    }
    const shape = { version: exchange.head.version, keepAlive: false };
    socket.end(replyBytes(answer.reply, shape));
    tools.conclude(exchange, answer, { firstByteUs, endUs: tools.clock.nowUs(), isWhole: true });
  }

  #answerOf(exchange: Exchange, { kind, mock, miss }: Matched): Answer {
    const { tools, missStatus } = this.#options;
    if (mock)
      return { match: kind, mock, miss, reply: tools.reply(exchange, mock, kind), waitUs: mock.ttfbUs };
    const { method } = exchange.head;
    const reply = missReply({ ...exchange.origin, method }, miss, missStatus);
    return { match: 'miss', mock: null, miss, reply, waitUs: 0 };
  }
}

interface PlayOf {
  exchange: Exchange;
  answer: Answer;
  mock: Mock;
  touch: Touch | null;
  socket: Duplex;
  rest: Buffer;
}

/** One conversation. */
class Play {
  readonly #of: PlayOf;
  readonly #options: WebSocketOptions;
  readonly #over: AbortSignal;
  readonly #script: Conversation;
  readonly #messages: CapturedStreamMessage[] = [];
  #keptBytes = 0;
  #sentBytes = 0;
  #receivedBytes = 0;
  #difference: string | null = null;
  #hasClosed = false;

  constructor(of: PlayOf, options: WebSocketOptions, over: AbortSignal) {
    this.#of = of;
    this.#options = options;
    this.#over = over;
    this.#script = new Conversation(of.mock.messages!, of.mock.ttfbUs);
  }

  async run(firstByteUs: number): Promise<void> {
    const { tools } = this.#options;
    const { answer, exchange } = this.#of;
    const webSocket = this.#upgrade();
    if (!webSocket) {
      tools.conclude(exchange, answer, { firstByteUs, endUs: tools.clock.nowUs(), isWhole: false });
      return;
    }
    const openedUs = tools.clock.nowUs();
    const sayings = this.#sayings(webSocket);
    const closed = new Promise<number>((resolve) => webSocket.once('close', resolve));
    webSocket.on('error', ({ code }: Error & { code?: string }) => this.#failed(code));
    webSocket.on('message', (data: Buffer, isBinary) => {
      try {
        this.#hear(isBinary ? 'binary' : 'text', data, sayings);
      } catch (err) {
        // A mock edited beyond what can be compared spoils its own conversation, not the others.
        tools.log.error({ err, host: exchange.origin.host }, 'a message could not be answered');
        webSocket.terminate();
      }
    });
    webSocket.on('ping', (data) => this.#keep('client', 'ping', data));
    webSocket.on('pong', (data) => this.#keep('client', 'pong', data));
    const beat = setInterval(() => webSocket.ping(), PING_MS);
    this.#over.addEventListener('abort', () => webSocket.terminate());
    sayings.follow(this.#script.open(), openedUs);
    const code = await closed;
    clearInterval(beat);
    this.#conclude(code, firstByteUs);
  }

  #failed(code: string | undefined): void {
    if (code !== TOO_LONG) return;
    const { messageLimitBytes: limitBytes, tools } = this.#options;
    const { host } = this.#of.exchange.origin;
    this.#difference ??= `a message of more than ${limitBytes} bytes came; raise ECHOPLANE_MESSAGE_LIMIT_BYTES`;
    tools.log.warn({ host, limitBytes }, 'a message is longer than may be heard; its conversation is ended');
  }

  /** Answers the upgrade as recorded; null when the client's request is not one for a WebSocket. */
  #upgrade(): WebSocket | null {
    const { exchange, mock, socket, rest } = this.#of;
    const { headers } = exchange.head;
    const recorded = mock.response.headers;
    const protocol = header(recorded, 'sec-websocket-protocol');
    const isDeflated = header(recorded, 'sec-websocket-extensions')?.includes('permessage-deflate') ?? false;
    const server = new WebSocketServer({
      ...{
        noServer: true,
        maxPayload: this.#options.messageLimitBytes,
        perMessageDeflate: isDeflated,
        clientTracking: false,
      },
      handleProtocols: (offered) => (protocol !== undefined && offered.has(protocol) ? protocol : false),
    });
    server.on('headers', (lines: string[]) => lines.push(...this.#moreHeaders(recorded)));
    let opened: WebSocket | null = null;
    const asked = { method: exchange.head.method, url: exchange.head.url, headers: lowerCase(headers) };
    // Of a request the library reads these three.
    server.handleUpgrade(asked as IncomingMessage, socket as never, rest, (webSocket) => {
      opened = webSocket;
    });
    // It was paused when it was given away, and a listener alone does not change that.
    socket.resume();
    return opened;
  }

  #moreHeaders(recorded: HeaderList): string[] {
    const own = /^(?:upgrade|connection|sec-websocket-.*|x-echoplane-match)$/i;
    const kept = recorded.filter(([name, value]) => !own.test(name) && !CONTROLS.test(value));
    return [...kept, [MATCH_HEADER, this.#of.answer.match]].map(([name, value]) => `${name}: ${value}`);
  }

  #hear(kind: string, data: Buffer, sayings: Sayings): void {
    const { tools } = this.#options;
    this.#keep('client', kind, data);
    const heardUs = tools.clock.nowUs();
    const { difference, learned, says } = this.#script.hear(kind, this.#recordable(data));
    this.#difference ??= difference;
    if (learned.length > 0) tools.state.learn(learned);
    sayings.follow(says, heardUs);
  }

  /** A message in the form of the recording. */
  #recordable(data: Buffer): Body {
    const { channel, seq, startedUs, head } = this.#of.exchange;
    const asked = { channel, seq, startedUs, head, body: data, sizeBytes: data.length };
    return this.#options.tools.exchange(asked).request.body;
  }

  #sayings(webSocket: WebSocket): Sayings {
    const { touch, mock } = this.#of;
    const recorded = mock.messages!.filter(({ from }) => from === 'server').length;
    const ending = touch?.ending;
    const limit = ending ? Math.min(recorded, ending.bytes ?? recorded >> 1) : Number.POSITIVE_INFINITY;
    const sayings: Sayings = new Sayings({
      ...{ clock: this.#options.tools.clock, factor: this.#options.latency, signal: this.#over, limit },
      say: async (message) => {
        const isTaken = await this.#say(webSocket, message);
        if (ending?.type === 'cut' && sayings.isSilenced) webSocket.terminate();
        return isTaken;
      },
    });
    return sayings;
  }

  async #say(webSocket: WebSocket, message: StreamMessage): Promise<boolean> {
    if (webSocket.readyState !== webSocket.OPEN) return false;
    const { kind } = message;
    if (kind === 'close') {
      this.#hasClosed = true;
      close(webSocket, bodyBytes(bodyOf(message)));
      return false;
    }
    const { tools } = this.#options;
    const { touch, mock, exchange } = this.#of;
    const response = { ...mock.response, headers: [], body: bodyOf(message) };
    const live = tools.reply(
      exchange,
      { ...mock, response: { ...response, status: 200 } },
      this.#of.answer.match,
    ).body;
    const data = touch && touch.corrupt !== null ? corrupted(live, touch.corrupt) : live;
    this.#keep('server', kind, data);
    const options = { binary: kind === 'binary' || (touch?.corrupt ?? null) !== null };
    return new Promise((resolve) => {
      const taken = (error?: Error | null) => resolve(!error);
      if (kind === 'ping') webSocket.ping(data, false, taken);
      else webSocket.send(data, options, taken);
    });
  }

  #keep(from: 'client' | 'server', kind: string, data: Buffer): void {
    if (from === 'client') this.#sentBytes += data.length;
    else this.#receivedBytes += data.length;
    if (this.#messages.length >= MAX_KEPT_MESSAGES || this.#keptBytes + data.length > MAX_KEPT_BYTES) return;
    const offsetUs = this.#options.tools.clock.nowUs() - this.#of.exchange.startedUs;
    this.#messages.push({ from, kind, offsetUs, size: data.length, data });
    this.#keptBytes += data.length;
  }

  #conclude(code: number, firstByteUs: number): void {
    const { tools } = this.#options;
    const { answer, exchange, mock } = this.#of;
    const { next } = this.#script;
    if (next && !this.#hasClosed) this.#difference ??= 'a message was recorded that the client did not send';
    const difference = this.#difference;
    const miss: Miss | null = difference === null ? answer.miss : { nearest: mock, difference, others: [] };
    const isWhole = code !== ABNORMAL;
    const endUs = tools.clock.nowUs();
    const match = difference === null ? answer.match : 'miss';
    tools.conclude(
      exchange,
      { ...answer, match, miss },
      { firstByteUs, endUs, isWhole },
      {
        protocol: 'websocket',
        messages: this.#messages,
        sentBytes: this.#sentBytes,
        receivedBytes: this.#receivedBytes,
      },
    );
  }
}

/** A close frame's payload: two bytes of code, then the reason. */
function close(webSocket: WebSocket, payload: Buffer): void {
  const code = payload.length >= 2 ? payload.readUInt16BE(0) : NO_STATUS;
  // 1005 and 1006 say that no code was sent: they cannot be.
  if (code === NO_STATUS || code === ABNORMAL) webSocket.close();
  else webSocket.close(code, payload.subarray(2));
}

function breakOff(socket: Duplex & { resetAndDestroy?(): void }, { ending }: Touch): void {
  if (ending?.type === 'reset' && socket.resetAndDestroy) socket.resetAndDestroy();
  else socket.destroy();
}

function lowerCase(headers: HeaderList): Record<string, string> {
  const names = new Set(headers.map(([name]) => name.toLowerCase()));
  return Object.fromEntries([...names].map((name) => [name, headerValues(headers, name).join(', ')]));
}
