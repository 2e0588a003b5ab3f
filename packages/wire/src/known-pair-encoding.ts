// A pair whose messages were recorded before, byte for byte: they are encoded once, and each further pair is what was encoded
// and its own times, position, connection and error. Pure: ids and times are the caller's.
import { type CapturedPair, encodeCaptured } from './capture-messages.ts';
import { double, type EncodablePair, SHED, text, varint, varintSize, type WriteId } from './pair-encoding.ts';

/** The encoded fields that such pairs share: both messages and the tags. */
export interface KnownMessages {
  encoded: Uint8Array;
  /** How many bytes of bodies they hold. */
  bodyBytes: number;
  /** The same fields without bodies. */
  bare(): Uint8Array;
}

/** What is a pair's own. */
export interface PairPlace {
  seq: number;
  /** µs since the epoch, as the two others. */
  startedUs: number;
  firstByteUs: number;
  endUs: number;
  /** Empty: it is whole. */
  error: string;
}

const ID = 0x0a;
const TS_US = 0x11;
const DURATION_US = 0x19;
const TTFB_US = 0x21;
const SEQ = 0x60;
const ERROR = 0x8a;
const GAP_REASON = 0x92;
const ID_CHARACTERS = 36;
/** Id and three times, with their tags. */
const FIXED_BYTES = 2 + ID_CHARACTERS + 3 * 9;

/** Encodes once what pairs with these messages and tags share. */
export function knownMessages(pair: Pick<CapturedPair, 'request' | 'response' | 'tags'>): KnownMessages {
  const { request, response, tags } = pair;
  const bare = (message: CapturedPair['request']) => message && { ...message, body: new Uint8Array(0) };
  return {
    encoded: encodeCaptured({ request, response, tags }),
    bodyBytes: (request?.body.length ?? 0) + (response?.body.length ?? 0),
    bare: () => encodeCaptured({ request: bare(request), response: bare(response), tags }),
  };
}

/** Encodes one such pair after the other. */
export class KnownPairEncoder implements EncodablePair {
  readonly #writeId: WriteId;
  #messages!: KnownMessages;
  #encoded!: Uint8Array;
  #facts!: Uint8Array;
  #place!: PairPlace;
  #gapReason = '';
  sizeBytes = 0;

  constructor(writeId: WriteId) {
    this.#writeId = writeId;
  }

  /** The pair to encode next; `facts`: those of its connection, encoded. */
  load(messages: KnownMessages, facts: Uint8Array, place: PairPlace): this {
    this.#messages = messages;
    this.#encoded = messages.encoded;
    this.#facts = facts;
    this.#place = place;
    this.#gapReason = '';
    this.#measure();
    return this;
  }

  shedBodies(): number {
    this.#encoded = this.#messages.bare();
    this.#gapReason = SHED;
    this.#measure();
    return this.#messages.bodyBytes;
  }

  write(into: Buffer, at: number): void {
    const { seq, startedUs, firstByteUs, endUs, error } = this.#place;
    into[at++] = ID;
    into[at++] = ID_CHARACTERS;
    this.#writeId(into, at, startedUs);
    at = double(into, at + ID_CHARACTERS, TS_US, startedUs);
    at = double(into, at, DURATION_US, Math.max(0, endUs - startedUs));
    at = double(into, at, TTFB_US, Math.max(0, firstByteUs - startedUs));
    into[at++] = SEQ;
    at = varint(into, at, seq);
    into.set(this.#facts, at);
    at += this.#facts.length;
    into.set(this.#encoded, at);
    at = text(into, at + this.#encoded.length, ERROR, error);
    text(into, at, GAP_REASON, this.#gapReason);
  }

  #measure(): void {
    let size = FIXED_BYTES + 1 + varintSize(this.#place.seq) + this.#facts.length + this.#encoded.length;
    for (const value of [this.#place.error, this.#gapReason]) if (value !== '') size += 3 + value.length;
    this.sizeBytes = size;
  }
}
