// gRPC calls in which the server answered before the client had said all: they cannot wait for the whole request. The first
// message chooses among the recorded conversations; then every message is answered as it was, at its time.
import { bodyBytes, grpcFrames, type Mock, type StreamMessage } from '@echoplane/traffic';
import type { Answer, AnswerTools, Exchange } from './answer-steps.ts';
import { originOf } from './channel.ts';
import { corrupted, type Touch } from './chaos.ts';
import { bodyOf, Conversation } from './conversation.ts';
import { type Disturbances, statusReply } from './disturbances.ts';
import { callBody, isGrpc } from './grpc-reply.ts';
import type { Miss } from './reply.ts';
import { Sayings } from './sayings.ts';
import { type Http2Asked, Http2Turn, type ReplyStream } from './turn.ts';

/** A server that ended the call before its client did, ends it again so long after, ms. */
const END_MS = 250;
const MAX_MESSAGE_BYTES = 8 << 20;
/** Recorded conversations of one method that a call is compared with; later ones are not reached. */
const MAX_CONSIDERED = 1_000;
/** Bytes of either side that the pair of the call can hold. */
const MAX_KEPT_BYTES = 1 << 20;
const MAX_STALL_MS = 600_000;

export interface ConversationOptions {
  tools: AnswerTools;
  /** Factor of recorded times. */
  latency: number;
  disturbances: Disturbances | null;
}

export class GrpcConversations {
  readonly #options: ConversationOptions;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** Takes a call over when conversations were recorded of it. */
  take(asked: Http2Asked): boolean {
    const { tools } = this.#options;
    const { head, channel, stream } = asked;
    if (!isGrpc(head.headers)) return false;
    const { host, target } = originOf(channel, head.url, head.host);
    const recorded = tools.survey().conversations(host, target);
    if (recorded.length === 0) return false;
    new Call(asked, recorded, this.#options).run().catch((err: unknown) => {
      tools.log.error({ err, host, method: target }, 'a call could not be answered');
      stream.destroy();
    });
    return true;
  }
}

/** One call. */
class Call {
  readonly #asked: Http2Asked;
  readonly #mocks: Mock[];
  readonly #options: ConversationOptions;
  readonly #turn: Http2Turn;
  readonly #heard = new Kept();
  readonly #said = new Kept();
  #difference: string | null = null;
  #firstByteUs: number | null = null;

  constructor(asked: Http2Asked, recorded: readonly number[], options: ConversationOptions) {
    this.#asked = asked;
    const index = options.tools.index();
    this.#mocks = recorded.slice(0, MAX_CONSIDERED).map((n) => index.read(n));
    this.#options = options;
    this.#turn = new Http2Turn(asked.stream);
  }

  async run(): Promise<void> {
    const frames = this.#frames();
    const serverBegins = this.#mocks.every(({ messages = [] }) => messages[0]?.from === 'server');
    const first = serverBegins ? null : (await frames.next()).value;
    const mock = await this.#choose(first ?? null);
    const { tools, disturbances } = this.#options;
    const { channel, seq, startedUs, head } = this.#asked;
    const exchange = tools.exchange({
      channel,
      seq,
      startedUs,
      head,
      body: this.#heard.bytes(),
      sizeBytes: this.#heard.size,
    });
    const { headers, ...reply } = tools.reply(exchange, mock, 'exact');
    const answer: Answer = { match: 'exact', mock, reply: { ...reply, headers }, waitUs: 0, miss: null };
    const touch = disturbances?.touch(exchange, answer) ?? null;
    const isWhole = await this.#converse(mock, answer, { first: first ?? null, frames, touch });
    this.#conclude(exchange, answer, isWhole);
  }

  /** The next of the conversations that begin with this message; of all, when none does. */
  async #choose(first: Buffer | null): Promise<Mock> {
    const begins = (mock: Mock) =>
      first === null || this.#scriptOf(mock).hear('message', callBody(first)).difference === null;
    const fitting = this.#mocks.filter(begins);
    const among = fitting.length > 0 ? fitting : this.#mocks;
    const step = { session: null, recordedSessions: [], resource: null, isWrite: false };
    const { nth } = await this.#options.tools.state.advance({
      cursor: `conversation ${among[0]!.id}`,
      ...step,
    });
    return among[Math.min(nth, among.length - 1)]!;
  }

  #scriptOf({ messages = [] }: Mock): Conversation {
    return new Conversation(messages, 0, this.#asked.head.headers);
  }

  async #converse(
    mock: Mock,
    answer: Answer,
    { first, frames, touch }: { first: Buffer | null; frames: AsyncIterator<Buffer>; touch: Touch | null },
  ): Promise<boolean> {
    const { clock, signal } = this.#options.tools;
    const turn = this.#turn;
    const over = AbortSignal.any([signal, turn.left]);
    if (touch && touch.delayMs > 0) await clock.sleep(touch.delayMs, over);
    if (touch?.status) {
      answer.reply = statusReply(touch.status, this.#asked.head, 'exact');
      return turn.send(answer.reply);
    }
    if (touch?.ending?.type === 'reset' || touch?.ending?.type === 'close') return brokenOff(turn, touch);
    const { headers, trailers } = answer.reply;
    const stream = turn.open({ status: answer.reply.status, headers });
    this.#firstByteUs = clock.nowUs();
    const script = this.#scriptOf(mock);
    const sayings = this.#sayings(stream, over, { mock, touch });
    sayings.follow(script.open(), this.#asked.startedUs);
    const hear = (frame: Buffer) => {
      const { difference, says } = script.hear('message', callBody(frame));
      this.#difference ??= difference;
      sayings.follow(says, clock.nowUs());
    };
    if (first) hear(first);
    await this.#listen(frames, { script, sayings, hear, over });
    const isHeard = await sayings.done();
    if (touch?.ending && sayings.isSilenced) {
      if (touch.ending.type === 'stall') await clock.sleep(MAX_STALL_MS, over);
      return brokenOff(turn, touch);
    }
    return isHeard && stream.end(trailers);
  }

  /** Until the client has said all, or until the server had: whichever comes first. */
  async #listen(
    frames: AsyncIterator<Buffer>,
    {
      script,
      sayings,
      hear,
      over,
    }: { script: Conversation; sayings: Sayings; hear(frame: Buffer): void; over: AbortSignal },
  ): Promise<void> {
    const { clock } = this.#options.tools;
    for (;;) {
      const next = frames.next();
      const isOver = script.next
        ? next
        : Promise.race([next, sayings.done().then(() => clock.sleep(END_MS, over))]);
      const found = await isOver;
      if (!found || found.done || over.aborted) break;
      hear(found.value);
    }
    const { next } = script;
    if (next) this.#difference ??= `message[${this.#heard.count}]: recorded, but the client ended the call`;
  }

  #sayings(
    stream: ReplyStream,
    signal: AbortSignal,
    { mock, touch }: { mock: Mock; touch: Touch | null },
  ): Sayings {
    const recorded = (mock.messages ?? []).filter(({ from }) => from === 'server').length;
    const ending = touch?.ending;
    return new Sayings({
      ...{ clock: this.#options.tools.clock, factor: this.#options.latency, signal },
      limit: ending
        ? Math.min(recorded, ending.bytes === null ? recorded >> 1 : ending.bytes)
        : Number.POSITIVE_INFINITY,
      say: async (message: StreamMessage) => {
        const bytes = bodyBytes(bodyOf(message));
        const sent = touch && touch.corrupt !== null ? corrupted(bytes, touch.corrupt) : bytes;
        this.#said.add(sent);
        return stream.write(sent);
      },
    });
  }

  /** The client's messages, one frame after the other. */
  async *#frames(): AsyncGenerator<Buffer, undefined> {
    const { stream } = this.#asked;
    let held = Buffer.alloc(0);
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const { frames, rest } = grpcFrames(held.length > 0 ? Buffer.concat([held, chunk]) : chunk);
        if (rest.length > MAX_MESSAGE_BYTES) throw new Error(`a message of over ${MAX_MESSAGE_BYTES} bytes`);
        held = Buffer.from(rest);
        for (const frame of frames) {
          this.#heard.add(frame);
          yield frame;
        }
      }
    } catch (error) {
      // A client that leaves has said what it said.
      if (!this.#turn.left.aborted && !stream.aborted) throw error;
    }
    return undefined;
  }

  #conclude(exchange: Exchange, answer: Answer, isWhole: boolean): void {
    const { tools } = this.#options;
    const difference = this.#difference;
    const miss: Miss | null = difference === null ? null : { nearest: answer.mock, difference, others: [] };
    const body = this.#heard.bytes();
    const whole: Exchange = { ...exchange, body, sizeBytes: this.#heard.size };
    const reply = { ...answer.reply, body: this.#said.bytes() };
    const ended = { firstByteUs: this.#firstByteUs, endUs: tools.clock.nowUs(), isWhole };
    tools.conclude(whole, { ...answer, match: miss ? 'miss' : answer.match, miss, reply }, ended);
  }
}

/** The first bytes of one side, and how many there were. */
class Kept {
  readonly #pieces: Buffer[] = [];
  #keptBytes = 0;
  size = 0;
  count = 0;

  add(bytes: Buffer): void {
    this.size += bytes.length;
    this.count++;
    const part = bytes.subarray(0, MAX_KEPT_BYTES - this.#keptBytes);
    if (part.length > 0) this.#pieces.push(part);
    this.#keptBytes += part.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

function brokenOff(turn: Http2Turn, { ending }: Touch): false {
  if (ending?.type === 'reset') turn.reset();
  else turn.destroy();
  return false;
}
