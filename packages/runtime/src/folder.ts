// Making a folder with its parents. Node's own recursive mkdir spins for ever below a file system that answers "no such
// entry" for every new name, as /proc does (seen with Node 24), so the parents are walked here.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes `path` and what is missing above it; one that exists is left. Throws the error of the first that cannot be made. */
export async function ensureFolder(path: string): Promise<void> {
  if ((await tryMake(path)) !== 'no parent') return;
  await ensureFolder(dirname(path));
  await mkdir(path).catch(unlessExists);
}

async function tryMake(path: string): Promise<'made' | 'no parent'> {
  try {
    await mkdir(path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT' && dirname(path) !== path) return 'no parent';
    unlessExists(err as NodeJS.ErrnoException);
  }
  return 'made';
}

function unlessExists(err: NodeJS.ErrnoException): void {
  if (err.code !== 'EEXIST') throw err;
}
