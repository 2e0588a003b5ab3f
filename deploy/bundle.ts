// Bundles a program and everything it imports into one ESM file, dist/NAME/main.js: what an image holds and what the
// benchmarks measure. Native modules stay outside. `npm run bundle [-- NAME …]`; nothing is minified, so that profiles
// and stack traces can be read.
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
const PROGRAMS = ['sidecar'];
/** Loaded at run time from node_modules: they come with a binary. */
const NATIVE = ['koffi'];
/** Bundled CommonJS calls `require` for what Node has built in. */
const BANNER =
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
