// Makes the images without a container tool: the OCI tar of `echoplane` (every program) or `echoplane-demo`, for this
// machine's architecture or another's. `npm run image [-- --demo --arch arm64 --root FOLDER --modules FOLDER --name NAME
// --out FILE]`. The Dockerfile takes its files from here too (`--folder`). Two builds of the same sources are the same bytes.
import { chmod, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commandOf, NODE_PATH, PROGRAM_FOLDER, SIDECAR_UID } from '@echoplane/resources';
import manifest from '../package.json' with { type: 'json' };
import { type Entry, makeLayer } from './layer.ts';
import { fullName, ociImage } from './oci-image.ts';
import { demoFiles, productFiles } from './program-files.ts';
import { type Architecture, nftFiles, nodeFiles } from './root-files.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const OWN: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

export interface BuildOptions {
  /** The demo's image instead of the product's. */
  demo?: boolean;
  architecture?: Architecture;
  /** Debian 12 file system of another architecture, with nftables and Node at /usr/local/bin/node; the machine's own if not said. */
  root?: string;
  /** node_modules for that architecture (`npm ci --os linux --cpu arm64`); the repository's own if not said. */
  modules?: string;
  name?: string;
  /** File to write. */
  out?: string;
}

/** Builds an image and gives the path of its tar. */
export async function buildImage(options: BuildOptions = {}): Promise<string> {
  const name = fullName(options.name ?? `${defaultName(options.demo)}:${manifest.version}`);
  const out = resolve(options.out ?? join(REPOSITORY, 'dist', `${defaultName(options.demo)}.tar`));
  const { base, programs } = await imageFiles(options);
  const { archive } = ociImage({
    name,
    architecture: options.architecture ?? OWN,
    user: `${SIDECAR_UID}:${SIDECAR_UID}`,
    entrypoint: options.demo ? [NODE_PATH] : commandOf('cli'),
    command: options.demo ? [`${PROGRAM_FOLDER}/demo-shop/main.js`] : [],
    labels: {
      'org.opencontainers.image.title': defaultName(options.demo),
      'org.opencontainers.image.version': manifest.version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
    // Node and libraries hardly change: the layer is not taken in again.
    layers: [makeLayer(base), makeLayer(programs)],
  });
  await mkdir(dirname(out), { recursive: true });
  // Whole or not at all: somebody may be reading the one before.
  const unfinished = `${out}.${process.pid}`;
  await writeFile(unfinished, archive);
  await rename(unfinished, out);
  return out;
}

/** What is in the image: Node and its libraries, and our programs. */
export async function imageFiles(options: BuildOptions): Promise<{ base: Entry[]; programs: Entry[] }> {
  const architecture = options.architecture ?? OWN;
  if (architecture !== OWN && !(options.root && options.modules))
    throw new Error(
      `This machine is ${OWN}: for ${architecture} say --root (a Debian 12 of that architecture with nftables and usr/local/bin/node, such as an unpacked node:24-bookworm-slim) and --modules (its node_modules).`,
    );
  const root = options.root ?? '/';
  const node = options.root ? join(root, NODE_PATH) : join(REPOSITORY, 'node_modules', 'node', 'bin', 'node');
  const source = { architecture, root, node };
  const base = await nodeFiles(source);
  if (options.demo) return { base, programs: await demoFiles() };
  const programs = await productFiles(source, options.modules ?? join(REPOSITORY, 'node_modules'));
  return { base: [...base, ...(await nftFiles(source))], programs };
}

/** Writes files of an image below a folder: what the Dockerfile copies into an empty image. */
export async function writeImageFiles(entries: readonly Entry[], folder: string): Promise<void> {
  for (const entry of entries) {
    const path = join(folder, entry.path);
    await mkdir(dirname(path), { recursive: true });
    if (entry.link !== undefined) await symlink(entry.link, path);
    else if (entry.content === undefined) await mkdir(path, { recursive: true });
    else await writeFile(path, entry.content);
    if (entry.mode !== undefined) await chmod(path, entry.mode);
  }
}

function defaultName(isDemo: boolean | undefined): string {
  return isDemo ? 'echoplane-demo' : 'echoplane';
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: {
      ...{ demo: { type: 'boolean' }, arch: text, root: text, modules: text },
      ...{ name: text, out: text, folder: text },
    },
  });
  const { arch, folder, ...rest } = values;
  if (arch !== undefined && arch !== 'amd64' && arch !== 'arm64')
    throw new Error(`There is no image for ${arch}; there is amd64 and arm64.`);
  const options: BuildOptions = { ...rest, ...(arch && { architecture: arch }) };
  if (folder) {
    const { base, programs } = await imageFiles(options);
    await writeImageFiles([...base, ...programs], resolve(folder));
  } else console.log(await buildImage(options));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((err: Error) => {
    process.stderr.write(`${err.message}\n`);
    process.exit(1);
  });
}
