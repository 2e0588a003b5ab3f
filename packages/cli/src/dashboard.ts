// The dashboard's build: made when it is missing or older than its sources, so that a clean clone needs no extra command.
// It is built apart and put in place when it is whole: others may be building it, or reading the one before.
import { execFile } from 'node:child_process';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OperatingError } from '@echoplane/runtime';
import type { Environment } from './supervisor.ts';

const run = promisify(execFile);
const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = join(PACKAGES, 'dashboard');
const DIST = join(ROOT, 'dist');
/** What the build is made of. */
const SOURCES = [
  'dashboard/src',
  'dashboard/public',
  'dashboard/index.html',
  'dashboard/vite.config.ts',
  'api/src',
  'traffic/src',
];

/** The folder with the built dashboard. */
export async function dashboardDir(environment: Environment): Promise<string> {
  if (await isFresh()) return DIST;
  // Named as what is no part of the repository.
  const apart = join(ROOT, `.building-${process.pid}`);
  const whole = join(apart, 'dist');
  try {
    await build(whole, environment);
    // Of several that were built at the same time, the first stays.
    if (!(await isFresh())) await replace(whole, join(apart, 'before'));
  } finally {
    await rm(apart, { recursive: true, force: true });
  }
  return DIST;
}

/** Puts a build in place of the one before, which is kept at `before`. */
async function replace(whole: string, before: string): Promise<void> {
  const unless =
    (...codes: string[]) =>
    (err: NodeJS.ErrnoException) => {
      if (!codes.includes(err.code!)) throw err;
    };
  await rename(DIST, before).catch(unless('ENOENT'));
  // There again: somebody else was faster.
  await rename(whole, DIST).catch(unless('ENOTEMPTY', 'EEXIST'));
}

async function build(folder: string, environment: Environment): Promise<void> {
  // Vite would leave its compile cache in the temporary folder.
  const env = { ...environment, NODE_DISABLE_COMPILE_CACHE: '1' };
  // Vite is the dashboard's own dependency; its command is found from there.
  const vite = join(
    dirname(createRequire(join(ROOT, 'package.json')).resolve('vite/package.json')),
    'bin',
    'vite.js',
  );
  const command = [vite, 'build', '--logLevel', 'error', '--outDir', folder, '--emptyOutDir'];
  await run(process.execPath, command, { cwd: ROOT, env }).catch(
    (cause: { stderr?: string; message: string }) => {
      const words = (cause.stderr || cause.message).trim();
      throw new OperatingError('dashboard_build_failed', `The dashboard cannot be built: ${words}`, {
        cause,
      });
    },
  );
}

async function isFresh(): Promise<boolean> {
  const built = await stat(join(DIST, 'index.html')).catch(() => null);
  return built !== null && built.mtimeMs >= (await newestSource());
}

async function newestSource(): Promise<number> {
  const times = await Promise.all(SOURCES.map((source) => newest(join(PACKAGES, source))));
  return Math.max(...times);
}

/** When the file, or the youngest file under the folder, was last written; 0 when there is none. */
async function newest(path: string): Promise<number> {
  const info = await stat(path).catch(() => null);
  if (!info) return 0;
  if (info.isFile()) return info.mtimeMs;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Math.max(0, ...(await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs))));
}
