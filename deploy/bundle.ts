// Bundles a program and everything it imports into dist/NAME/main.js, with the scripts of its own processes and threads
// beside it: what an image holds and what the benchmarks measure; it can be run as it is. Native modules stay outside. `npm run bundle [-- NAME …]`; nothing is minified, so that profiles
// and stack traces can be read.
import { chmod, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');
/** Entry points below packages/NAME/src, the program itself first. */
const PROGRAMS: Record<string, string[]> = {
  sidecar: ['main.ts'],
  forwarder: ['main.ts', 'store-work/store-worker.ts', 'guard/guard-worker.ts'],
};
/**
 * How a bundle is run, and what its first line says. Young objects in 4 MiB halves the memory of a sidecar under load
 * (206 MiB to 106 at 7,000 new connections a second) and costs nothing that could be measured. The forwarder's old objects
 * in 512 MiB is a bound it does not come near; told of it, V8 collects earlier (350 MiB to 277 at 10,000 RRPairs a second).
 * Young ones in 8 MiB would make it 240, and a pair cost 95 us instead of 73.
 */
export const NODE_FLAGS: Record<string, string[]> = {
  sidecar: ['--max-semi-space-size=4'],
  forwarder: ['--max-semi-space-size=16', '--max-old-space-size=512'],
};
/** Loaded at run time from node_modules: they come with a binary. */
const NATIVE = ['koffi'];
/** Bundled CommonJS calls `require` for what Node has built in. */
const banner = (name: string) =>
  `#!/usr/bin/env -S node ${NODE_FLAGS[name]!.join(' ')}\n` +
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Bundles packages/`name` and gives the path of the file. */
export async function bundle(name: string): Promise<string> {
  const folder = join(ROOT, 'dist', name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const entries = PROGRAMS[name]!;
  await build({
    entryPoints: entries.map((entry) => ({
      in: join(ROOT, 'packages', name, 'src', entry),
      out: basename(entry, '.ts'),
    })),
    outdir: folder,
    bundle: true,
    // What is imported only when it is needed (S3, Firehose) stays apart, so that it costs nothing until then.
    splitting: entries.length > 1,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    external: NATIVE,
    banner: { js: banner(name) },
    logLevel: 'warning',
  });
  const main = join(folder, 'main.js');
  await chmod(main, 0o755);
  return main;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PROGRAMS);
  const unknown = names.filter((name) => !Object.hasOwn(PROGRAMS, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `There is no bundle of ${unknown.join(', ')}; there is ${Object.keys(PROGRAMS).join(', ')}.\n`,
    );
    process.exit(64);
  }
  for (const name of names) console.log(await bundle(name));
}
