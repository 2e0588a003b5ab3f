// The dashboard's build: made when it is missing or older than its sources, so that a clean clone needs no extra command.
import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { OperatingError } from '@echoplane/runtime';
import type { Environment } from './supervisor.ts';

const run = promisify(execFile);
const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));
const ROOT = join(PACKAGES, 'dashboard');
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
  const dist = join(ROOT, 'dist');
  const built = await stat(join(dist, 'index.html')).catch(() => null);
  if (built && built.mtimeMs >= (await newestSource())) return dist;
  // Vite would leave its compile cache in the temporary folder.
  const env = { ...environment, NODE_DISABLE_COMPILE_CACHE: '1' };
  // Vite is the dashboard's own dependency; its command is found from there.
  const vite = join(
    dirname(createRequire(join(ROOT, 'package.json')).resolve('vite/package.json')),
    'bin',
    'vite.js',
  );
  const command = [vite, 'build', '--logLevel', 'error'];
  await run(process.execPath, command, { cwd: ROOT, env }).catch(
    (cause: { stderr?: string; message: string }) => {
      const words = (cause.stderr || cause.message).trim();
      throw new OperatingError('dashboard_build_failed', `The dashboard cannot be built: ${words}`, {
        cause,
      });
    },
  );
  return dist;
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
