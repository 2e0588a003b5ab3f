// The folder in which everything of one installation lives (`./.echoplane` by default): database, spool, store, logs,
// credentials, certificates. One `echoplane` uses it at a time.
import { mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureFolder, OperatingError } from '@echoplane/runtime';

export interface Home {
  dir: string;
  path(...parts: string[]): string;
  /** Reads a small JSON file of the home; undefined when it is not there. */
  read<T>(name: string): Promise<T | undefined>;
  /** Writes a small JSON file, readable by this user only. */
  write(name: string, value: unknown): Promise<void>;
  /** Gives the home up; a temporary one is removed. */
  release(): Promise<void>;
}

/** Opens the home at `dir`, or a temporary one. Throws OperatingError when it cannot be written or is in use. */
export async function openHome(dir: string | null): Promise<Home> {
  const root = dir === null ? await mkdtemp(join(tmpdir(), 'echoplane-')) : resolve(dir);
  try {
    await ensureFolder(root);
    await lock(root);
  } catch (cause) {
    if (cause instanceof OperatingError) throw cause;
    throw new OperatingError(
      'home_not_writable',
      `The folder ${root} cannot be written (${(cause as NodeJS.ErrnoException).code}); choose another one with --home or change its owner.`,
      { cause },
    );
  }
  const path = (...parts: string[]) => join(root, ...parts);
  return {
    dir: root,
    path,
    async read<T>(name: string) {
      const text = await readFile(path(name), 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as T;
      } catch (cause) {
        throw new OperatingError('home_damaged', `${path(name)} is not JSON; repair or remove it.`, {
          cause,
        });
      }
    },
    async write(name, value) {
      await writeFile(path(`${name}.part`), `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
      await rename(path(`${name}.part`), path(name));
    },
    async release() {
      await rm(dir === null ? root : path('lock'), { recursive: true, force: true });
    },
  };
}

/** A file with our pid, taken over when the process that wrote it is gone. */
async function lock(root: string): Promise<void> {
  const file = join(root, 'lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const handle = await open(file, 'wx', 0o600);
      await handle.writeFile(String(process.pid));
      return await handle.close();
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
      const holder = Number(await readFile(file, 'utf8').catch(() => ''));
      if (holder > 0 && isAlive(holder)) {
        throw new OperatingError(
          'home_in_use',
          `The folder ${root} is in use by process ${holder}; stop that one (or remove ${file} if it is no echoplane), or choose another folder with --home.`,
        );
      }
      await rm(file, { force: true });
    }
  }
  throw new OperatingError('home_in_use', `The folder ${root} is being taken by another process; try again.`);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM';
  }
}
