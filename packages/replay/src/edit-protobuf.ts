// gRPC bodies with other values in their messages: fields are found by number as `protobufTree` names them, and what grows or
// shrinks takes the lengths of its parents along. Pure. https://protobuf.dev/programming-guides/encoding/
import { decoded, encoded, grpcFrames, knownCodings } from '@echoplane/traffic';
import type { Scalar } from './kinds.ts';
import { delimited, readField } from './protobuf-tree.ts';

const FRAME_HEAD = 5;
const MAX_MESSAGE_BYTES = 8 << 20;

/** Gives the value that is to stand at a path; the same one to leave it. */
export type LeafEdit = (path: string, value: Scalar) => Scalar;

/** The frames with their messages edited; the same buffer when nothing changed or it is not understood. */
export function editGrpc(bytes: Buffer, encoding: string, edit: LeafEdit): Buffer {
  const { frames } = grpcFrames(bytes);
  const edited = frames.map((frame, i) => editFrame(frame, `body[${i}]`, encoding, edit));
  return edited.every((frame, i) => frame === frames[i]) ? bytes : Buffer.concat(edited);
}

function editFrame(frame: Buffer, path: string, encoding: string, edit: LeafEdit): Buffer {
  const payload = frame.subarray(FRAME_HEAD);
  const codings = frame[0] === 1 ? knownCodings(encoding) : [];
  const plain = codings[0] === undefined ? payload : decoded(payload, codings[0], MAX_MESSAGE_BYTES);
  if (plain === null || frame[0]! > 1) return frame;
  const edited = editMessage(plain, path, edit);
  if (edited === plain) return frame;
  const written = codings.length > 0 ? encoded(edited, codings, payload) : edited;
  const head = Buffer.alloc(FRAME_HEAD, frame.subarray(0, 1));
  head.writeUInt32BE(written.length, 1);
  return Buffer.concat([head, written]);
}

/** A message with its fields edited; the same buffer when nothing changed. */
function editMessage(bytes: Buffer, path: string, edit: LeafEdit): Buffer {
  const fields = fieldsOf(bytes);
  const total = new Map<number, number>();
  for (const { number } of fields) total.set(number, (total.get(number) ?? 0) + 1);
  const seen = new Map<number, number>();
  let isChanged = false;
  const parts = fields.map((field) => {
    const n = seen.get(field.number) ?? 0;
    seen.set(field.number, n + 1);
    const step = total.get(field.number)! > 1 ? `.${field.number}[${n}]` : `.${field.number}`;
    const content = bytes.subarray(field.start, field.end);
    const edited = editContent(content, field.wire, path + step, edit);
    if (edited === content) return bytes.subarray(field.at, field.end);
    isChanged = true;
    const length = field.wire === 2 ? varint(BigInt(edited.length)) : Buffer.alloc(0);
    return Buffer.concat([varint((BigInt(field.number) << 3n) | BigInt(field.wire)), length, edited]);
  });
  return isChanged ? Buffer.concat(parts) : bytes;
}

function editContent(content: Buffer, wire: number, path: string, edit: LeafEdit): Buffer {
  if (wire === 2) {
    const value = delimited(content, 0);
    if (value instanceof Map) return editMessage(content, path, edit);
    const edited = edit(path, value as Scalar);
    return edited === value ? content : Buffer.from(String(edited));
  }
  if (wire !== 0) return content;
  const value = readField({ bytes: content, at: 0 }, 0, 0) as Scalar;
  const edited = edit(path, value);
  return String(edited) === String(value) || !/^\d+$/.test(String(edited))
    ? content
    : varint(BigInt(String(edited)));
}

interface Field {
  number: number;
  wire: number;
  /** Of the tag, of the content, behind the content. */
  at: number;
  start: number;
  end: number;
}

function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  const cursor = { bytes, at: 0 };
  while (cursor.at < bytes.length) {
    const at = cursor.at;
    const tag = Number(readField(cursor, 0, 0) ?? -1);
    const wire = tag & 7;
    const length = wire === 2 ? Number(readField(cursor, 0, 0) ?? -1) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    const start = cursor.at;
    if (wire === 0) readField(cursor, 0, 0);
    else cursor.at += length;
    if (tag < 8 || length < 0 || cursor.at > bytes.length) return [];
    fields.push({ number: tag >>> 3, wire, at, start, end: cursor.at });
  }
  return fields;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}
