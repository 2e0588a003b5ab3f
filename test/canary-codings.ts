// Canaries behind content codings, whole, damaged, beside what they unfold to, and in bodies that are cut in their middle.
import { createHash } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Canary } from './canaries.ts';
import * as c from './canaries.ts';
import {
  body,
  coded,
  form,
  formPart,
  gzip,
  json,
  log,
  NOTED,
  named,
  note,
  type Plant,
  WITH_NAMES,
} from './canary-plant.ts';

const skippable = Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, note.length, 0, 0, 0]), note]);
const CLEAN = '{"clean":true}';

export const CODED: Plant[] = [
  coded('gzip', 'gzip', gzip),
  coded('br', 'br', brotliCompressSync(json)),
  coded('zstd', 'zstd', zstdCompressSync(json)),
  coded('deflate', 'deflate', deflateSync(json)),
  coded('deflate-raw', 'DEFLATE', deflateRawSync(json)),
  coded('gzip-br', 'gzip, br', brotliCompressSync(gzip)),
  coded('gzip-text', 'x-gzip', gzipSync(log), 'text/plain'),
  coded('gzip-form', 'gzip', gzipSync(form), 'application/x-www-form-urlencoded'),
  coded('gzip-members', 'gzip', Buffer.concat([gzipSync('{"a":1}\n'), gzip]), 'application/x-ndjson'),
  coded('gzip-lie', 'gzip', Buffer.from(json)),
  coded('gzip-unsaid', '', gzip),
  coded('unknown-coding', 'lzma', Buffer.from(json)),
  coded(
    'gzip-cut',
    'gzip',
    gzip.subarray(0, -20),
    'application/json',
    WITH_NAMES.filter((one) => one !== c.JWT),
  ),
  ...(
    [
      ['gzip', gzipSync(CLEAN)],
      ['br', brotliCompressSync(CLEAN)],
      ['zstd', zstdCompressSync(CLEAN)],
      ['deflate', deflateSync(CLEAN)],
    ] as const
  ).map(([coding, bytes]) =>
    coded(`${coding}-garbage`, coding, Buffer.concat([bytes, note]), 'application/json', NOTED),
  ),
  coded('gzip-br-named', 'gzip, br', brotliCompressSync(named), 'application/json', NOTED),
  coded('zstd-frames', 'zstd', Buffer.concat([zstdCompressSync(CLEAN), zstdCompressSync(json)])),
  coded('gzip-named', 'gzip', named, 'application/json', NOTED),
  coded('gzip-second-named', 'gzip', Buffer.concat([gzipSync('{}\n'), named]), 'application/x-ndjson', NOTED),
  coded(
    'zstd-skippable',
    'zstd',
    Buffer.concat([skippable, zstdCompressSync(CLEAN)]),
    'application/json',
    NOTED,
  ),
  coded(
    'zstd-skippable-end',
    'zstd',
    Buffer.concat([zstdCompressSync(CLEAN), skippable]),
    'application/json',
    NOTED,
  ),
];

/** Kept of each body; what is planted in these reaches beyond it. */
export const BODY_LIMIT = 64 << 10;

/** A body of 100 kB that is cut behind so many characters of the canary which stands after `before`. */
function cut(name: string, type: string, [before, after]: [string, string], one: Canary): Plant {
  const known = one.needles[0]!;
  const end = one.value.indexOf(known) + known.length;
  const [opening = '', lead = ''] = before.split('~');
  const fill = BODY_LIMIT - opening.length - lead.length - end;
  const padded = opening + 'word '.repeat(fill / 5) + ' '.repeat(fill % 5) + lead;
  return body(name, type, `${padded}${one.value}${after}${'x'.repeat(36_000)}`, [one]);
}
const [PASS, MAIL, PAID, KEY, PEM] = c.HALVES as [Canary, Canary, Canary, Canary, Canary];
export const CUT: Plant[] = [
  cut('cut-json', 'application/json', ['{"a":"~","password":"', '","b":"'], PASS),
  cut('cut-json-mail', 'application/json', ['{"a":"~","m":"', '","b":"'], MAIL),
  cut('cut-json-card', 'application/json', ['{"a":"~","m":', ',"b":"'], PAID),
  cut('cut-json-deep', 'application/json', ['{"a":"~","j":"{\\"password\\":\\"', '\\"}","b":"'], PASS),
  cut('cut-text', 'text/plain', ['~ see ', ' '], MAIL),
  cut('cut-text-card', 'text/plain', ['~ see ', ' '], PAID),
  cut('cut-text-key', 'text/plain', ['~ see ', ' '], KEY),
  cut('cut-text-pem', 'text/plain', [`~ see ${pemBegin()}`, ' '], PEM),
  cut('cut-form', 'application/x-www-form-urlencoded', ['a=~&password=', '&b='], PASS),
  cut('cut-xml', 'application/xml', ['<r><a>~</a><password>', '</password><b>'], PASS),
  cut(
    'cut-multipart',
    'multipart/form-data; boundary=frontier',
    [`${formPart('a', '~')}${formPart('password', '').slice(0, -2)}`, '\r\n'],
    PASS,
  ),
  cut('cut-events', 'text/event-stream', ['data: ~\n\ndata: {"password":"', '"}\n\n'], PASS),
  cut('cut-untyped', '', ['{"a":"~","password":"', '","b":"'], PASS),
  coded('cut-gzip', 'gzip', gzipSync(`${json}${randomText(120_000)}`), 'application/json', []),
  coded('cut-br', 'br', brotliCompressSync(`${json}${randomText(120_000)}`), 'application/json', []),
];

function pemBegin(): string {
  return `${c.PEM.value.split('\n', 1)[0]}\n`;
}

/** What does not shrink. */
function randomText(length: number): string {
  let text = '';
  for (let round = 0; text.length < length; round++)
    text += createHash('sha256').update(`${round}`).digest('base64');
  return text;
}
