// One layer of an image: files, folders and links as a tar whose bytes follow from its entries alone (sorted by path,
// owner 0, time 0), so that two builds of the same sources have the same digest. It knows nothing of what is in it.
import { createHash } from 'node:crypto';

export interface Entry {
  /** Absolute path in the image. */
  path: string;
  /** Bytes of a file, or where a symbolic link leads; neither: a folder. */
  content?: Buffer | string;
  link?: string;
  /** 0644 for files and 0755 for folders, unless said. */
  mode?: number;
}

export interface Layer {
  bytes: Buffer;
  /** `sha256:…` */
  digest: string;
}

const BLOCK = 512;

/** The layer of these entries; folders on the way to them are added. */
export function makeLayer(entries: readonly Entry[]): Layer {
  const byPath = new Map<string, Entry>();
  for (const entry of entries)
    for (const folder of foldersTo(entry.path)) byPath.set(folder, { path: folder });
  for (const entry of entries) byPath.set(entry.path, entry);
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return blob(Buffer.concat([...sorted.flatMap(tarEntry), Buffer.alloc(2 * BLOCK)]));
}

/** Bytes with their digest. */
export function blob(bytes: Buffer): Layer {
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

/** A tar of files, in the order given. */
export function tarOf(files: readonly Entry[]): Buffer {
  return Buffer.concat([...files.flatMap(tarEntry), Buffer.alloc(2 * BLOCK)]);
}

function foldersTo(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

function tarEntry(entry: Entry): Buffer[] {
  const content =
    entry.content === undefined ? Buffer.alloc(0) : Buffer.from(entry.content as string | Buffer as string);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return [header(entry, content.length), content, padding];
}

/** A ustar header (POSIX.1-1988); a path of more than 100 bytes is split at a slash into prefix and name. */
function header(entry: Entry, sizeBytes: number): Buffer {
  const isFolder = entry.content === undefined && entry.link === undefined;
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = split(entry.path.replace(/^\//, '') + (isFolder ? '/' : ''));
  const octal = (value: number, at: number, width: number) =>
    block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
  block.write(name, 0);
  octal(entry.mode ?? (isFolder ? 0o755 : entry.link === undefined ? 0o644 : 0o777), 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(sizeBytes, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write(isFolder ? '5' : entry.link === undefined ? '0' : '2', 156, 'latin1');
  block.write(entry.link ?? '', 157);
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function split(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path };
  const cut = path.indexOf('/', path.length - 101);
  const parts = { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
  if (cut < 0 || parts.prefix.length > 155 || parts.name.length > 100)
    throw new Error(`The path ${path} is too long for a tar header.`);
  return parts;
}
