/**
 * Puts the frames of one WebSocket direction together to messages: fragments, control frames between them, compression.
 * It keeps the first bytes of a message and counts the rest; it knows neither the other direction nor the time.
 */
import { BodyCollector } from './body-collector.ts';
import {
  OPCODE,
  type WebSocketFrame,
  WebSocketFramer,
  type WebSocketFrameSink,
  type WebSocketOpaqueReason,
} from './websocket-framer.ts';
import { type InflateFailure, MAX_INFLATED_BYTES, type WebSocketInflater } from './websocket-inflater.ts';

export type WebSocketMessageKind = 'text' | 'binary' | 'ping' | 'pong' | 'close';

export interface WebSocketMessageSink {
  /** `size`: payload bytes, plain ones of a message that could be opened; `data`: the first of them, a copy. */
  message(kind: WebSocketMessageKind, size: number, data: Buffer): void;
  /** The next message is known by its compressed size only. */
  unopened(why: InflateFailure): void;
  /** The last event. */
  opaque(reason: WebSocketOpaqueReason): void;
}

const KINDS: Record<number, WebSocketMessageKind> = {
  [OPCODE.text]: 'text',
  [OPCODE.binary]: 'binary',
  [OPCODE.close]: 'close',
  [OPCODE.ping]: 'ping',
  [OPCODE.pong]: 'pong',
};
const NOTHING = Buffer.alloc(0);

/** A message in the making. */
interface Unfinished {
  kind: WebSocketMessageKind;
  isCompressed: boolean;
  size: number;
  collector: BodyCollector;
}

export interface WebSocketMessagesOptions {
  /** Null when messages are not compressed. */
  inflater: WebSocketInflater | null;
  /** Bytes kept of each message. */
  bodyLimitBytes: number;
}

/** One direction's messages, in the order of their last bytes. */
export class WebSocketMessages implements WebSocketFrameSink {
  readonly framer: WebSocketFramer;
  readonly #sink: WebSocketMessageSink;
  readonly #inflater: WebSocketInflater | null;
  readonly #bodyLimitBytes: number;
  #data: Unfinished | null = null;
  #control: Unfinished | null = null;
  #isFinal = false;

  constructor(from: 'client' | 'server', sink: WebSocketMessageSink, options: WebSocketMessagesOptions) {
    this.#sink = sink;
    this.#inflater = options.inflater;
    this.#bodyLimitBytes = options.bodyLimitBytes;
    this.framer = new WebSocketFramer(from, this);
  }

  /** Whether a message has begun that has not ended. */
  get inMessage(): boolean {
    return this.#data !== null || this.framer.inFrame;
  }

  /** Bytes of the message in the making and of what later ones refer to. */
  get heldBytes(): number {
    return (this.#data?.collector.keptBytes ?? 0) + (this.#inflater?.heldBytes ?? 0);
  }

  begin(frame: WebSocketFrame): number | WebSocketOpaqueReason {
    if (frame.isCompressed && (!this.#inflater || frame.opcode === OPCODE.continuation))
      return 'reserved-bits';
    if ((frame.opcode === OPCODE.continuation) !== (this.#data !== null) && frame.opcode < OPCODE.close)
      return 'bad-continuation';
    const message = this.#messageOf(frame);
    this.#isFinal = frame.isFinal;
    message.size += frame.length;
    message.collector.expectedBytes = message.collector.keptBytes + frame.length;
    return message.collector.roomBytes;
  }

  payload(data: Buffer): void {
    (this.#control ?? this.#data!).collector.add(data, 0);
  }

  end(): void {
    const message = this.#control ?? this.#data!;
    if (this.#control) this.#control = null;
    else if (this.#isFinal) this.#data = null;
    else return;
    if (message.isCompressed) this.#open(message);
    else this.#sink.message(message.kind, message.size, joined(message.collector.finish().kept));
  }

  opaque(reason: WebSocketOpaqueReason): void {
    this.#sink.opaque(reason);
  }

  #messageOf({ opcode, isCompressed }: WebSocketFrame): Unfinished {
    if (opcode === OPCODE.continuation) return this.#data!;
    const openableBytes = this.#inflater?.isBroken ? 0 : MAX_INFLATED_BYTES;
    const collector = new BodyCollector(isCompressed ? openableBytes : this.#bodyLimitBytes);
    const message = { kind: KINDS[opcode]!, isCompressed, size: 0, collector };
    if (opcode >= OPCODE.close) this.#control = message;
    else this.#data = message;
    return message;
  }

  #open({ kind, size, collector }: Unfinished): void {
    const inflater = this.#inflater!;
    const isWhole = collector.keptBytes === size;
    const plain = isWhole ? inflater.inflate(collector.finish().kept) : inflater.skip('inflate-too-large');
    if (typeof plain !== 'string') {
      this.#sink.message(kind, plain.length, Buffer.from(plain.subarray(0, this.#bodyLimitBytes)));
      return;
    }
    this.#sink.unopened(plain);
    this.#sink.message(kind, size, NOTHING);
  }
}

function joined(pieces: Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
