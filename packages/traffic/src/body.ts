// Wire bytes to the stored form of a body, and what to show of it. The one place that decides between `json`, `text`
// and `base64`, so that `bodyBytes()` gives the wire bytes back exactly. Decompression is bounded. Pure.
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Body } from './rrpair.ts';

const MAX_RATIO = 100;
const MAX_DECODED_BYTES = 8 << 20;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The stored form of `bytes` (payload as kept, still content-encoded); `size` is what was on the wire in all. */
export function storeBody(bytes: Buffer, contentEncoding: string, size = bytes.length): Body {
  const encoding = contentEncoding.trim().toLowerCase() || 'identity';
  const body: Body = { size, encoding };
  if (bytes.length === 0) return body;
  if (encoding !== 'identity') {
    const decoded = bytes.length === size ? decodeContent(bytes, encoding) : undefined;
    const text = decoded && textOf(decoded);
    return { ...body, base64: bytes.toString('base64'), ...(text === undefined ? {} : { decoded: text }) };
  }
  const text = textOf(bytes);
  if (text === undefined) return { ...body, base64: bytes.toString('base64') };
  const json = canonicalJson(text);
  return json === undefined ? { ...body, text } : { ...body, json };
}

/** The bytes without their content codings, or undefined when one is unknown, damaged or beyond the bounds. */
export function decodeContent(bytes: Buffer, encoding: string): Buffer | undefined {
  const maxOutputLength = Math.min(MAX_DECODED_BYTES, Math.max(4096, bytes.length * MAX_RATIO));
  let decoded = bytes;
  try {
    for (const coding of encoding.split(',').reverse())
      decoded = decodeOne(decoded, coding.trim(), maxOutputLength);
    return decoded;
  } catch {
    return undefined;
  }
}

function decodeOne(bytes: Buffer, coding: string, maxOutputLength: number): Buffer {
  switch (coding) {
    case 'identity':
      return bytes;
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(bytes, { maxOutputLength });
    case 'deflate':
      // RFC 9110 means zlib; some servers send raw deflate.
      return (bytes[0]! & 0x0f) === 8
        ? inflateSync(bytes, { maxOutputLength })
        : inflateRawSync(bytes, { maxOutputLength });
    case 'br':
      return brotliDecompressSync(bytes, { maxOutputLength });
    case 'zstd':
      return zstdDecompressSync(bytes, { maxOutputLength });
    default:
      throw new Error(`unknown content coding ${coding}`);
  }
}

function textOf(bytes: Buffer): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The value of a JSON object or array that prints back to exactly `text`. */
function canonicalJson(text: string): Body['json'] {
  if (text[0] !== '{' && text[0] !== '[') return undefined;
  try {
    const value = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}
