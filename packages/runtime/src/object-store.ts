// The object store behind one interface, and a folder as one; a bucket is one in the package `archive`. Keys are `a/b/c`; a key never
// leaves the store's root. An object is whole or absent: writers go to a temporary name first.
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { ensureFolder } from './folder.ts';
import { OperatingError } from './lifecycle.ts';

export type ObjectData = Uint8Array | AsyncIterable<Uint8Array>;
export interface ListPage {
  after?: string;
  limit?: number;
}

export interface ObjectStore {
  /** Writes an object whole and durable; an existing one is replaced. Throws when `signal` aborts before it is there. */
  put(key: string, data: ObjectData, signal?: AbortSignal): Promise<{ sizeBytes: number }>;
  /** Bytes [offset, offset+length). Throws ObjectMissing; shorter at the end of the object. */
  read(key: string, offset: number, length: number): Promise<Buffer>;
  /** The whole object as a stream. Throws ObjectMissing. */
  stream(key: string): Promise<Readable>;
  size(key: string): Promise<number>;
  /** Keys under a prefix, sorted; of a page, at most `limit` keys that sort behind `after`. */
  list(prefix: string, page?: ListPage): Promise<string[]>;
  /** Removes an object, and what the store keeps of it as versions; an absent one is no error. */
  remove(key: string): Promise<void>;
}

export class ObjectMissing extends OperatingError {
  constructor(key: string, cause?: unknown) {
    super('object_missing', `The object ${key} is not in the store.`, { cause });
  }
}

const KEY = /^[A-Za-z0-9_.=-]+(\/[A-Za-z0-9_.=-]+)*$/;

/** Throws OperatingError for a key that no store takes. */
export function checkObjectKey(key: string): void {
  if (KEY.test(key) && !key.split('/').some((part) => part === '.' || part === '..')) return;
  throw new OperatingError('bad_object_key', `${JSON.stringify(key)} is not an object key.`);
}

/** A store in a folder, which is made when absent. Throws OperatingError when it cannot be written. */
export async function folderStore(root: string): Promise<ObjectStore> {
  try {
    await ensureFolder(root);
    const probe = join(root, `.probe-${process.pid}`);
    await (await open(probe, 'w')).close();
    await rm(probe);
  } catch (cause) {
    throw new OperatingError(
      'store_not_writable',
      `The folder ${root} cannot be written by this user; choose another one or change its owner.`,
      { cause },
    );
  }
  const pathOf = (key: string) => {
    checkObjectKey(key);
    return join(root, ...key.split('/'));
  };
  const size = async (key: string) => {
    const info = await stat(pathOf(key)).catch((cause) => {
      throw new ObjectMissing(key, cause);
    });
    return info.size;
  };
  return {
    put: (key, data, signal) => writeWhole(pathOf(key), data, signal),
    read: (key, offset, length) => readRange(pathOf(key), key, offset, length),
    async stream(key) {
      await size(key);
      return createReadStream(pathOf(key));
    },
    size,
    async list(prefix, { after = '', limit = Number.POSITIVE_INFINITY } = {}) {
      const entries = await readdir(root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(root.length + 1)
            .split(sep)
            .join('/'),
        )
        .filter((key) => key.startsWith(prefix) && key > after && !key.endsWith('.part'))
        .sort()
        .slice(0, limit);
    },
    remove: (key) => rm(pathOf(key), { force: true }),
  };
}

let parts = 0;

async function writeWhole(
  path: string,
  data: ObjectData,
  signal: AbortSignal | undefined,
): Promise<{ sizeBytes: number }> {
  await ensureFolder(dirname(path));
  const part = `${path}.${process.pid}-${parts++}.part`;
  const file = await open(part, 'w');
  let sizeBytes = 0;
  try {
    for await (const chunk of data instanceof Uint8Array ? [data] : data) {
      signal?.throwIfAborted();
      await file.writeFile(chunk);
      sizeBytes += chunk.length;
    }
    await file.datasync();
  } catch (err) {
    await file.close();
    await rm(part, { force: true });
    throw err;
  }
  await file.close();
  await rename(part, path);
  await syncFolder(dirname(path));
  return { sizeBytes };
}

/** Makes a rename in `folder` durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  await handle.sync();
  await handle.close();
}

async function readRange(path: string, key: string, offset: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause) => {
    throw new ObjectMissing(key, cause);
  });
  try {
    const buffer = Buffer.alloc(Math.min(length, Math.max(0, (await file.stat()).size - offset)));
    let got = 0;
    while (got < buffer.length) {
      const { bytesRead } = await file.read(buffer, got, buffer.length - got, offset + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return buffer.subarray(0, got);
  } finally {
    await file.close();
  }
}

/** A whole object, for the small ones. */
export async function readObject(store: ObjectStore, key: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await store.stream(key)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
