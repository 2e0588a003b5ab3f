/**
 * Walks the frames of one direction of an HTTP/2 connection (RFC 9113 section 4). Payload of DATA passes through as it
 * arrives; only what must be read as a whole is gathered, within bounds: a header block with its CONTINUATIONs, and
 * small control frames. Frames that say nothing about pairs are skipped. It knows no header compression, no streams.
 *
 *   preface (client only) ─▶ frame header ─▶ payload: gathered │ passed through │ skipped ─▶ frame header …
 *                    any ─ what RFC 9113 forbids ─▶ opaque
 */

/** Why a connection cannot be followed as HTTP/2 any more. */
export type Http2FramesOpaqueReason =
  | 'not-http2'
  | 'bad-frame'
  | 'frame-too-large'
  | 'header-block-too-large';

/** A whole header block, `from`..`to` of `bytes`; one such object is used again and again. */
export interface HeaderBlock {
  streamId: number;
  bytes: Uint8Array;
  from: number;
  to: number;
  /** The message ends with it. */
  isEnd: boolean;
  /** 0, or the stream that a PUSH_PROMISE announces. */
  promisedId: number;
}

/** What the walker tells of. Buffers are valid during the call only. */
export interface Http2FramesSink {
  headers(block: HeaderBlock): void;
  /** The next bytes of a DATA frame, of which `left` are to come. */
  data(streamId: number, bytes: Buffer, left: number): void;
  /** The message on this stream ended with the DATA frame just seen. */
  end(streamId: number): void;
  reset(streamId: number, code: number): void;
  goaway(lastStreamId: number): void;
  setting(id: number, value: number): void;
  /** Called once, last. */
  opaque(reason: Http2FramesOpaqueReason): void;
}

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const HEADER_BYTES = 9;
/** A header block with its CONTINUATIONs, still compressed. */
const MAX_HEADER_BLOCK_BYTES = 262_144;
const MAX_SETTINGS_BYTES = 16_384;
const SETTING_BYTES = 6;
const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  goaway: 7,
  continuation: 9,
} as const;
const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;
const NOTHING = new Uint8Array(0);

/** The walker of one direction; feed it the bytes in the order they passed. */
export class Http2Frames {
  /** The largest payload that the receiving end allowed (SETTINGS_MAX_FRAME_SIZE). */
  maxFrameBytes = 16_384;
  /** When the first byte of the header block last given, or in the making, was seen. */
  headersUs = 0;
  readonly #sink: Http2FramesSink;
  #prefaceLeft: number;
  #isFirst = true;
  #isOpaque = false;
  #opaqueBytes = 0;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerUsed = 0;
  #inFrame = false;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Payload of this frame that is still to come. */
  #left = 0;
  /** Payload to have at hand before the frame can be read; -1: it was read, or is not. */
  #need = -1;
  #gathered = NOTHING;
  #gatheredBytes = 0;
  #padding = 0;
  readonly #block: HeaderBlock = { streamId: 0, bytes: NOTHING, from: 0, to: 0, isEnd: false, promisedId: 0 };
  /** Stream whose header block CONTINUATIONs will complete, or 0; what there is of it. */
  #continuedId = 0;
  #fragments = NOTHING;
  #fragmentBytes = 0;

  constructor(from: 'client' | 'server', sink: Http2FramesSink) {
    this.#sink = sink;
    this.#prefaceLeft = from === 'client' ? PREFACE.length : 0;
  }

  /** Bytes given after the connection could not be followed any more. */
  get opaqueBytes(): number {
    return this.#opaqueBytes;
  }

  /** Bytes kept of what has not ended: a frame that is read as a whole, a header block with its CONTINUATIONs. */
  get heldBytes(): number {
    return this.#gathered.length + this.#fragments.length;
  }

  /** The stream of the header block that is in the making, or 0. */
  get headersInProgress(): number {
    if (this.#isOpaque) return 0;
    if (this.#continuedId !== 0) return this.#continuedId;
    return this.#inFrame && this.#type === TYPE.headers ? this.#streamId : 0;
  }

  /** Follow no further. */
  abandon(): void {
    this.#isOpaque = true;
    this.#gathered = NOTHING;
    this.#fragments = NOTHING;
    this.#block.bytes = NOTHING;
  }

  /** The next bytes, which arrived at `nowUs`; they may be overwritten as soon as this returns. */
  feed(chunk: Buffer, nowUs: number): void {
    let at = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : 0;
    while (at < chunk.length) {
      if (this.#isOpaque) {
        this.#opaqueBytes += chunk.length - at;
        return;
      }
      at = this.#inFrame ? this.#readPayload(chunk, at) : this.#readHeader(chunk, at, nowUs);
    }
  }

  #readPreface(chunk: Buffer): number {
    const from = PREFACE.length - this.#prefaceLeft;
    const count = Math.min(chunk.length, this.#prefaceLeft);
    if (chunk.compare(PREFACE, from, from + count, 0, count) !== 0) this.#fail('not-http2');
    this.#prefaceLeft -= count;
    return count;
  }

  #readHeader(chunk: Buffer, from: number, nowUs: number): number {
    if (this.#headerUsed === 0) {
      if (this.#continuedId === 0) this.headersUs = nowUs;
      if (chunk.length - from >= HEADER_BYTES) {
        this.#begin(chunk, from);
        return from + HEADER_BYTES;
      }
    }
    const to = Math.min(chunk.length, from + HEADER_BYTES - this.#headerUsed);
    chunk.copy(this.#header, this.#headerUsed, from, to);
    this.#headerUsed += to - from;
    if (this.#headerUsed === HEADER_BYTES) this.#begin(this.#header, 0);
    return to;
  }

  #begin(bytes: Buffer, at: number): void {
    this.#headerUsed = 0;
    this.#inFrame = true;
    this.#left = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    this.#type = bytes[at + 3]!;
    this.#flags = bytes[at + 4]!;
    this.#streamId = uint32(bytes, at + 5) & 0x7fffffff;
    this.#padding = 0;
    const wrong = this.#wrongness();
    this.#isFirst = false;
    if (wrong) {
      this.#fail(wrong);
      return;
    }
    this.#need = this.#needOf();
    if (this.#need > this.#left) this.#fail('bad-frame');
    else if (this.#left === 0) this.#readPayload(bytes, at + HEADER_BYTES);
  }

  #wrongness(): Http2FramesOpaqueReason | null {
    const type = this.#type;
    if (this.#isFirst && (type !== TYPE.settings || this.#flags & FLAG.ack)) return 'not-http2';
    if (this.#left > this.maxFrameBytes) return 'frame-too-large';
    if (this.#continuedId === 0) {
      if (type === TYPE.continuation) return 'bad-frame';
    } else if (type !== TYPE.continuation || this.#streamId !== this.#continuedId) return 'bad-frame';
    switch (type) {
      case TYPE.headers:
      case TYPE.pushPromise:
      case TYPE.continuation:
        if (this.#streamId === 0) return 'bad-frame';
        return this.#fragmentBytes + this.#left > MAX_HEADER_BLOCK_BYTES ? 'header-block-too-large' : null;
      case TYPE.settings:
        if (this.#left > MAX_SETTINGS_BYTES) return 'frame-too-large';
        return this.#left % SETTING_BYTES === 0 ? null : 'bad-frame';
      case TYPE.data:
        return this.#streamId === 0 ? 'bad-frame' : null;
      default:
        return null;
    }
  }

  #needOf(): number {
    switch (this.#type) {
      case TYPE.data:
        return this.#flags & FLAG.padded ? 1 : -1;
      case TYPE.headers:
      case TYPE.pushPromise:
      case TYPE.continuation:
      case TYPE.settings:
        return this.#left;
      case TYPE.reset:
        return 4;
      case TYPE.goaway:
        return 8;
      default:
        return -1;
    }
  }

  #readPayload(chunk: Buffer, from: number): number {
    let count: number;
    if (this.#need < 0) {
      count = Math.min(this.#left, chunk.length - from);
      this.#left -= count;
      if (this.#type === TYPE.data) this.#passOn(chunk, from, from + count);
    } else {
      const wanted = this.#need - this.#gatheredBytes;
      count = Math.min(wanted, chunk.length - from);
      this.#left -= count;
      if (count < wanted || this.#gatheredBytes > 0) this.#gather(chunk, from, count);
      else this.#read(chunk, from, from + count);
    }
    if (this.#left === 0 && this.#need < 0 && !this.#isOpaque) this.#endFrame();
    return from + count;
  }

  /** DATA without its padding. */
  #passOn(chunk: Buffer, from: number, to: number): void {
    const end = Math.min(to, to + this.#left - this.#padding);
    if (end > from)
      this.#sink.data(this.#streamId, chunk.subarray(from, end), this.#left - this.#padding + to - end);
  }

  #gather(chunk: Buffer, from: number, count: number): void {
    if (this.#gatheredBytes === 0) this.#gathered = new Uint8Array(this.#need);
    this.#gathered.set(chunk.subarray(from, from + count), this.#gatheredBytes);
    this.#gatheredBytes += count;
    if (this.#gatheredBytes < this.#need) return;
    const whole = this.#gathered;
    this.#gathered = NOTHING;
    this.#gatheredBytes = 0;
    this.#read(whole, 0, whole.length);
  }

  /** What is needed of the frame's payload is `from`..`to`. */
  #read(bytes: Uint8Array, from: number, to: number): void {
    this.#need = -1;
    switch (this.#type) {
      case TYPE.data:
        this.#padding = bytes[from]!;
        if (this.#padding > this.#left) this.#fail('bad-frame');
        return;
      case TYPE.settings:
        for (let at = from; at < to && !(this.#flags & FLAG.ack); at += SETTING_BYTES) {
          this.#sink.setting((bytes[at]! << 8) | bytes[at + 1]!, uint32(bytes, at + 2) >>> 0);
        }
        return;
      case TYPE.reset:
        this.#sink.reset(this.#streamId, uint32(bytes, from) >>> 0);
        return;
      case TYPE.goaway:
        this.#sink.goaway(uint32(bytes, from) & 0x7fffffff);
        return;
      default:
        this.#readFragment(bytes, from, to);
    }
  }

  /** HEADERS, PUSH_PROMISE, CONTINUATION: the fragment without padding, priority and promised stream (RFC 9113 sections 6.2, 6.6). */
  #readFragment(bytes: Uint8Array, from: number, to: number): void {
    const block = this.#block;
    let start = from;
    let end = to;
    if (this.#type !== TYPE.continuation) {
      // An empty frame that claims to be padded lacks even that byte: the next one is another frame's.
      if (this.#flags & FLAG.padded) {
        if (start < end) end -= bytes[start]!;
        start++;
      }
      block.promisedId = 0;
      if (this.#type === TYPE.pushPromise) {
        block.promisedId = uint32(bytes, start) & 0x7fffffff;
        start += 4;
      } else if (this.#flags & FLAG.priority) start += 5;
      if (start > end || (this.#type === TYPE.pushPromise && block.promisedId === 0)) {
        this.#fail('bad-frame');
        return;
      }
      block.streamId = this.#streamId;
      block.isEnd = this.#type === TYPE.headers && (this.#flags & FLAG.endStream) !== 0;
    }
    const isWhole = (this.#flags & FLAG.endHeaders) !== 0;
    if (isWhole && this.#continuedId === 0) this.#giveBlock(bytes, start, end);
    else {
      this.#addFragment(bytes.subarray(start, end));
      if (isWhole) this.#giveBlock(this.#fragments, 0, this.#fragmentBytes);
      else this.#continuedId = this.#streamId;
    }
  }

  #addFragment(fragment: Uint8Array): void {
    const size = this.#fragmentBytes + fragment.length;
    if (size > this.#fragments.length) {
      const larger = new Uint8Array(Math.max(size, 2 * this.#fragments.length));
      larger.set(this.#fragments.subarray(0, this.#fragmentBytes));
      this.#fragments = larger;
    }
    this.#fragments.set(fragment, this.#fragmentBytes);
    this.#fragmentBytes = size;
  }

  #giveBlock(bytes: Uint8Array, from: number, to: number): void {
    this.#continuedId = 0;
    this.#fragments = NOTHING;
    this.#fragmentBytes = 0;
    this.#block.bytes = bytes;
    this.#block.from = from;
    this.#block.to = to;
    this.#sink.headers(this.#block);
    this.#block.bytes = NOTHING;
  }

  #endFrame(): void {
    this.#inFrame = false;
    if (this.#type === TYPE.data && this.#flags & FLAG.endStream) this.#sink.end(this.#streamId);
  }

  #fail(reason: Http2FramesOpaqueReason): void {
    this.abandon();
    this.#sink.opaque(reason);
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
