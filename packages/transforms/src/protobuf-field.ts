// One field of a protobuf message, read and replaced without a schema: the path of field numbers leads through nested
// messages, and the lengths around are written anew. Everything else stays byte for byte.
import { isUtf8 } from 'node:buffer';
import { miss, type Value } from './value.ts';

export const FIELD_TYPES = [
  'auto',
  'text',
  'bytes',
  'int',
  'sint',
  'bool',
  'float',
  'double',
  'fixed',
] as const;
export type FieldType = (typeof FIELD_TYPES)[number];

/** A field as it stands in a message: `[from, end)` with its tag, the payload from `start`. */
interface Field {
  from: number;
  start: number;
  end: number;
  wire: number;
}

const MAX_VARINT_BYTES = 10;

/** The value at a path of field numbers; undefined when it is not there. Of repeated fields it is the first. */
export function readField(message: Buffer, path: readonly number[], type: FieldType): Value | undefined {
  const field = fieldAt(message, path);
  if (!field) return undefined;
  const payload = message.subarray(field.start, field.end);
  switch (field.wire) {
    case 0:
      return readInteger(varint(payload, 0).value, type);
    case 1:
      return type === 'fixed' ? String(payload.readBigUInt64LE()) : payload.readDoubleLE();
    case 5:
      return type === 'fixed' ? payload.readUInt32LE() : payload.readFloatLE();
    default:
      return type === 'bytes' || !isUtf8(payload) ? payload : payload.toString('utf8');
  }
}

/** `message` with another value at a path. */
export function writeField(message: Buffer, path: readonly number[], type: FieldType, value: Value): Buffer {
  const [number, ...rest] = path;
  const field = find(message, number!);
  if (!field) return miss('the field is not there');
  const payload =
    rest.length > 0
      ? writeField(message.subarray(field.start, field.end), rest, type, value)
      : payloadOf(field.wire, type, value);
  const tag = encodeVarint((BigInt(number!) << 3n) | BigInt(field.wire));
  const length = field.wire === 2 ? encodeVarint(BigInt(payload.length)) : Buffer.alloc(0);
  return Buffer.concat([message.subarray(0, field.from), tag, length, payload, message.subarray(field.end)]);
}

function fieldAt(message: Buffer, path: readonly number[]): Field | undefined {
  let base = 0;
  let part = message;
  for (const [depth, number] of path.entries()) {
    const field = find(part, number);
    if (!field) return undefined;
    if (depth === path.length - 1)
      return { from: base + field.from, start: base + field.start, end: base + field.end, wire: field.wire };
    if (field.wire !== 2) return undefined;
    part = part.subarray(field.start, field.end);
    base += field.start;
  }
  return undefined;
}

function find(message: Buffer, number: number): Field | undefined {
  for (let at = 0; at < message.length; ) {
    const tag = varint(message, at);
    const wire = Number(tag.value & 7n);
    const start = wire === 2 ? varint(message, tag.end) : { value: 0n, end: tag.end };
    const end = endOf(message, wire, start);
    if (end > message.length) return miss('the message is no protobuf');
    if (tag.value >> 3n === BigInt(number)) return { from: at, start: start.end, end, wire };
    at = end;
  }
  return undefined;
}

function endOf(message: Buffer, wire: number, start: { value: bigint; end: number }): number {
  if (wire === 0) return varint(message, start.end).end;
  if (wire === 1) return start.end + 8;
  if (wire === 5) return start.end + 4;
  return wire === 2 ? start.end + Number(start.value) : miss('the message is no protobuf');
}

function varint(bytes: Buffer, from: number): { value: bigint; end: number } {
  let value = 0n;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = bytes[from + i];
    if (byte === undefined) break;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value, end: from + i + 1 };
  }
  return miss('the message is no protobuf');
}

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, value);
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}

/** Integers beyond what a number holds are texts. */
function readInteger(value: bigint, type: FieldType): Value {
  if (type === 'bool') return value !== 0n;
  const signed = type === 'sint' ? (value >> 1n) ^ -(value & 1n) : BigInt.asIntN(64, value);
  return Number.isSafeInteger(Number(signed)) ? Number(signed) : String(signed);
}

function payloadOf(wire: number, type: FieldType, value: Value): Buffer {
  if (wire === 2) return Buffer.isBuffer(value) ? value : Buffer.from(shown(value), 'utf8');
  if (wire === 0) {
    if (type === 'bool' || typeof value === 'boolean') return encodeVarint(shown(value) === 'true' ? 1n : 0n);
    const integer = integerOf(value);
    return encodeVarint(type === 'sint' ? (integer << 1n) ^ (integer >> 63n) : integer);
  }
  const payload = Buffer.alloc(wire === 1 ? 8 : 4);
  if (type === 'fixed') {
    if (wire === 1) payload.writeBigUInt64LE(BigInt.asUintN(64, integerOf(value)));
    else payload.writeUInt32LE(Number(BigInt.asUintN(32, integerOf(value))));
    return payload;
  }
  const number = shown(value).trim() === '' ? Number.NaN : Number(shown(value));
  if (!Number.isFinite(number)) return miss('the field holds a number');
  if (wire === 1) payload.writeDoubleLE(number);
  else payload.writeFloatLE(number);
  return payload;
}

function integerOf(value: Value): bigint {
  const text = shown(value).trim();
  return /^-?\d{1,20}$/.test(text) ? BigInt(text) : miss('the field holds a whole number');
}

function shown(value: Value): string {
  return typeof value === 'object' && value !== null && 'text' in value ? value.text : String(value);
}
