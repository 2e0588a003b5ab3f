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
const ROOT = fileURLToPath(new URL('../../dashboard/', import.meta.url));

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
  await run(process.execPath, [vite, 'build', '--logLevel', 'error'], { cwd: ROOT, env }).catch(
    (cause: { stderr?: string; message: string }) => {
      throw new OperatingError(
        'dashboard_build_failed',
        `The dashboard cannot be built: ${(cause.stderr || cause.message).trim()}`,
        { cause },
      );
    },
  );
  return dist;
}

async function newestSource(): Promise<number> {
  const entries = await readdir(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const times = await Promise.all(
    [...files, join(ROOT, 'index.html')].map(async (file) => (await stat(file)).mtimeMs),
  );
  return Math.max(...times);
}
