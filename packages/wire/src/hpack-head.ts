/**
 * A decoded header block as text: `name: value` lines in wire order, pseudo-headers as they are (`:method: GET`). It
 * is filled field by field by the HPACK decoder, notes the few values the exchange needs, and builds no header objects.
 *
 * Malformed (RFC 9113 sections 8.1, 8.2.1, 8.3): a name that is empty, has upper case, blanks, controls, octets beyond ASCII
 * or an inner colon; a value with CR, LF or NUL; a pseudo-header after another field. Such a block cannot be written
 * as lines, and ends of a connection treat it as an error of its stream.
 */

/** What a field's name means to the exchange. */
export const FIELD = {
  other: 0,
  malformed: 1,
  method: 2,
  status: 3,
  contentType: 4,
  contentLength: 5,
} as const;
export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/** A field of a table: its whole line, rendered once. */
export interface RenderedField {
  line: Uint8Array;
  nameLength: number;
  kind: FieldKind;
  /** Its name or its value must not be written as a line. */
  isMalformed: boolean;
}

const COLON = 0x3a;
const NAMES: readonly [Uint8Array, FieldKind][] = [
  [Buffer.from(':method'), FIELD.method],
  [Buffer.from(':status'), FIELD.status],
  [Buffer.from('content-type'), FIELD.contentType],
  [Buffer.from('content-length'), FIELD.contentLength],
];
const CONNECT = Buffer.from('CONNECT');
const GRPC = Buffer.from('application/grpc');
const EVENT_STREAM = Buffer.from('text/event-stream');
const IS_BAD_IN_NAME = new Uint8Array(256).map((_, byte) =>
  byte <= 0x20 || (byte >= 0x41 && byte <= 0x5a) || byte === COLON || byte >= 0x7f ? 1 : 0,
);
const FIRST_BYTES = 4_096;
/** Shorter lines are copied byte by byte, which is faster than the call of `set`. */
const SHORT_LINE = 24;

/** What the name in `from`..`to` means. */
export function fieldKind(bytes: Uint8Array, from: number, to: number): FieldKind {
  for (const [name, kind] of NAMES) {
    if (name.length === to - from && startsWith(bytes, from, name)) return kind;
  }
  if (from === to) return FIELD.malformed;
  for (let at = bytes[from] === COLON ? from + 1 : from; at < to; at++) {
    if (IS_BAD_IN_NAME[bytes[at]!] === 1) return FIELD.malformed;
  }
  return FIELD.other;
}

function startsWith(bytes: Uint8Array, from: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[from + i] !== prefix[i]) return false;
  return true;
}

/** One header block in the making; used again for the next. */
export class HeadBlock {
  /** The lines so far are the first `length` of these; more room than that is scratch. */
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;
  /** Keep nothing: the block is decoded for the sake of the table. */
  isDiscarded = false;
  isMalformed = false;
  /** 0 without a `:status` of three digits. */
  status = 0;
  hasMethod = false;
  isConnect = false;
  /** `content-type` is `application/grpc`, with or without a suffix or parameters; not gRPC-Web. */
  isGrpc = false;
  isEventStream = false;
  /** -1 when not announced. */
  contentLength = -1;
  #hasPlainField = false;
  #hasPseudoField = false;

  begin(isDiscarded: boolean): void {
    this.length = 0;
    this.isDiscarded = isDiscarded;
    this.isMalformed = false;
    this.status = 0;
    this.hasMethod = false;
    this.isConnect = false;
    this.isGrpc = false;
    this.isEventStream = false;
    this.contentLength = -1;
    this.#hasPlainField = false;
    this.#hasPseudoField = false;
  }

  get hasPseudoField(): boolean {
    return this.#hasPseudoField;
  }

  /** Appends a field of a table. */
  add(field: RenderedField): void {
    if (this.isDiscarded) return;
    const start = this.length;
    this.copy(field.line, field.line.length);
    this.#note(field.kind, start, start + field.nameLength, field.isMalformed);
  }

  /** Ends the field whose line begins at `start`; returns whether it is malformed. The line stays readable until the next. */
  endField(kind: FieldKind, start: number, nameLength: number): boolean {
    const valueFrom = start + nameLength + 2;
    let isMalformed = kind === FIELD.malformed;
    for (let at = valueFrom; at < this.length - 2; at++) {
      const byte = this.bytes[at]!;
      if (byte <= 13 && (byte === 13 || byte === 10 || byte === 0)) isMalformed = true;
    }
    if (this.isDiscarded) this.length = start;
    else this.#note(kind, start, start + nameLength, isMalformed);
    return isMalformed;
  }

  /** Appends the first `count` of `source`. */
  copy(source: Uint8Array, count: number): void {
    this.reserve(count);
    const { bytes, length } = this;
    if (count <= SHORT_LINE) for (let i = 0; i < count; i++) bytes[length + i] = source[i]!;
    else bytes.set(count === source.length ? source : source.subarray(0, count), length);
    this.length = length + count;
  }

  append(byte: number, next: number): void {
    this.reserve(2);
    this.bytes[this.length++] = byte;
    this.bytes[this.length++] = next;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.bytes.length, this.length + count));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** The lines, closed by an empty one, until the next block begins. */
  view(): Buffer {
    this.reserve(2);
    this.bytes[this.length] = 13;
    this.bytes[this.length + 1] = 10;
    return this.bytes.subarray(0, this.length + 2);
  }

  /** A copy of the lines, closed by an empty one. */
  take(): Buffer {
    this.append(13, 10);
    const head = Buffer.allocUnsafe(this.length);
    this.bytes.copy(head, 0, 0, this.length);
    return head;
  }

  #note(kind: FieldKind, start: number, nameEnd: number, isMalformed: boolean): void {
    if (isMalformed) this.isMalformed = true;
    if (this.bytes[start] !== COLON) this.#hasPlainField = true;
    else {
      this.#hasPseudoField = true;
      if (this.#hasPlainField) this.isMalformed = true;
    }
    if (kind > FIELD.malformed) this.#noteValue(kind, nameEnd + 2, this.length - 2);
  }

  #noteValue(kind: FieldKind, from: number, to: number): void {
    const { bytes } = this;
    if (kind === FIELD.method) {
      this.hasMethod = true;
      this.isConnect = to - from === CONNECT.length && startsWith(bytes, from, CONNECT);
    } else if (kind === FIELD.status) {
      const status = to - from === 3 ? decimal(bytes, from, to) : -1;
      this.status = status >= 100 ? status : 0;
    } else if (kind === FIELD.contentLength) {
      this.contentLength = decimal(bytes, from, to);
    } else {
      this.isGrpc = isMediaType(bytes, from, to, GRPC);
      this.isEventStream = isMediaType(bytes, from, to, EVENT_STREAM);
    }
  }
}

/** What follows the type is the end, a suffix (`+proto`), parameters, or a blank. */
function isMediaType(bytes: Uint8Array, from: number, to: number, type: Uint8Array): boolean {
  if (to - from < type.length || !startsWith(bytes, from, type)) return false;
  const next = from + type.length === to ? 0x3b : bytes[from + type.length]!;
  return next === 0x3b || next === 0x2b || next === 0x20;
}

/** -1 when it is not a number of at most 15 digits. */
function decimal(bytes: Uint8Array, from: number, to: number): number {
  if (from === to || to - from > 15) return -1;
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}
