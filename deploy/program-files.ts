// What of ours is in the images: the bundles of the programs, the native modules where Node finds them from there, and the
// built dashboard.

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DASHBOARD_FOLDER, PROGRAM_FOLDER, PROGRAMS } from '@echoplane/resources';
import { dashboardDir } from '../packages/cli/src/dashboard.ts';
import { type BundleName, bundle } from './bundle.ts';
import type { Entry } from './layer.ts';
import { type Architecture, libraries, type RootSource } from './root-files.ts';

/** The modules of `NATIVE` with their binaries. */
const MODULES: Record<Architecture, string[]> = {
  amd64: ['koffi', '@koromix/koffi-linux-x64', '@node-rs/argon2', '@node-rs/argon2-linux-x64-gnu'],
  arm64: ['koffi', '@koromix/koffi-linux-arm64', '@node-rs/argon2', '@node-rs/argon2-linux-arm64-gnu'],
};
/** Sources, documents and binaries for another libc stay out. */
const RUN_TIME = /^(?!vendor|musl_|cnoke\.cjs|browser\.js).*\.(c?js|json|node)$|^LICENSE/;

/** Bundles of all programs of the image, native modules with what they are linked to, and the dashboard. */
export async function productFiles(source: RootSource, modules: string): Promise<Entry[]> {
  const native: Entry[] = [];
  for (const name of MODULES[source.architecture])
    native.push(
      ...(await readFolder(join(modules, name), `${PROGRAM_FOLDER}/node_modules/${name}`, RUN_TIME)),
    );
  const binaries = native.filter(({ path }) => path.endsWith('.node'));
  if (binaries.length < 2)
    throw new Error(
      `${modules} lacks the binaries of ${MODULES[source.architecture].join(', ')}; install them there.`,
    );
  const linked = await libraries(
    source,
    binaries.map(({ content }) => content as Buffer),
    [],
  );
  const dashboard = await readFolder(await dashboardDir(process.env), DASHBOARD_FOLDER);
  return [...linked, ...native, ...dashboard, ...(await bundles(PROGRAMS))];
}

/** Bundles of the demo's programs. */
export function demoFiles(): Promise<Entry[]> {
  return bundles(['demo']);
}

/** Bundled into a folder of their own: what is being built is not what somebody else is running. */
async function bundles(names: readonly BundleName[]): Promise<Entry[]> {
  const dist = await mkdtemp(join(tmpdir(), 'echoplane-image-'));
  try {
    for (const name of names) await bundle(name, dist);
    return await readFolder(dist, PROGRAM_FOLDER);
  } finally {
    await rm(dist, { recursive: true, force: true });
  }
}

/** The files below `folder`, as entries below `target`. */
async function readFolder(folder: string, target: string, only = /^/): Promise<Entry[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => [] as string[]);
  const entries: Entry[] = [];
  for (const name of names.sort()) {
    const file = join(folder, name);
    const info = await stat(file);
    if (!info.isFile() || !only.test(name)) continue;
    const mode = (info.mode & 0o100) === 0 ? 0o644 : 0o755;
    entries.push({ path: `${target}/${name}`, content: await readFile(file), mode });
  }
  return entries;
}
