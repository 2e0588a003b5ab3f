// Protobuf without a descriptor, as a tree by field number: `1.2`, repeated fields as arrays. The wire does not tell texts
// from messages from bytes: what is readable is text, what parses wholly is a message, the rest is bytes. Pure.
// https://protobuf.dev/programming-guides/encoding/
import { isUtf8 } from 'node:buffer';
import { decoded, grpcFrames, hasControls, knownCodings } from '@echoplane/traffic';
import { parseJson } from './json-text.ts';
import { digestOf, type TreeNode } from './tree.ts';

const FRAME_HEAD = 5;
const MAX_NESTING = 24;
const MAX_FIELD_NUMBER = 536_870_911;
const MAX_MESSAGE_BYTES = 8 << 20;
const GRPC_WEB_TRAILERS = 0x80;

/** The messages of a gRPC body, or undefined when one is not understood. */
export function grpcTree(bytes: Buffer, encoding: string): TreeNode[] | undefined {
  const { frames, rest } = grpcFrames(bytes);
  if (rest.length > 0) return undefined;
  const messages: TreeNode[] = [];
  for (const frame of frames) {
    const payload = frame.subarray(FRAME_HEAD);
    if (frame[0] === GRPC_WEB_TRAILERS) {
      messages.push(payload.toString('latin1').trim());
      continue;
    }
    const plain = frame[0] === 1 ? inflated(payload, encoding) : payload;
    const message = plain && (jsonMessage(plain) ?? protobufTree(plain));
    if (message === null || message === undefined) return undefined;
    messages.push(message);
  }
  return messages;
}

function inflated(payload: Buffer, encoding: string): Buffer | null {
  const [coding] = knownCodings(encoding);
  return coding === undefined ? null : decoded(payload, coding, MAX_MESSAGE_BYTES);
}

/** `application/grpc+json`. */
function jsonMessage(bytes: Buffer): TreeNode | undefined {
  return bytes[0] === 0x7b && isUtf8(bytes) ? parseJson(bytes.toString('utf8')) : undefined;
}

/** The fields of a message by number, or undefined when the bytes are none. */
export function protobufTree(bytes: Buffer, depth = 0): TreeNode | undefined {
  const fields = new Map<string, TreeNode[]>();
  const cursor: Cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const tag = readVarint(cursor);
    if (tag === null) return undefined;
    const number = Number(tag >> 3n);
    const value =
      number >= 1 && number <= MAX_FIELD_NUMBER ? readField(cursor, Number(tag & 7n), depth) : undefined;
    if (value === undefined) return undefined;
    const list = fields.get(String(number));
    if (list) list.push(value);
    else fields.set(String(number), [value]);
  }
  return new Map([...fields].map(([number, list]) => [number, list.length === 1 ? list[0]! : list]));
}

interface Cursor {
  bytes: Buffer;
  at: number;
}

function readVarint(cursor: Cursor): bigint | null {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.at++];
    if (byte === undefined) return null;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return null;
}

/** The value of a field of a wire type, and the cursor behind it; undefined when the bytes are none. */
export function readField(cursor: Cursor, wire: number, depth: number): TreeNode | undefined {
  const { bytes } = cursor;
  if (wire === 0) {
    const value = readVarint(cursor);
    return value === null
      ? undefined
      : value <= BigInt(Number.MAX_SAFE_INTEGER)
        ? Number(value)
        : String(value);
  }
  const size = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? Number(readVarint(cursor) ?? -1) : -1;
  const start = cursor.at;
  if (size < 0 || start + size > bytes.length) return undefined;
  cursor.at += size;
  if (wire === 1) return fixed64(bytes, start);
  if (wire === 5) return fixed32(bytes, start);
  return delimited(bytes.subarray(start, start + size), depth);
}

/** Doubles far more often than integers: those that are no sensible double are shown as an integer. */
function fixed64(bytes: Buffer, at: number): TreeNode {
  const double = bytes.readDoubleLE(at);
  return double === 0 || (Math.abs(double) > 1e-100 && Math.abs(double) < 1e100)
    ? double
    : String(bytes.readBigUInt64LE(at));
}

function fixed32(bytes: Buffer, at: number): TreeNode {
  const float = bytes.readFloatLE(at);
  return float === 0 || (Math.abs(float) > 1e-20 && Math.abs(float) < 1e20) ? float : bytes.readUInt32LE(at);
}

/** What a length-delimited field holds: a text, a message, or the digest of bytes. */
export function delimited(bytes: Buffer, depth: number): TreeNode {
  if (bytes.length === 0) return '';
  const text = isUtf8(bytes) ? bytes.toString('utf8') : null;
  if (text !== null && !hasControls(text) && !/[\n\r\t]/.test(text[0]!)) return text;
  const message = depth < MAX_NESTING ? protobufTree(bytes, depth + 1) : undefined;
  if (message !== undefined) return message;
  return text !== null && !hasControls(text) ? text : digestOf(bytes, bytes.length);
}
