// A redactor, pairs and encodings for the tests of redaction, and the search for what must not be found: in the pair as
// it is stored, and in everything that can be unfolded from it.
import { gunzipSync } from 'node:zlib';
import { decoded, knownCodings, type RRPair } from '@echoplane/traffic';
import { type Extract, RedactionRules } from '../rules-document.ts';
import type { FoundCredential, Sighting } from './finding.ts';
import { Redactor, type RedactorOptions } from './redactor.ts';

export const KEY = new Uint8Array(32).fill(7);

export interface Watched {
  redactor: Redactor;
  seen: Sighting[];
  sealed: FoundCredential[];
}

export function watched(
  rules: Partial<RedactionRules> = {},
  options: Partial<RedactorOptions> = {},
): Watched {
  const seen: Sighting[] = [];
  const sealed: FoundCredential[] = [];
  const redactor = new Redactor({
    rules: RedactionRules.parse(rules),
    version: 'test-1',
    key: KEY,
    seen: (sighting) => seen.push(sighting),
    sealed: (credential) => sealed.push(credential),
    ...options,
  });
  return { redactor, seen, sealed };
}

/** A text redacted by the default rules. */
export function redacted(text: string, contentType = 'application/json'): string {
  return watched().redactor.text(text, contentType);
}

export const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
export const base64url = (text: string | Buffer) => Buffer.from(text).toString('base64url');

export function jwtOf(claims: Record<string, unknown>): string {
  const signature = base64url(
    Buffer.from(Buffer.from('signed-by-nobody-but-32-bytes-it').map((byte) => byte ^ 0xa5)),
  );
  return `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(JSON.stringify(claims))}.${signature}`;
}

/** A protobuf field of bytes. */
export function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

export function varint(value: number): Buffer {
  const bytes = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

export function grpcFrame(message: Buffer, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A chain with a name and nothing else. */
export function chain(extract: Extract, action: 'token' | 'mask' | 'remove' | 'keep', more = {}) {
  return { name: 'mine', extract, through: [], action, ...more };
}

const MAX_UNFOLDED = 5;

/** The pair, and every text that can be unfolded from it. */
export function viewsOf(pair: RRPair): string[] {
  const views = new Set<string>();
  unfold(JSON.stringify(pair), views, 0);
  for (const message of [pair.request, pair.response])
    if (message?.body.base64 !== undefined) {
      let bytes: Buffer | null = Buffer.from(message.body.base64, 'base64');
      for (const coding of knownCodings(message.body.encoding).toReversed())
        bytes = bytes && decoded(bytes, coding, 1 << 20);
      if (bytes) unfold(bytes.toString('latin1'), views, 0);
      if (bytes?.[0] === 1) unfold(gunzipSync(bytes.subarray(5)).toString('latin1'), views, 0);
    }
  for (const message of pair.messages ?? [])
    if (message.base64) unfold(Buffer.from(message.base64, 'base64').toString('latin1'), views, 0);
  return [...views];
}

function unfold(text: string, views: Set<string>, depth: number): void {
  if (views.has(text) || depth > MAX_UNFOLDED) return;
  views.add(text);
  if (text.includes('\\'))
    unfold(
      text
        .replace(/\\u00([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
        .replace(/\\(.)/g, '$1'),
      views,
      depth + 1,
    );
  if (text.includes('%'))
    unfold(
      text.replace(/%([0-9a-f]{2})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
      views,
      depth + 1,
    );
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{12,}/g)) {
    const bytes = Buffer.from(run, 'base64');
    unfold(bytes.toString('latin1'), views, depth + 1);
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
      try {
        unfold(gunzipSync(bytes).toString('latin1'), views, depth + 1);
      } catch {
        // No gzip file after all.
      }
    }
  }
}

/** Ways in which a text shows in others: itself, percent-encoded, in base64 at each of three alignments, in hex. */
export function formsOf(secret: string): string[] {
  const aligned = [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(secret)]);
    // Characters that also hold bits of what stands before and after say nothing of the secret.
    return bytes
      .toString('base64')
      .replace(/=+$/, '')
      .slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const all = [secret, encodeURIComponent(secret), Buffer.from(secret).toString('hex'), ...aligned];
  return [...new Set([...all, ...aligned.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))])];
}

/** The secrets of a list that are found in a pair in any form. */
export function escapedFrom(pair: RRPair, secrets: readonly string[]): string[] {
  const views = viewsOf(pair);
  return secrets.filter((secret) =>
    formsOf(secret).some((form) => views.some((view) => view.toLowerCase().includes(form.toLowerCase()))),
  );
}
