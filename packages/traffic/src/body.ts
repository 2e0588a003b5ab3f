// Wire bytes to the stored form of a body, and what to show of it. The one place that decides between `json`, `text`
// and `base64`, so that `bodyBytes()` gives the wire bytes back exactly. Decompression is bounded. Pure.
import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { canonicalJson, MAX_JSON_DEPTH } from './canonical-json.ts';
import type { Body } from './rrpair.ts';
import { type Inflated, unzstd } from './unzstd.ts';

const MAX_RATIO = 100;
const MAX_DECODED_BYTES = 8 << 20;

/** Bytes of readable views that may still be made; shared by the pairs of a batch, so that one cannot exhaust memory. */
export interface InflateBudget {
  leftBytes: number;
}

export interface StoreOptions {
  /** Bytes on the wire in all, when `bytes` was cut. */
  size?: number;
  budget?: InflateBudget;
  /** JSON stays `text` for now: who changes it first calls `settleBody` afterwards. */
  deferJson?: boolean;
}

/** The stored form of `bytes` (payload as kept, still under `contentEncoding`, the header's value). */
export function storeBody(bytes: Buffer, contentEncoding: string, options: StoreOptions = {}): Body {
  const { size = bytes.length, budget = { leftBytes: MAX_DECODED_BYTES }, deferJson = false } = options;
  const codings = isMislabelled(bytes, contentEncoding) ? [] : contentCodings(contentEncoding);
  const body: Body = { size, encoding: codings.length > 0 ? codings.join(', ') : 'identity' };
  if (bytes.length === 0) return body;
  if (codings.length > 0 && codings.every((coding) => Object.hasOwn(INFLATERS, coding))) {
    const decoded = bytes.length === size ? decodeContent(bytes, codings, budget) : null;
    return { ...body, base64: bytes.toString('base64'), ...(decoded === null ? {} : { decoded }) };
  }
  if (!isUtf8(bytes)) return { ...body, base64: bytes.toString('base64') };
  const text = bytes.toString('utf8');
  const json = deferJson ? undefined : exactJson(text);
  return json === undefined ? { ...body, text } : { ...body, json };
}

/** What the first bytes are under a coding. RFC 1952, RFC 8878. */
const BEGINNINGS: ReadonlyMap<string, readonly number[]> = new Map([
  ['gzip', [0x1f, 0x8b]],
  ['x-gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
]);

/** Whether a header names a coding under which a text is not: some services say so of what they send plain. */
function isMislabelled(bytes: Buffer, contentEncoding: string): boolean {
  const beginning = BEGINNINGS.get(contentCodings(contentEncoding).at(-1) ?? '');
  if (!beginning || bytes.length < beginning.length) return false;
  return beginning.some((byte, at) => bytes[at] !== byte) && isUtf8(bytes);
}

/** Turns `text` into `json` where that gives the same bytes back; in place. */
export function settleBody(body: Body): void {
  if (body.text === undefined) return;
  const json = exactJson(body.text);
  if (json === undefined) return;
  delete body.text;
  body.json = json;
}

type Inflate = (bytes: Buffer, options: { maxOutputLength: number; info: true }) => Buffer | Inflated;

const INFLATERS: Record<string, Inflate> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  br: brotliDecompressSync,
  zstd: unzstd,
  // "deflate" is zlib by RFC 9110 and raw in the wild.
  deflate: (bytes, options) => {
    try {
      return inflateSync(bytes, options);
    } catch {
      return inflateRawSync(bytes, options);
    }
  },
};

/** The content codings of a header value, as listed, in lower case, without `identity`. */
function contentCodings(value: string): string[] {
  return value
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');
}

/** The text behind the codings, or null when it is damaged, no text, or beyond the bounds. */
function decodeContent(bytes: Buffer, codings: readonly string[], budget: InflateBudget): string | null {
  const maxOutputLength = Math.min(
    MAX_DECODED_BYTES,
    Math.max(4096, bytes.length * MAX_RATIO),
    budget.leftBytes,
  );
  if (maxOutputLength <= 0) return null;
  let plain = bytes;
  try {
    for (const coding of codings.toReversed()) {
      const { buffer, engine } = INFLATERS[coding]!(plain, { maxOutputLength, info: true }) as Inflated;
      // What stands behind the end of a stream is not in the text: nobody would see it.
      if (engine.bytesWritten !== plain.length) return null;
      plain = buffer;
    }
  } catch {
    return null;
  }
  if (!isUtf8(plain)) return null;
  budget.leftBytes -= plain.length;
  return plain.toString('utf8');
}

/** Whether a text is the JSON of an object or array just as `JSON.stringify` prints it. */
export function isExactJson(text: string): boolean {
  if (text[0] !== '{' && text[0] !== '[') return false;
  const canonical = canonicalJson(text);
  return canonical === 'unsure' ? printsBack(text) : canonical === 'yes';
}

function printsBack(text: string): boolean {
  // A key `__proto__` does not survive every reader's copy.
  if (text.includes('"__proto__"') || isDeeper(text, MAX_JSON_DEPTH)) return false;
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}

/** The value of a JSON object or array when `JSON.stringify` gives back the very same text. */
function exactJson(text: string): Body['json'] {
  return isExactJson(text) ? JSON.parse(text) : undefined;
}

/** Whether brackets nest deeper than `limit`; those inside strings count too, which only makes a few more bodies text. */
export function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      if (++depth > limit) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}
