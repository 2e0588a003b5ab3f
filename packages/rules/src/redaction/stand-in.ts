// Bytes in the place of a file that cannot be looked into: as many, of the same kind, a picture as wide and as high, and nothing
// of what the file held but a mark that is the same for the same file. A request can be sent again with them. Bounded by
// the size of the file; it must not know where files come from.
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';

/** Larger pictures are stood in for by bytes that are no picture. */
const MAX_PIXELS = 40_000_000;
/** And those that say so of themselves in few bytes: what is made for a byte of a file is bounded. */
const MAX_PIXELS_A_BYTE = 256;
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const JPEG_BLOCK = 8;
/** What files of a kind begin with, and programs tell them by; in hex. */
const BEGINNINGS: readonly string[] = [
  '255044462d..2e..', // PDF with its version
  '504b0304', // ZIP, and office documents
  '1f8b08', // gzip
  '52494646.{8}(?:57454250|57415645|41564920)', // WebP, WAV, AVI
  '4f676753', // Ogg
  '494433', // MP3
];
const BEGINNING = new RegExp(`^(?:${BEGINNINGS.join('|')})`);
const OWN = /stand-in (?:[a-z]{4} ){4}/;

/** Types of bodies that are files and not messages of a program. */
export function isFileType(contentType: string): boolean {
  return /^(?:image|audio|video|font)\/|octet-stream|\b(?:g?zip|pdf|tar)\b/.test(contentType);
}

/** `markOf` gives the same letters and digits for the same text, under a key. */
export function standIn(file: Buffer, markOf: (text: string) => string): Buffer {
  const [own] = OWN.exec(file.toString('latin1')) ?? [];
  if (own !== undefined && like(file, own).equals(file)) return file;
  const letters = markOf(createHash('sha256').update(file).digest('hex'))
    .replace(/^rdx_/, '')
    .replaceAll(/\d/g, (digit) => 'bcdfghklmn'[Number(digit)]!);
  const groups = [0, 4, 8, 12].map((at) => letters.slice(at, at + 4));
  return like(file, `stand-in ${groups.join(' ')} `);
}

/** Whether a file may be what stands in for another: `standIn` gives it back as it is then. */
export function isStandIn(file: Buffer): boolean {
  return file.includes('stand-in ');
}

function like(file: Buffer, mark: string): Buffer {
  const picture = pngLike(file) ?? gifLike(file) ?? jpegLike(file);
  const begun = picture && picture.length <= file.length ? picture : beginningOf(file);
  const rest = Buffer.alloc(file.length - begun.length, mark, 'latin1');
  return Buffer.concat([begun, rest]);
}

function beginningOf(file: Buffer): Buffer {
  const head = file.subarray(0, 16).toString('hex');
  return Buffer.from(BEGINNING.exec(head)?.[0] ?? '', 'hex');
}

/** One grey of one bit; what follows the end of a picture is not looked at. */
function pngLike(file: Buffer): Buffer | null {
  if (file.length < 33 || !file.subarray(0, 8).equals(PNG)) return null;
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)];
  if (!isPicture(width, height, file)) return null;
  const head = Buffer.from([...file.subarray(16, 24), 1, 0, 0, 0, 0]);
  const rows = deflateSync(Buffer.alloc((Math.ceil(width / 8) + 1) * height), { level: 9 });
  return Buffer.concat([PNG, chunk('IHDR', head), chunk('IDAT', rows), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A screen as large with one pixel on it. */
function gifLike(file: Buffer): Buffer | null {
  if (!/^GIF8[79]a/.test(file.subarray(0, 6).toString('latin1')) || file.length < 13) return null;
  const colours = [0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff];
  const image = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b];
  return Buffer.from([...file.subarray(0, 10), ...colours, ...image]);
}

/** Blocks of one grey, each two bits of zero: no difference to the last, and no more. */
function jpegLike(file: Buffer): Buffer | null {
  const [width, height] = jpegSize(file);
  if (!isPicture(width, height, file)) return null;
  const table = (kind: number) => [0xff, 0xc4, 0, 20, kind, 1, ...Array<number>(15).fill(0), 0];
  const size = [height >> 8, height & 255, width >> 8, width & 255];
  const bits = 2 * Math.ceil(width / JPEG_BLOCK) * Math.ceil(height / JPEG_BLOCK);
  const blocks = Buffer.alloc(Math.ceil(bits / 8));
  if (bits % 8 > 0) blocks[blocks.length - 1] = 255 >> (bits % 8);
  return Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, ...Array<number>(64).fill(1)]),
    Buffer.from([0xff, 0xc0, 0, 11, 8, ...size, 1, 1, 0x11, 0, ...table(0), ...table(0x10)]),
    Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]),
    blocks,
    Buffer.from([0xff, 0xd9]),
  ]);
}

/** Width and height of the frame; zeros when it is no JPEG, or none that is found. */
function jpegSize(file: Buffer): [width: number, height: number] {
  if (file.length < 4 || file[0] !== 0xff || file[1] !== 0xd8) return [0, 0];
  for (let at = 2; at + 9 <= file.length && file[at] === 0xff; at += 2 + file.readUInt16BE(at + 2)) {
    const marker = file[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return [file.readUInt16BE(at + 7), file.readUInt16BE(at + 5)];
  }
  return [0, 0];
}

function isPicture(width: number, height: number, { length }: Buffer): boolean {
  return width > 0 && height > 0 && width * height <= Math.min(MAX_PIXELS, length * MAX_PIXELS_A_BYTE);
}
