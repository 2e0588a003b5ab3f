// Bundles a program and everything it imports into one ESM file, dist/NAME/main.js: what an image holds and what the
// benchmarks measure; it can be run as it is. Native modules stay outside. `npm run bundle [-- NAME …]`; nothing is minified, so that profiles
// and stack traces can be read.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const PROGRAMS = ['sidecar'];
/**
 * How the bundle is run, and what its first line says. Young objects in 4 MiB halves the memory of a sidecar under load
 * (206 MiB to 106 at 7,000 new connections a second) and costs nothing that could be measured.
 */
export const NODE_FLAGS = ['--max-semi-space-size=4'];
/** Loaded at run time from node_modules: they come with a binary. */
const NATIVE = ['koffi'];
/** Bundled CommonJS calls `require` for what Node has built in. */
const BANNER =
  `#!/usr/bin/env -S node ${NODE_FLAGS.join(' ')}\n` +
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Bundles packages/`name` and gives the path of the file. */
export async function bundle(name: string): Promise<string> {
  const folder = join(ROOT, 'dist', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, 'main.js');
  await build({
    entryPoints: [join(ROOT, 'packages', name, 'src', 'main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: NATIVE,
    banner: { js: BANNER },
    logLevel: 'warning',
  });
  await chmod(outfile, 0o755);
  return outfile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : PROGRAMS;
  const unknown = names.filter((name) => !PROGRAMS.includes(name));
  if (unknown.length > 0) {
    process.stderr.write(`There is no bundle of ${unknown.join(', ')}; there is ${PROGRAMS.join(', ')}.\n`);
    process.exit(64);
  }
  for (const name of names) console.log(await bundle(name));
}
