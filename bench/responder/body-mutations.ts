// A body with one value changed, of each kind: JSON, form, XML, multipart, gRPC, other text. Every change comes with the key by
// which it must be named. Deterministic and pure; it is written apart from what it checks.
import { isUtf8 } from 'node:buffer';
import { header } from '@echoplane/traffic';
import type { Mutated, Sent } from './mutations.ts';

/** What a value becomes. */
export const CHANGED = 'zz-changed';
const FRAME_HEAD = 5;
const LENGTH_DELIMITED = 2;
/** Other names are quoted in keys. */
const PLAIN_NAME = /^[\w$@:-]+$/;

interface Change {
  body: Buffer;
  key: string;
}

/** Every request that differs in one value of its body. */
export function bodyMutations(sent: Sent): Mutated[] {
  return sent.body.length === 0 ? [] : changesOf(sent).map((change) => ({ ...sent, ...change }));
}

function changesOf({ headers, body }: Sent): Change[] {
  const type = header(headers, 'content-type') ?? '';
  if (/^application\/grpc/i.test(type)) return messageChanges(body);
  const boundary = /^multipart\/.*boundary="?([^";]+)/i.exec(type)?.[1];
  if (boundary !== undefined) return partChanges(body.toString('latin1'), boundary);
  const text = body.toString();
  if (/urlencoded/i.test(type))
    return pairMutations(text, 'body').map((one) => ({ body: Buffer.from(one.text), key: one.key }));
  if (/json/i.test(type)) return jsonChanges(text, 'body');
  return textChanges(text, /xml/i.test(type));
}

/** Pairs of a query or a form with one value changed. */
export function pairMutations(text: string, prefix: string): { text: string; key: string }[] {
  const pairs = [...new URLSearchParams(text)];
  return pairs.map(([name], i) => {
    const nth = pairs.slice(0, i).filter(([other]) => other === name).length;
    const changed = pairs.with(i, [name, CHANGED]);
    return {
      text: new URLSearchParams(changed).toString(),
      key: `${prefix}.${name}${nth > 0 ? `[${nth}]` : ''}`,
    };
  });
}

function jsonChanges(text: string, prefix: string): Change[] {
  return leavesOf(JSON.parse(text), prefix).map(({ key, change }) => ({
    key,
    body: Buffer.from(JSON.stringify(change(JSON.parse(text) as unknown))),
  }));
}

interface JsonChange {
  key: string;
  change(root: unknown): unknown;
}

/** Changes of every leaf: another value, and another type of the same text. */
function leavesOf(value: unknown, key: string): JsonChange[] {
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).flatMap((name) => {
      const child = (value as Record<string, unknown>)[name];
      const childKey = Array.isArray(value)
        ? `${key}[${name}]`
        : `${key}${PLAIN_NAME.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}`;
      return leavesOf(child, childKey).map((mutation) => ({
        key: mutation.key,
        change(root: unknown) {
          const parent = root as Record<string, unknown>;
          parent[name] = mutation.change(parent[name]);
          return parent;
        },
      }));
    });
  }
  const others = typeof value === 'string' ? [`${value}z`, null] : [String(value), CHANGED];
  return others.map((other) => ({ key, change: () => other }));
}

/** Words with digits in a text; of XML only values, whose names hold no digits here. */
function textChanges(text: string, isXml: boolean): Change[] {
  return [...text.matchAll(/[a-z]*\d+/g)]
    .filter(({ index }) => !isXml || '">, '.includes(text[index - 1]!))
    .map(({ 0: found, index }) => ({
      key: 'body',
      body: Buffer.from(`${text.slice(0, index)}zz9${text.slice(index + found.length)}`),
    }));
}

/** Of every part the content, or each of its values when it is JSON, and the name of its file. `text`: latin1. */
function partChanges(text: string, boundary: string): Change[] {
  const pieces = text.split(`--${boundary}`);
  return pieces.slice(1, -1).flatMap((piece, i) => {
    const blank = piece.indexOf('\r\n\r\n') + 4;
    const [head, value] = [piece.slice(0, blank), piece.slice(blank, -2)];
    const key = `body.part.${/[\s;]name="([^"]*)"/.exec(head)?.[1] ?? i}`;
    const whole = (its: string) => Buffer.from(pieces.with(i + 1, its).join(`--${boundary}`), 'latin1');
    const values = /^\s*[{[]/.test(value)
      ? jsonChanges(value, key).map((one) => ({ key: one.key, text: one.body.toString() }))
      : [{ key, text: `${value}z` }];
    const changes = values.map((one) => ({ key: one.key, body: whole(`${head}${one.text}\r\n`) }));
    const file = /filename="([^"]*)"/.exec(head)?.[1];
    if (file === undefined) return changes;
    const renamed = head.replace(`filename="${file}"`, `filename="${CHANGED}"`);
    return [...changes, { key: `${key};filename`, body: whole(`${renamed}${value}\r\n`) }];
  });
}

/** Of every message of a gRPC body each value. */
function messageChanges(body: Buffer): Change[] {
  const changes: Change[] = [];
  for (let at = 0, n = 0; at + FRAME_HEAD <= body.length; n++) {
    const end = at + FRAME_HEAD + body.readUInt32BE(at + 1);
    if (body[at] === 0)
      for (const { bytes, key } of fieldChanges(body.subarray(at + FRAME_HEAD, end)) ?? []) {
        const head = Buffer.alloc(FRAME_HEAD);
        head.writeUInt32BE(bytes.length, 1);
        const whole = Buffer.concat([body.subarray(0, at), head, bytes, body.subarray(end)]);
        changes.push({ body: whole, key: `body[${n}]${key}` });
      }
    at = end;
  }
  return changes;
}

interface FieldChange {
  bytes: Buffer;
  /** By field numbers, `.3.1`. */
  key: string;
}

interface Field {
  number: number;
  wire: number;
  /** Of tag, value and end. */
  start: number;
  value: number;
  end: number;
}

/** Undefined when the bytes are no message. */
function fieldChanges(bytes: Buffer): FieldChange[] | undefined {
  const fields = fieldsOf(bytes);
  return fields?.flatMap((field, i) => changesOfField(bytes, field, keyOf(fields, i)));
}

/** Of a field that comes again also which one it is. */
function keyOf(fields: readonly Field[], i: number): string {
  const { number } = fields[i]!;
  const nth = fields.slice(0, i).filter((other) => other.number === number).length;
  const isRepeated = fields.filter((other) => other.number === number).length > 1;
  return isRepeated ? `.${number}[${nth}]` : `.${number}`;
}

function changesOfField(bytes: Buffer, { wire, start, value, end }: Field, key: string): FieldChange[] {
  const [before, after] = [bytes.subarray(0, value), bytes.subarray(end)];
  const held = bytes.subarray(value, end);
  if (wire !== LENGTH_DELIMITED) {
    const other = Buffer.from(held);
    // The lowest bit that a zero on the wire would not drop.
    other[0] = other[0]! ^ 2;
    return [{ key, bytes: Buffer.concat([before, other, after]) }];
  }
  const tag = bytes.subarray(start, start + varintLength(bytes, start));
  const put = (its: Buffer) =>
    Buffer.concat([bytes.subarray(0, start), tag, varintOf(its.length), its, after]);
  const isText = isUtf8(held) && !held.some((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20));
  const inner = isText ? undefined : fieldChanges(held);
  if (inner) return inner.map((one) => ({ key: key + one.key, bytes: put(one.bytes) }));
  return held.length === 0 ? [] : [{ key, bytes: put(Buffer.concat([held, Buffer.from('z')])) }];
}

function fieldsOf(bytes: Buffer): Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const start = at;
    const tag = readVarint(bytes, at);
    at += varintLength(bytes, at);
    const wire = tag & 7;
    let value = at;
    let end = at + ({ 0: varintLength(bytes, at), 1: 8, 5: 4 }[wire] ?? 0);
    if (wire === LENGTH_DELIMITED) {
      value = at + varintLength(bytes, at);
      end = value + readVarint(bytes, at);
    }
    if (end > bytes.length || end === start || tag < 8 || ![0, 1, 2, 5].includes(wire)) return null;
    fields.push({ number: tag >> 3, wire, start, value, end });
    at = end;
  }
  return fields;
}

function varintLength(bytes: Buffer, at: number): number {
  let length = 1;
  while ((bytes[at + length - 1] ?? 0) >= 0x80) length++;
  return length;
}

function readVarint(bytes: Buffer, at: number): number {
  let value = 0;
  for (let i = 0; i < varintLength(bytes, at); i++) value += ((bytes[at + i] ?? 0) & 0x7f) * 128 ** i;
  return value;
}

function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}
