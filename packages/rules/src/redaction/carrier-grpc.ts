// gRPC bodies: length-prefixed frames of protobuf messages, walked without a descriptor. Fields have no names here, so
// texts are judged by shape; what grows or shrinks takes the lengths of its parents along. Null: not understood.
// https://protobuf.dev/programming-guides/encoding/
import { isUtf8 } from 'node:buffer';
import { decoded, encoded, hasControls, knownCodings } from '@echoplane/traffic';
import { MAX_DECODED_BYTES, MAX_RATIO } from './bounds.ts';
import type { Inspection } from './inspection.ts';

const FRAME_HEAD = 5;
const MAX_NESTING = 24;
const MAX_FIELD_NUMBER = 536_870_911;

export interface GrpcOptions {
  /** The value of `grpc-encoding`. */
  encoding: string;
  /** The body was cut: a last frame that is not whole is left out. */
  isCut: boolean;
}

/** Frames with their messages redacted: the same buffer when nothing changed, null when one is not understood. */
export function redactGrpcFrames(bytes: Buffer, inspection: Inspection, options: GrpcOptions): Buffer | null {
  const frames: Buffer[] = [];
  let isChanged = false;
  let at = 0;
  while (at < bytes.length) {
    const length = at + FRAME_HEAD <= bytes.length ? bytes.readUInt32BE(at + 1) : Number.POSITIVE_INFINITY;
    const end = at + FRAME_HEAD + length;
    if (end > bytes.length) {
      if (!options.isCut) return null;
      isChanged = true;
      break;
    }
    const payload = bytes.subarray(at + FRAME_HEAD, end);
    const redacted = redactFrame(payload, bytes[at]!, inspection, options.encoding);
    if (redacted === null) return null;
    if (redacted !== payload) isChanged = true;
    const head = Buffer.alloc(FRAME_HEAD);
    head[0] = bytes[at]!;
    head.writeUInt32BE(redacted.length, 1);
    frames.push(head, redacted);
    at = end;
  }
  return isChanged ? Buffer.concat(frames) : bytes;
}

function redactFrame(
  payload: Buffer,
  flags: number,
  inspection: Inspection,
  encoding: string,
): Buffer | null {
  // gRPC-Web sends its trailers as a frame of text.
  if (flags === 0x80) return redactPlain(payload, inspection);
  if (flags === 0) return redactPayload(payload, inspection);
  if (flags !== 1) return null;
  const codings = knownCodings(encoding);
  const [coding] = codings;
  if (coding === undefined || codings.length !== 1) return null;
  const plain = decoded(
    payload,
    coding,
    Math.min(MAX_DECODED_BYTES, Math.max(4_096, payload.length * MAX_RATIO)),
  );
  if (plain === null) return null;
  const redacted = redactPayload(plain, inspection);
  if (redacted === null) return null;
  return redacted === plain ? payload : encoded(redacted, codings, payload);
}

/** A message in protobuf, or in JSON (`application/grpc+json`). */
function redactPayload(payload: Buffer, inspection: Inspection): Buffer | null {
  if (payload[0] === 0x7b && isUtf8(payload)) return redactPlain(payload, inspection);
  return redactProtobuf(payload, inspection);
}

function redactPlain(bytes: Buffer, inspection: Inspection): Buffer {
  const text = bytes.toString('utf8');
  const redacted = inspection.value(text, null, 0);
  if (redacted !== text) return Buffer.from(redacted, 'utf8');
  inspection.stays(text);
  return bytes;
}

/** A message with its texts redacted: the same buffer when nothing changed, null when it is none. */
export function redactProtobuf(bytes: Buffer, inspection: Inspection, nesting = 0): Buffer | null {
  if (!isMessage(bytes)) return null;
  const parts: Buffer[] = [];
  let copied = 0;
  const reader = new Reader(bytes);
  for (let field = reader.next(); field !== null; field = reader.next()) {
    if (field.start === field.end || field.lengthAt < 0) continue;
    const value = bytes.subarray(field.start, field.end);
    inspection.notes.enter(`.${field.number}`);
    const redacted = redactField(value, inspection, nesting);
    inspection.notes.leave();
    if (redacted === value) continue;
    parts.push(bytes.subarray(copied, field.lengthAt), varint(redacted.length), redacted);
    copied = field.end;
  }
  if (copied === 0) return bytes;
  parts.push(bytes.subarray(copied));
  return Buffer.concat(parts);
}

/**
 * Text, a message, or bytes. What can be read both ways is walked as a message, and if anything is left for the detectors
 * in it, replaced as text.
 */
function redactField(value: Buffer, inspection: Inspection, nesting: number): Buffer {
  const isNested = nesting < MAX_NESTING && isMessage(value);
  const text = isUtf8(value) ? value.toString('utf8') : null;
  const isText = text !== null && !hasControls(text);
  if (isText && !isNested) return redactPlain(value, inspection);
  if (isNested) {
    const walked = redactProtobuf(value, inspection, nesting + 1) ?? value;
    if (!isText) return walked;
    const left = walked.toString('utf8');
    const redacted = inspection.value(left, null, 0);
    if (redacted !== left) return Buffer.from(redacted, 'utf8');
    inspection.stays(left);
    return walked;
  }
  // Bytes of no known form: texts in ASCII among them are seen through Latin-1.
  const latin = value.toString('latin1');
  const redacted = inspection.shapes(latin);
  return redacted === latin ? value : Buffer.from(redacted, 'latin1');
}

interface Field {
  number: number;
  /** Where the length stands; -1 for fields of fixed size. */
  lengthAt: number;
  start: number;
  end: number;
}

function isMessage(bytes: Buffer): boolean {
  if (bytes.length === 0) return true;
  const reader = new Reader(bytes);
  while (reader.next() !== null);
  return reader.isWhole;
}

/** Fields of a message, one after another; `isWhole` once the last byte was understood. */
class Reader {
  isWhole = false;
  readonly #bytes: Buffer;
  #at = 0;
  #groups = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  next(): Field | null {
    if (this.#at === this.#bytes.length) {
      this.isWhole = this.#groups === 0;
      return null;
    }
    const tag = this.#varint();
    if (tag < 8) return null;
    const number = Math.floor(tag / 8);
    if (number > MAX_FIELD_NUMBER) return null;
    return this.#field(number, tag % 8);
  }

  #field(number: number, type: number): Field | null {
    const lengthAt = this.#at;
    switch (type) {
      case 0:
        return this.#varint() < 0 ? null : this.#taken(number, -1, this.#at);
      case 1:
        return this.#taken(number, -1, this.#at + 8);
      case 5:
        return this.#taken(number, -1, this.#at + 4);
      case 2: {
        const length = this.#varint();
        return length < 0 ? null : this.#taken(number, lengthAt, this.#at + length);
      }
      case 3:
        this.#groups++;
        return this.#taken(number, -1, this.#at);
      case 4:
        return --this.#groups < 0 ? null : this.#taken(number, -1, this.#at);
      default:
        return null;
    }
  }

  #taken(number: number, lengthAt: number, end: number): Field | null {
    if (end > this.#bytes.length) return null;
    const start = this.#at;
    this.#at = end;
    return { number, lengthAt, start, end };
  }

  /** At most ten bytes; beyond 2^53 the value is inexact, and no length. -1: cut or too long. */
  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) return -1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    return -1;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      bytes.push(rest);
      return Buffer.from(bytes);
    }
    bytes.push((rest % 128) | 0x80);
  }
}
