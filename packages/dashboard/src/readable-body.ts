// A recorded body as something to read: pretty JSON, text, or bytes as hex and base64. Pure.
import { type Body, bodyJson, bodyText } from '@echoplane/traffic';

export type ReadableBody =
  | { kind: 'empty' }
  /** The bytes are elsewhere: too large for a segment, or not kept. */
  | { kind: 'absent'; ref: string | null }
  | { kind: 'json'; pretty: string; raw: string }
  | { kind: 'text'; raw: string }
  | { kind: 'binary'; hex: string; base64: string };

export function readableBody(body: Body): ReadableBody {
  const raw = bodyText(body);
  if (raw === '') return { kind: 'empty' };
  if (raw !== undefined) {
    const json = bodyJson(body);
    // A lone word or number is text to a reader, even where JSON would allow it.
    return typeof json === 'object' && json !== null
      ? { kind: 'json', pretty: JSON.stringify(json, null, 2), raw }
      : { kind: 'text', raw };
  }
  if (body.base64 !== undefined) {
    return { kind: 'binary', hex: hexDump(bytesOf(body.base64)), base64: body.base64 };
  }
  return { kind: 'absent', ref: body.ref ?? null };
}

/** Rows of 16 bytes: offset, hex, printable characters. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const row = [...bytes.subarray(offset, offset + 16)];
    const hex = row.map((byte, i) => `${i === 8 ? ' ' : ''}${byte.toString(16).padStart(2, '0')}`).join(' ');
    const text = row.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    rows.push(`${offset.toString(16).padStart(6, '0')}  ${hex.padEnd(48)}  ${text}`);
  }
  return rows.join('\n');
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

export interface JsonToken {
  kind: 'key' | 'string' | 'number' | 'word' | 'plain';
  text: string;
}

const JSON_TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|\b(true|false|null)\b/g;

/** The coloured pieces of a JSON text; joined they are the text again. */
export function jsonTokens(json: string): JsonToken[] {
  const tokens: JsonToken[] = [];
  let end = 0;
  const plain = (text: string) => text && tokens.push({ kind: 'plain', text });
  for (const match of json.matchAll(JSON_TOKEN)) {
    const [whole, string, colon, number] = match;
    plain(json.slice(end, match.index));
    if (string !== undefined) {
      tokens.push({ kind: colon === undefined ? 'string' : 'key', text: string });
      plain(colon ?? '');
    } else tokens.push({ kind: number === undefined ? 'word' : 'number', text: whole });
    end = match.index + whole.length;
  }
  plain(json.slice(end));
  return tokens;
}
