// Protobuf messages without a schema, read and written again byte by byte. https://protobuf.dev/programming-guides/encoding/
// What parses wholly as a message and is no readable text is taken for one, as anybody without a schema must.
import { isUtf8 } from 'node:buffer';

export interface Field {
  number: number;
  /** Varints as numbers, what has a length as bytes or as a message. */
  value: bigint | Buffer | Fields;
  /** Eight or four bytes as they stand. */
  isFixed?: boolean;
}
export type Fields = Field[];

/** Null when the bytes are no message. */
export function readFields(bytes: Buffer): Fields | null {
  const fields: Fields = [];
  let at = 0;
  const varint = (): bigint | null => {
    let value = 0n;
    for (let shift = 0n; shift < 64n && at < bytes.length; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === null || tag >> 3n === 0n || tag >> 3n > 536_870_911n) return null;
    const [number, wire] = [Number(tag >> 3n), Number(tag & 7n)];
    if (wire === 0) {
      const value = varint();
      if (value === null) return null;
      fields.push({ number, value });
      continue;
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? Number(varint() ?? -1n) : -1;
    if (length < 0 || at + length > bytes.length) return null;
    const value = bytes.subarray(at, at + length);
    at += length;
    if (wire === 2) fields.push({ number, value: messageIn(value) ?? value });
    else fields.push({ number, value, isFixed: true });
  }
  return fields;
}

function messageIn(bytes: Buffer): Fields | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: texts have none.
  if (bytes.length === 0 || (isUtf8(bytes) && !/[\x00-\x08\x0e-\x1f]/.test(bytes.toString()))) return null;
  return readFields(bytes);
}

export function writeFields(fields: Fields): Buffer {
  return Buffer.concat(
    fields.map(({ number, value, isFixed }) => {
      if (typeof value === 'bigint') return Buffer.concat([varintOf(BigInt(number) << 3n), varintOf(value)]);
      const bytes = Array.isArray(value) ? writeFields(value) : value;
      if (isFixed)
        return Buffer.concat([varintOf((BigInt(number) << 3n) | (bytes.length === 8 ? 1n : 5n)), bytes]);
      return Buffer.concat([varintOf((BigInt(number) << 3n) | 2n), varintOf(BigInt(bytes.length)), bytes]);
    }),
  );
}

function varintOf(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    if (left < 0x80n) return Buffer.from([...bytes, Number(left)]);
    bytes.push(Number(left & 0x7fn) | 0x80);
  }
}
