// The files of the spool folder: `<segment>.open` is written frame by frame, `<segment>.closed` is whole and waits to
// be shipped, `state.json` outlives both. Durable writes and reads only; it must not know streams or the network.
import { constants } from 'node:fs';
import { type FileHandle, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, OperatingError } from '@echoplane/runtime';
import { decodeManifest, encodeManifest, type FrameEntry, type SegmentManifest } from '@echoplane/traffic';

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
  /** Pairs whose frame the index took, and whose frame it refused. */
  delivered: number;
  refused: number;
}

export interface SpoolFiles {
  readonly dir: string;
  /** Whether writes wait for the disk. */
  readonly fsync: boolean;
}

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
  const names = (await readdir(files.dir))
    .filter((name) => /^[0-9a-f-]{36}\.(open|closed)$/.test(name))
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

/** The zstd frame at a position of a segment. */
export async function readFrameData(segment: SpoolSegment, frame: FrameEntry): Promise<Buffer> {
  const file = await open(segment.path, 'r');
  try {
    return await readExactly(file, frame.offset, frame.length);
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

/** Replaces a small file whole and durably. */
export async function replaceFile(files: SpoolFiles, name: string, text: string): Promise<void> {
  const path = join(files.dir, name);
  const file = await open(`${path}.part`, 'w');
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
