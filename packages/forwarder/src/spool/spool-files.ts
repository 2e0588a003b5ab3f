// The files of the spool folder: `<segment>.open` is written frame by frame, `<segment>.closed` is whole and waits to
// be shipped, `state.json` outlives both. Durable writes and reads only; it must not know streams or the network.
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, OperatingError } from '@echoplane/runtime';
import {
  decodeManifest,
  encodeManifest,
  type FrameEntry,
  type FrameHeader,
  type SegmentManifest,
  segmentBlocks,
} from '@echoplane/traffic';

const FOOTER_BYTES = 8;

/** A segment in the spool; `path` changes when it is closed. */
export interface SpoolSegment {
  readonly id: string;
  path: string;
  closed: boolean;
  sizeBytes: number;
  pairs: number;
  /** Position of every frame, about 60 bytes each: what the index line keeps of what it has to send. */
  frames: readonly FrameEntry[];
  /** Frames whose fate the index has not settled yet. */
  unsettled: number;
  /** Pairs of frames that the index, or the way to the store, refused for good. */
  refused: number;
}

export interface SpoolFiles {
  readonly dir: string;
  /** Whether writes wait for the disk. */
  readonly fsync: boolean;
}

/** Disk set aside, so that the books can still be written when it is full. */
const RESERVE_FILE = 'reserve';
const RESERVE_BYTES = 1 << 20;
/** Recent traffic that was shipped or held back; see ring.ts. */
export const RING_FOLDER = 'ring';

/** Makes the folder. Throws OperatingError when it cannot be written. */
export async function openSpoolFolder(dir: string): Promise<void> {
  const probe = join(dir, '.probe');
  try {
    await ensureFolder(dir);
    await (await open(probe, 'w')).close();
    await rm(probe);
  } catch (cause) {
    const message = `The spool folder ${dir} cannot be written by this user; choose another one or change its owner.`;
    throw new OperatingError('spool_not_writable', message, { cause });
  }
}

export function openPath(files: SpoolFiles, segment: string): string {
  return join(files.dir, `${segment}.open`);
}

/** Segment ids with their file's ending, oldest first. */
export async function listSegments(
  files: SpoolFiles,
): Promise<{ id: string; path: string; closed: boolean }[]> {
  const entries = await readdir(files.dir, { withFileTypes: true });
  // A link would have files outside of the folder written to.
  const names = entries
    .filter((entry) => entry.isFile() && /^[0-9a-f-]{36}\.(open|closed)$/.test(entry.name))
    .map((entry) => entry.name)
    .sort();
  return names.map((name) => ({
    id: name.slice(0, 36),
    path: join(files.dir, name),
    closed: name.endsWith('.closed'),
  }));
}

/** Opens a segment's file for writing at positions; with `create`, makes it. */
export async function openSegmentFile(files: SpoolFiles, path: string, create: boolean): Promise<FileHandle> {
  const handle = await open(path, constants.O_RDWR | (create ? constants.O_CREAT : 0));
  if (create) await syncFolder(files);
  return handle;
}

/** Writes all of `bytes` at `position` and waits for the disk. Repeating it after a failure is harmless. */
export async function writeDurably(
  files: SpoolFiles,
  file: FileHandle,
  bytes: Buffer,
  position: number,
): Promise<void> {
  let done = 0;
  while (done < bytes.length)
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  if (files.fsync) await file.datasync();
}

/**
 * Ends a segment's file at `dataBytes` with its manifest (`null`: the data ends with one already) and gives it its
 * closed name. Repeating it after a failure is harmless.
 */
export async function closeSegmentFile(
  files: SpoolFiles,
  segment: SpoolSegment,
  dataBytes: number,
  manifest: SegmentManifest | null,
): Promise<void> {
  const tail = manifest ? encodeManifest(manifest) : Buffer.alloc(0);
  const file = await openSegmentFile(files, segment.path, false);
  try {
    await writeDurably(files, file, tail, dataBytes);
    await file.truncate(dataBytes + tail.length);
    await file.sync();
  } finally {
    await file.close();
  }
  segment.sizeBytes = dataBytes + tail.length;
  const path = join(files.dir, `${segment.id}.closed`);
  await rename(segment.path, path);
  segment.path = path;
  await syncFolder(files);
  segment.closed = true;
}

/** A frame of a segment with its header. Throws when it is damaged. */
export async function readFrame(
  segment: Pick<SpoolSegment, 'path' | 'frames'>,
  number: number,
): Promise<{ header: FrameHeader; data: Buffer }> {
  const frame = segment.frames[number]!;
  const before = segment.frames[number - 1];
  // A header lies between the frame before and its own.
  const start = before ? before.offset + before.length : 0;
  const bytes = await readAt(segment.path, start, frame.offset + frame.length - start);
  for (const block of segmentBlocks(bytes)) if (block.kind === 'frame') return block;
  throw new OperatingError('spool_damaged', `${segment.path} is damaged at frame ${number}; move it away.`);
}

/** Bytes of a file. Throws when it ends before. */
export async function readAt(path: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    return await readExactly(file, offset, length);
  } finally {
    await file.close();
  }
}

/** The manifest at the end of a closed segment. */
export async function readManifest(path: string): Promise<SegmentManifest> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const footer = await readExactly(file, size - FOOTER_BYTES, FOOTER_BYTES);
    const length = Math.min(footer.readUInt32LE(0), size - FOOTER_BYTES) + FOOTER_BYTES;
    const manifest = decodeManifest(await readExactly(file, size - length, length));
    if (!manifest)
      throw new OperatingError('spool_damaged', `${path} has no manifest; move it away to start.`);
    return manifest;
  } finally {
    await file.close();
  }
}

/** Sets disk aside, if it is not yet. Throws on a full disk, which stays as it is. */
export async function takeReserve(files: SpoolFiles): Promise<void> {
  const path = join(files.dir, RESERVE_FILE);
  if (await stat(path).catch(() => null)) return;
  try {
    await writeFile(path, Buffer.alloc(RESERVE_BYTES, 1));
  } catch (err) {
    await rm(path, { force: true });
    throw err;
  }
}

/** Gives back what was set aside; false when there was nothing. */
export async function releaseReserve(files: SpoolFiles): Promise<boolean> {
  const path = join(files.dir, RESERVE_FILE);
  if (!(await stat(path).catch(() => null))) return false;
  await rm(path);
  return true;
}

/** Takes a segment's file out of the spool: into the ring with `keep`, else away. Repeating it is harmless. */
export async function leaveSpool(files: SpoolFiles, segment: SpoolSegment, keep: boolean): Promise<void> {
  if (!keep) return rm(segment.path, { force: true });
  const path = join(files.dir, RING_FOLDER, `${segment.id}.shipped`);
  if (segment.path === path) return;
  await rename(segment.path, path);
  segment.path = path;
}

/** Replaces a small file whole and durably; nobody else may read it. */
export async function replaceFile(files: SpoolFiles, name: string, text: string): Promise<void> {
  const path = join(files.dir, name);
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
  await syncFolder(files);
}

/** The text of a small file, or null when it is absent. */
export async function readIfPresent(files: SpoolFiles, name: string): Promise<string | null> {
  try {
    return await readFile(join(files.dir, name), 'utf8');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw err;
  }
}

async function syncFolder(files: SpoolFiles): Promise<void> {
  const handle = await open(files.dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function readExactly(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(buffer, got, length - got, offset + got);
    if (bytesRead === 0) throw new Error(`the file ends before ${offset + length}`);
    got += bytesRead;
  }
  return buffer;
}
