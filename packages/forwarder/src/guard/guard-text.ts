// What the guard looks at: the texts of the RRPairs of a frame, one a line behind its name, with every coding undone that
// a reader of the store could undo. It reads the NDJSON as it left and must not know how anything was redacted. Pure.
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { unzstd } from '@echoplane/traffic';

/** One value in the text of a frame. */
export interface GuardedValue {
  /** Key, header, cookie or parameter it stands under, lower case; empty when there is none. */
  name: string;
  value: string;
  /** Id of its RRPair. */
  id: string;
}

/** Bounds of one frame: values, their length, how deep codings lie in each other. */
const MAX_VALUES = 200_000;
const MAX_VALUE = 256 << 10;
const MAX_DEPTH = 40;
const MAX_CODINGS = 3;
const MAX_INFLATED_BYTES = 1 << 20;
/** Names of a pair itself under which stands nothing that was sent. */
const OWN_FIELDS = new Set(['source', 'redactions', 'connection', 'gaps', 'trace', 'id', 'ts', 'durationUs']);
/** Maps are keyed by addresses and numbers. */
const KEY_AS_VALUE = /@|\d{4}/;
const INFLATERS: Record<string, (bytes: Buffer, options: { maxOutputLength: number }) => Buffer> = {
  ...{ gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, br: brotliDecompressSync },
  zstd: (bytes, options) => {
    const { buffer, engine } = unzstd(bytes, options);
    // What is no frame, or stands behind the last one, may still hold something.
    return Buffer.concat([buffer, bytes.subarray(engine.bytesWritten)]);
  },
};
const JWT = /^[\w-]{8,}\.([\w-]{8,})\.[\w-]*$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4}){6,}(?:[A-Za-z0-9+/]{2,3}={0,2})?$/;

/** The values of every line of a frame's NDJSON; a line that is no JSON is one value as it is. */
export function guardedValues(ndjson: string): GuardedValue[] {
  const values: GuardedValue[] = [];
  for (const line of ndjson.split('\n')) {
    if (line === '' || values.length >= MAX_VALUES) continue;
    const pair = parsed(line);
    const id = typeof pair?.id === 'string' ? pair.id : '';
    const add = (name: string, value: string) => {
      if (values.length < MAX_VALUES)
        values.push({ name: name.toLowerCase(), value: value.slice(0, MAX_VALUE), id });
    };
    if (pair === null) add('', line);
    else
      for (const [name, value] of Object.entries(pair)) if (!OWN_FIELDS.has(name)) walk(name, value, add, 0);
  }
  return values;
}

type Add = (name: string, value: string) => void;

function walk(name: string, value: unknown, add: Add, depth: number): void {
  if (depth > MAX_DEPTH) return;
  if (typeof value === 'string') {
    text(name, value, add, 0);
  } else if (typeof value === 'number') {
    add(name, String(value));
  } else if (Array.isArray(value)) {
    const [first, second, ...more] = value;
    // Header lists and other pairs of name and value.
    if (more.length === 0 && typeof first === 'string' && typeof second === 'string')
      field(first, second, add);
    for (const one of value) walk(name, one, add, depth + 1);
  } else if (typeof value === 'object' && value !== null) {
    const { base64, encoding } = value as { base64?: unknown; encoding?: unknown };
    if (typeof base64 === 'string') bytes(name, base64, encoding, add);
    for (const [key, one] of Object.entries(value)) {
      if (KEY_AS_VALUE.test(key)) add('', key);
      if (key !== 'base64' && key !== 'chunks') walk(isOurs(key) ? name : key, one, add, depth + 1);
    }
  }
}

/** Names that the storage form of a body adds. */
function isOurs(key: string): boolean {
  return key === 'json' || key === 'text' || key === 'decoded';
}

function field(name: string, value: string, add: Add): void {
  if (/^(?:set-)?cookie$/i.test(name)) for (const cookie of value.split(';')) parameter(cookie, add);
  else text(name, value, add, 0);
}

/** A value, and what is in it: a url's or form's parameters, JSON, a JWT's claims, base64. */
function text(name: string, value: string, add: Add, codings: number): void {
  add(name, value);
  if (codings >= MAX_CODINGS || value.length < 4 || value.length > MAX_VALUE) return;
  const query = /^(?:[a-z][a-z0-9+.-]*:\/\/|\/)[^\s?]*\?(\S+)$/i.exec(value)?.[1] ?? value;
  if (/^[^\s=&"'{}<>]+=[^\s"'{}<>]*(?:&|$)/.test(query)) {
    for (const one of query.split('&')) parameter(one, add);
  } else if (/^\s*[{[]/.test(value)) {
    const json = parsed(value);
    if (json !== null) walk(name, json, add, MAX_DEPTH - 20);
  }
  const claims = JWT.exec(value.replace(/^Bearer\s+/i, ''))?.[1];
  const inner = claims ? decoded(claims, 'base64url') : BASE64.test(value) ? decoded(value, 'base64') : null;
  if (inner !== null) text(name, inner, add, codings + 1);
}

function parameter(one: string, add: Add): void {
  const equals = one.indexOf('=');
  const name = one.slice(0, Math.max(0, equals)).trim();
  const value = one
    .slice(equals + 1)
    .replaceAll('+', ' ')
    .trim();
  add(name, unescaped(value));
}

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** Bytes that are text behind the codings they were sent in. */
function bytes(name: string, base64: string, encoding: unknown, add: Add): void {
  let plain: Buffer = Buffer.from(base64.slice(0, 4 * MAX_VALUE), 'base64');
  try {
    for (const coding of String(encoding ?? 'identity')
      .split(',')
      .reverse()) {
      plain = INFLATERS[coding.trim()]?.(plain, { maxOutputLength: MAX_INFLATED_BYTES }) ?? plain;
    }
  } catch {
    // Cut, damaged or too large: nobody reads it, the bytes as they are may still hold something.
  }
  // Binary formats hold texts as they are, gRPC among them.
  for (const run of plain.toString('latin1').match(/[\t\x20-\x7e\xa0-\xff]{6,}/g) ?? [])
    text(name, run, add, 1);
}

function decoded(value: string, coding: 'base64' | 'base64url'): string | null {
  const plain = Buffer.from(value, coding).toString('utf8');
  return /^[\t\n\r\x20-\x7e\u00a0-\ufffc]+$/.test(plain) ? plain : null;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
