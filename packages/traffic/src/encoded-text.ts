// Texts in base64 and bytes under content codings: opened within bounds, and put back the way they were written. Knows
// nothing of what is sensitive.
import { isUtf8 } from 'node:buffer';
import {
  brotliCompressSync,
  brotliDecompressSync,
  constants,
  deflateRawSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateRawSync,
  inflateSync,
  zstdCompressSync,
} from 'node:zlib';
import { type Inflated, unzstd } from './unzstd.ts';

/** A text found behind base64, and how it was written. */
export interface OpenedText {
  text: string;
  isUrlSafe: boolean;
  isPadded: boolean;
  isGzip: boolean;
  /** The file says more than the text that it holds. */
  hasNotes: boolean;
}

/** Shorter runs are words. */
export const MIN_BASE64_LENGTH = 16;
const MAX_BASE64_LENGTH = 8 << 20;
const MAX_UNZIPPED_BYTES = 1 << 20;
/** Characters decoded before the rest is: 18 bytes that are all text by chance are rare. */
const PROBE_LENGTH = 24;
/** A gzip file begins so. */
const GZIP_START = 'H4sI';
/** The first bytes of each member of a gzip file. No Buffer: a page loads this file, where there is none. */
const GZIP_MAGIC = Uint8Array.of(0x1f, 0x8b, 8);

const SEXTETS = new Int8Array(128).fill(-1);
for (const [index, char] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  SEXTETS[char.charCodeAt(0)] = index;
SEXTETS[0x2d] = 62;
SEXTETS[0x5f] = 63;

/** The text that a base64 value is, in whole; null when it is none, or holds something that is no text. */
export function openBase64(value: string): OpenedText | null {
  if (value.length < MIN_BASE64_LENGTH || value.length > MAX_BASE64_LENGTH) return null;
  const isGzip = value.startsWith(GZIP_START);
  if (!isGzip && !beginsAsText(value, 0, value.length)) return null;
  const bytes = Buffer.from(value, 'base64');
  const hasNotes = isGzip && hasGzipNotes(bytes);
  const form = { isUrlSafe: /[-_]/.test(value), isPadded: value.endsWith('='), isGzip, hasNotes };
  if (written(bytes, form) !== value) return null;
  const plain = isGzip ? unzipped(bytes) : bytes;
  if (plain === null || plain.length === 0 || !isUtf8(plain)) return null;
  const text = plain.toString('utf8');
  return hasControls(text) ? null : { text, ...form };
}

/** Another text, written as the opened one was. */
export function encodeLike(text: string, form: OpenedText): string {
  const bytes = Buffer.from(text, 'utf8');
  return written(form.isGzip ? gzipSync(bytes) : bytes, form);
}

function written(bytes: Buffer, { isUrlSafe, isPadded }: Pick<OpenedText, 'isUrlSafe' | 'isPadded'>): string {
  if (!isUrlSafe) {
    const padded = bytes.toString('base64');
    return isPadded ? padded : padded.replace(/=+$/, '');
  }
  const bare = bytes.toString('base64url');
  return isPadded ? bare.padEnd(Math.ceil(bare.length / 4) * 4, '=') : bare;
}

/** Whether [start, end), of the alphabets of base64, may be an encoded text: `openBase64` has the last word. */
export function mayBeBase64(text: string, start: number, end: number): boolean {
  if (end - start < MIN_BASE64_LENGTH) return false;
  return beginsAsText(text, start, end) || text.startsWith(GZIP_START, start);
}

/** Decodes the first characters by hand: most values are told from text by their first bytes. */
function beginsAsText(text: string, start: number, end: number): boolean {
  const stop = start + Math.min((end - start) & ~3, PROBE_LENGTH);
  for (let at = start; at < stop; at += 4) {
    let group = 0;
    for (let index = at; index < at + 4; index++) {
      const code = text.charCodeAt(index);
      const sextet = code < 128 ? SEXTETS[code]! : -1;
      if (sextet < 0) return index - start >= MIN_BASE64_LENGTH - 2 && code === 0x3d;
      group = (group << 6) | sextet;
    }
    // No text begins in the middle of a character.
    if (at === start && group >= 0x800000 && group < 0xc20000) return false;
    if (!isTextByte(group >> 16) || !isTextByte((group >> 8) & 0xff) || !isTextByte(group & 0xff))
      return false;
  }
  return true;
}

/** Printable, white space, or part of a longer UTF-8 character. */
function isTextByte(byte: number): boolean {
  return (byte >= 0x20 && byte !== 0x7f && byte < 0xf5) || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Characters that texts do not hold. */
export function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text);
}

function unzipped(bytes: Buffer): Buffer | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNZIPPED_BYTES });
  } catch {
    return null;
  }
}

interface DecodeOptions {
  maxOutputLength: number;
  info: true;
}
type Coding = {
  decode(bytes: Buffer, options: DecodeOptions): Buffer | Inflated;
  /** `like`: the bytes as they came, for codings that are written in two ways. */
  encode(bytes: Buffer, like: Buffer): Buffer;
};
const gzip: Coding = { decode: gunzipSync, encode: (bytes) => gzipSync(bytes) };
/** Quality 4 of Brotli: the best of it takes a hundred times as long. Made when needed: a page loads this file without zlib. */
const brotliQuality = () => ({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });

const CODINGS: Record<string, Coding> = {
  gzip,
  'x-gzip': gzip,
  br: { decode: brotliDecompressSync, encode: (bytes) => brotliCompressSync(bytes, brotliQuality()) },
  zstd: { decode: unzstd, encode: (bytes) => zstdCompressSync(bytes) },
  // "deflate" is zlib by RFC 9110 and raw in the wild.
  deflate: {
    decode: (bytes, options) => {
      try {
        return inflateSync(bytes, options);
      } catch {
        return inflateRawSync(bytes, options);
      }
    },
    encode: (bytes, like) => ((like[0]! & 0x0f) === 8 ? deflateSync(bytes) : deflateRawSync(bytes)),
  },
};

/** Codings as `storeBody` names them, `gzip, br`; empty when one of them is unknown or there is none. */
export function knownCodings(encoding: string): string[] {
  const codings = encoding.split(',').map((coding) => coding.trim().toLowerCase());
  return codings.every((coding) => Object.hasOwn(CODINGS, coding)) ? codings : [];
}

/** Bytes without their coding, or null when they are damaged, go on behind its end, or grow beyond `maxBytes`. */
export function decoded(bytes: Buffer, coding: string, maxBytes: number): Buffer | null {
  try {
    const unfolded = CODINGS[coding]?.decode(bytes, { maxOutputLength: maxBytes, info: true });
    const { buffer, engine } = unfolded as Inflated;
    return engine.bytesWritten === bytes.length ? buffer : null;
  } catch {
    return null;
  }
}

/** Bytes under the codings, applied in order; `like`: what they were before. */
export function encoded(bytes: Buffer, codings: readonly string[], like: Buffer): Buffer {
  return codings.reduce((plain, coding) => CODINGS[coding]!.encode(plain, like), bytes);
}

/** Whether a gzip file may carry texts of its own (name, comment, extra) that nobody sees in what it holds. */
export function hasGzipNotes(bytes: Buffer): boolean {
  if (!bytes.subarray(0, 2).equals(GZIP_MAGIC.subarray(0, 2))) return false;
  return ((bytes[3] ?? 0) & 0x1c) !== 0 || bytes.indexOf(GZIP_MAGIC, 1) >= 0;
}
