// The search for secrets in bytes: in every way a text is written within others, and in everything that can be unpacked
// from them. Knows neither what was planted nor where the bytes come from.
import { hash } from 'node:crypto';
import { brotliDecompressSync, constants, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

export interface Needle {
  of: string;
  form: string;
  /** In lower case, as bytes seen through Latin-1. */
  text: string;
}

export interface Hit {
  of: string;
  form: string;
  /** What it was unpacked from. */
  through: string;
  excerpt: string;
}

const MAX_DEPTH = 6;
const MAX_UNPACKED = 64 << 20;
const EXCERPT = 60;
/** Shorter forms are found by chance. */
const MIN_FORM = 8;

const latin1 = (bytes: Buffer) => bytes.toString('latin1');
const hexOf = (byte: number) => byte.toString(16).padStart(2, '0');

/** The ways in which a text shows within others. */
export function formsOf(secret: string): Map<string, string> {
  const bytes = Buffer.from(secret);
  const forms = new Map([
    ['raw', latin1(bytes)],
    ['percent', encodeURIComponent(secret)],
    ['percent, twice', encodeURIComponent(encodeURIComponent(secret))],
    ['form', encodeURIComponent(secret).replaceAll('%20', '+')],
    ['every byte percent', latin1(Buffer.from([...bytes].map((byte) => `%${hexOf(byte)}`).join('')))],
    ['hex', bytes.toString('hex')],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['JSON in JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    [
      'unicode escapes',
      [...secret].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    ],
    ['reversed', latin1(bytes.toReversed() as Buffer)],
    ['UTF-16', latin1(Buffer.from(secret, 'utf16le'))],
  ]);
  for (const shift of [0, 1, 2]) {
    // Characters that also hold bits of what stands before and after say nothing of the secret.
    const padded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = padded.slice(shift === 0 ? 0 : shift + 1, -1);
    forms.set(`base64 +${shift}`, own);
    forms.set(`base64url +${shift}`, own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return forms;
}

export class CanarySearch {
  readonly needles: Needle[] = [];
  bytes = 0;
  views = 0;
  /** Digests of texts in which, and in whose inside, nothing was found. */
  readonly #clean = new Set<string>();

  constructor(canaries: readonly { kind: string; needles: readonly string[] }[]) {
    const known = new Set<string>();
    for (const { kind, needles } of canaries)
      for (const needle of needles)
        for (const [form, written] of formsOf(needle)) {
          const text = written.toLowerCase();
          if (text.length < MIN_FORM || known.has(text)) continue;
          known.add(text);
          this.needles.push({ of: kind, form, text });
        }
  }

  /** Everything that is found in bytes and in what they unpack to. */
  in(bytes: Buffer | string): Hit[] {
    const hits: Hit[] = [];
    this.#look(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, [], hits);
    return hits;
  }

  #look(bytes: Buffer, through: string[], hits: Hit[]): void {
    const text = latin1(bytes);
    const digest = hash('sha1', bytes, 'base64');
    if (this.#clean.has(digest)) return;
    const before = hits.length;
    this.bytes += bytes.length;
    this.views++;
    const lower = text.toLowerCase();
    for (const { of, form, text: needle } of this.needles) {
      const at = lower.indexOf(needle);
      if (at < 0) continue;
      const excerpt = text.slice(Math.max(0, at - EXCERPT), at + needle.length + EXCERPT);
      hits.push({ of, form, through: through.join(' > '), excerpt: JSON.stringify(excerpt) });
    }
    if (through.length >= MAX_DEPTH) return;
    for (const [how, inner] of unpacked(bytes, text)) this.#look(inner, [...through, how], hits);
    if (hits.length === before) this.#clean.add(digest);
  }
}

/** What stands within bytes in another form: archives at any place, base64 and percent-encoded runs, escapes. */
function* unpacked(bytes: Buffer, text: string): Generator<[string, Buffer]> {
  for (const [how, magic, open] of ARCHIVES)
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      const inner = attempt(open, bytes.subarray(at));
      if (inner) yield [how, inner];
    }
  if (bytes.length > 8 && !looksLikeText(text))
    for (const [how, open] of BARE) {
      const inner = attempt(open, bytes);
      if (inner && inner.length > 0) yield [how, inner];
    }
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{16,}={0,2}/g)) {
    const inner = Buffer.from(run, 'base64');
    // Random ids are no texts and no archives; everything else is looked into.
    if (
      looksLikeText(latin1(inner)) ||
      ARCHIVES.some(([, magic]) => inner.indexOf(magic) === 0) ||
      run.length > 60
    )
      yield ['base64', inner];
  }
  for (const [, run] of text.matchAll(/\\x([0-9a-f]{32,})/g)) yield ['hex', Buffer.from(run!, 'hex')];
  if (/%[0-9a-f]{2}/i.test(text))
    yield [
      'percent',
      Buffer.from(
        text.replace(/%([0-9a-f]{2})/gi, (_, hex) => fromHex(hex)),
        'latin1',
      ),
    ];
  if (text.includes('\\'))
    yield [
      'escapes',
      Buffer.from(
        text.replace(/\\u00([0-9a-f]{2})/gi, (_, hex) => fromHex(hex)).replace(/\\(.)/g, '$1'),
        'latin1',
      ),
    ];
}

type Open = (bytes: Buffer) => Buffer;
/** Also of archives that were cut. */
const limit = { maxOutputLength: MAX_UNPACKED, finishFlush: constants.Z_SYNC_FLUSH };
const ARCHIVES: readonly (readonly [string, Buffer, Open])[] = [
  [
    'gzip',
    Buffer.from([0x1f, 0x8b, 0x08]),
    (bytes) => inflateRawSync(bytes.subarray(gzipHeader(bytes)), limit),
  ],
  [
    'zstd',
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
    (bytes) => zstdDecompressSync(bytes, { maxOutputLength: MAX_UNPACKED }),
  ],
];
const BARE: readonly (readonly [string, Open])[] = [
  ['br', (bytes) => brotliDecompressSync(bytes, { maxOutputLength: MAX_UNPACKED })],
  ['zlib', (bytes) => inflateSync(bytes, limit)],
  ['deflate', (bytes) => inflateRawSync(bytes, limit)],
];

/** Where the compressed bytes begin; what comes behind them is nobody's business here. */
function gzipHeader(bytes: Buffer): number {
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (flags & 4) at += 2 + bytes.readUInt16LE(at);
  if (flags & 8) at = bytes.indexOf(0, at) + 1;
  if (flags & 16) at = bytes.indexOf(0, at) + 1;
  return flags & 2 ? at + 2 : at;
}

function attempt(open: Open, bytes: Buffer): Buffer | null {
  try {
    return open(bytes);
  } catch {
    return null;
  }
}

function looksLikeText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return !/[\0-\x08\x0e-\x1f]/.test(text.slice(0, 200));
}

const fromHex = (hex: string) => String.fromCharCode(Number.parseInt(hex, 16));
