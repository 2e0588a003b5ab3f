// Digests of files that others stand in for: whoever sends the bytes in their place has to name the digest of these. Learned
// where a file is replaced, and put in its place wherever that digest stands afterwards: in addresses, headers and texts. A
// text that was changed by it alone has another digest itself. Bounded; holds digests, and nothing of files.
import { createHash, type Hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { RRPair } from '@echoplane/traffic';
import { type Content, readBytes, readText, writeText } from './body-text.ts';

const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;
/** Of as many files as eight times fewer; the oldest is forgotten. */
const MAX_DIGESTS = 40_000;
/** Uploads in pieces that are under way. */
const MAX_UPLOADS = 256;
/** Hex digits of MD5. */
const SHORTEST = 32;
const HEX = /(?<![0-9a-f])[0-9a-f]{32,130}(?![0-9a-f])/g;
const BASE64 = /(?<![\w+/])[A-Za-z0-9+/]{22,86}={1,2}(?![\w+/=])/g;

/** Headers that hold such a sum, and nothing else. */
const SUM = /checksum|crc-?32/i;

/** What was sent so far, and what stands in its place. */
interface Pieces {
  sent: Hash[];
  kept: Hash[];
}

export class StoodInDigests {
  readonly #known = new Map<string, string>();
  readonly #uploads = new Map<string, Pieces>();
  /** CRC-32 of the files of one pair: too short to be looked for elsewhere. */
  readonly #sums = new Map<string, string>();

  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Whether `kept` is what was put in the place of `sent` when that was sent. */
  areOf(sent: Buffer, kept: Buffer): boolean {
    const of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
    return this.#known.get(of(sent)) === of(kept);
  }

  /** `kept` is in the place of `sent`; where it is one of the pieces of an upload, `upload` names that. */
  learn(sent: Buffer, kept: Buffer, upload?: string): void {
    if (sent.equals(kept)) return;
    const whole = { sent: hashes(), kept: hashes() };
    update(whole, sent, kept);
    this.#note(whole);
    for (const form of ['hex', 'base64'] as const) this.#sums.set(sumOf(sent, form), sumOf(kept, form));
    if (upload === undefined) return;
    const pieces = this.#uploads.get(upload) ?? { sent: hashes(), kept: hashes() };
    update(pieces, sent, kept);
    this.#note(pieces);
    if (this.#uploads.size >= MAX_UPLOADS) this.#uploads.delete(this.#uploads.keys().next().value!);
    this.#uploads.set(upload, pieces);
  }

  /** Names the bytes that are there, in a pair that was redacted otherwise. */
  rename({ request, response, messages, redactions }: RRPair): void {
    if (this.isEmpty) return;
    if (request) {
      const sent = this.#body(request.body);
      const isTouched = redactions.some(({ path }) => path.startsWith('request.body'));
      if (sent && !isTouched) this.learn(sent, readBytes(request.body), uploadOf(request));
      request.url = this.#said(request.url);
      this.#headers(request.headers);
    }
    if (response) {
      this.#headers(response.headers);
      this.#body(response.body);
    }
    for (const message of messages ?? []) this.#body(message);
    this.#sums.clear();
  }

  #note({ sent, kept }: Pieces): void {
    for (const [at, hash] of sent.entries()) {
      const [before, after] = [hash.copy().digest(), kept[at]!.copy().digest()];
      for (const form of ['hex', 'base64'] as const)
        this.#known.set(before.toString(form), after.toString(form));
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_DIGESTS) break;
      this.#known.delete(oldest);
    }
  }

  #headers(headers: NonNullable<RRPair['request']>['headers']): void {
    for (const header of headers) {
      const [name, value] = header;
      header[1] = (SUM.test(name) && this.#sums.get(value)) || this.#said(value);
    }
  }

  /** An address, or the value of a header. */
  #said(text: string): string {
    const renamed = this.#text(text);
    return renamed.replace(BASE64, (digest) => this.#known.get(digest) ?? digest);
  }

  /** The bytes that were there, when they are others now. */
  #body(content: Content): Buffer | null {
    const text = readText(content);
    if (text === null || !mayHoldDigest(text)) return null;
    const renamed = this.#text(text);
    if (renamed === text) return null;
    const before = Buffer.from(text);
    writeText(content, renamed);
    return before;
  }

  #text(text: string): string {
    return text.replace(HEX, (digits, at: number) => {
      // `sha256%3ab5bb9d80…`
      const escaped = text[at - 1] === '%' ? 2 : 0;
      const digest = digits.slice(escaped);
      return digits.slice(0, escaped) + (this.#known.get(digest) ?? digest);
    });
  }
}

/** The upload that a request adds a piece to: what it sends belongs behind what was sent there before. */
export function uploadOf({ method, url }: { method: string; url: string }): string | undefined {
  return method === 'PATCH' ? url.split('?', 1)[0] : undefined;
}

/** Whether there are as many hex digits in a row as the shortest digest has: one of every so many characters is of them. */
function mayHoldDigest(text: string): boolean {
  for (let i = SHORTEST - 1; i < text.length; i += SHORTEST) {
    let [from, to] = [i, i];
    while (from > 0 && isHexDigit(text.charCodeAt(from - 1))) from--;
    while (to < text.length && isHexDigit(text.charCodeAt(to))) to++;
    if (to - from >= SHORTEST) return true;
  }
  return false;
}

function isHexDigit(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102);
}

function sumOf(bytes: Buffer, form: 'hex' | 'base64'): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString(form);
}

const hashes = (): Hash[] => ALGORITHMS.map((algorithm) => createHash(algorithm));

function update(pieces: Pieces, sent: Buffer, kept: Buffer): void {
  for (const hash of pieces.sent) hash.update(sent);
  for (const hash of pieces.kept) hash.update(kept);
}
