// The shape of a pair's bodies: of JSON the tree of keys and types, of anything else content type and size class. Two pairs
// of one shape tell a test nothing that one of them does not. Bounded: what lies deeper or further is not looked at.
import { type Body, bodyJson, type HeaderList, header, isParameter, type RRPair } from '@echoplane/traffic';
import { hashText, mix } from './hash.ts';

const MAX_DEPTH = 8;
const MAX_KEYS = 64;
const MAX_ITEMS = 16;
const MAX_NODES = 2_000;
/** Text that is not kept as JSON is parsed up to this length. */
const MAX_PARSED_LENGTH = 256 << 10;

/** 32 bits that are equal for equal shapes. */
export function shapeOf({ request, response }: RRPair): number {
  return mix(Math.imul(messageShape(request), 31) ^ messageShape(response));
}

type Message = { headers: HeaderList; body: Body } | null;

function messageShape(message: Message): number {
  if (!message) return 0;
  const { body, headers } = message;
  const isLong = body.json === undefined && (body.text ?? body.decoded ?? '').length > MAX_PARSED_LENGTH;
  const json = isLong ? undefined : bodyJson(body);
  if (json !== undefined) return jsonShape(json);
  const type = (header(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  return hash32(`${type} ${sizeClass(body.size)}`);
}

/** 0 for nothing, then one class for each fourfold size. */
function sizeClass(sizeBytes: number): number {
  return sizeBytes === 0 ? 0 : 1 + Math.floor(Math.log2(sizeBytes) / 2);
}

/** The shape of a parsed JSON value; the order of keys and the number of items are no part of it. */
export function jsonShape(value: unknown): number {
  return shapeAt(value, 0, { nodes: MAX_NODES });
}

/** Hashes of the types, made once. */
const TYPES: Readonly<Record<string, number>> = Object.fromEntries(
  ['string', 'number', 'boolean', 'null', 'deep', '[', '{'].map((type) => [type, hash32(type)]),
);

function shapeAt(value: unknown, depth: number, left: { nodes: number }): number {
  if (typeof value !== 'object') return TYPES[typeof value]!;
  if (value === null) return TYPES.null!;
  if (depth === MAX_DEPTH || --left.nodes < 0) return TYPES.deep!;
  return Array.isArray(value) ? arrayShape(value, depth, left) : objectShape(value, depth, left);
}

function arrayShape(items: readonly unknown[], depth: number, left: { nodes: number }): number {
  let sum = TYPES['[']!;
  const seen = new Set<number>();
  for (let i = 0; i < items.length && i < MAX_ITEMS; i++) {
    const shape = shapeAt(items[i], depth + 1, left);
    if (seen.has(shape)) continue;
    seen.add(shape);
    sum = (sum + mix(shape)) | 0;
  }
  return mix(sum);
}

function objectShape(value: object, depth: number, left: { nodes: number }): number {
  let sum = TYPES['{']!;
  let keys = 0;
  const seen = new Set<number>();
  for (const key in value) {
    if (++keys > MAX_KEYS) break;
    const child = shapeAt((value as Record<string, unknown>)[key], depth + 1, left);
    const entry = mix(hash32(keyName(key)) ^ Math.imul(child, 31));
    // Keys that are ids count once, however many there are.
    if (seen.has(entry)) continue;
    seen.add(entry);
    sum = (sum + entry) | 0;
  }
  return mix(sum);
}

/** Ids are numbers, or have eight characters and a digit or @ among them; only those are looked at closely. */
function keyName(key: string): string {
  const mayBeId = key.length < 8 ? /^\d+$/.test(key) : /[\d@]/.test(key);
  return mayBeId && isParameter(key) ? '{id}' : key;
}

function hash32(text: string): number {
  return hashText(text) | 0;
}
