// A real cluster of one node: containerd, etcd, the control plane, kubelet, kube-proxy and DNS of Kubernetes' own code, in
// namespaces that end with the test run. Tests reach its API server, Services and pods from where they run, and its pods
// reach them at `machineAddress`. Nothing is pulled and nothing leaves the machine.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accessOf, type Cluster, namespacesThere } from './api-server.ts';
import { createCredentials } from './credentials.ts';
import { compilePause, pauseImage } from './images.ts';
import { enterNode, type NodePlace } from './node-namespaces.ts';
import { nodeObjects, volumeFolders } from './node-objects.ts';
import { API_PORT, startApi, startContainerd, startNodeServers } from './node-servers.ts';
import type { CommandOptions } from './processes.ts';

const READY_DEADLINE = '240s';
/** Not the test run's own, which may name folders of a package's programs first. */
const COMMAND_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };

export interface ClusterNode extends Cluster {
  nodeName: string;
  /** What the node and its pods call the machine that the test runs on. */
  machineAddress: string;
  /** The Service ranges and pods are reachable from the test; this is the node's own address. */
  nodeAddress: string;
  /** The folder with every server's log, NAME.log. */
  folder: string;
  /** Puts an image (a tar of an OCI layout) into the node; pods name it by the full name in the tar. */
  importImage(tarball: string): Promise<void>;
  /** Runs a command in the node's namespaces and gives its standard output. */
  nodeExec(command: string[], options?: CommandOptions): Promise<string>;
  /** Makes the cluster's DNS answer `name` with `address`, within a second; it knows no names outside the cluster. */
  addHost(name: string, address: string): Promise<void>;
}

export async function startNode(): Promise<ClusterNode> {
  const started = performance.now();
  const place = await enterNode(compilePause);
  try {
    const node = await assemble(place);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${place.addresses.namespace} ready after ${seconds} s`);
    return node;
  } catch (err) {
    await place.leave();
    throw err;
  }
}

async function assemble(place: NodePlace): Promise<ClusterNode> {
  const { addresses, folder } = place;
  const credentials = await createCredentials(join(folder, 'keys'));
  const url = `https://${addresses.nodeOnLink}:${API_PORT}`;
  const importImage = async (tarball: string) => {
    await place.exec(['ctr', '-n', 'k8s.io', 'images', 'import', tarball]);
  };
  const containers = startContainerd(place).then(async () => importImage(await pauseImage(folder)));
  await Promise.all([containers, startApi(place, credentials, url)]);
  const access = await accessOf(credentials, url);
  await namespacesThere(access);
  await makeObjects(place, access);
  await startNodeServers(place, credentials);
  await untilUsable(addresses.nodeName, access);
  const hosts: string[] = [];
  return {
    ...access,
    ...{ folder, importImage, nodeName: addresses.nodeName, stop: place.leave },
    ...{ machineAddress: addresses.machine, nodeAddress: addresses.node },
    nodeExec: (command, options) => place.exec(command, { env: COMMAND_ENV, ...options }),
    addHost: async (name, address) => {
      hosts.push(`${address} ${name}\n`);
      await writeFile(join(folder, 'dns-hosts'), hosts.join(''));
    },
  };
}

async function makeObjects(place: NodePlace, { kubectl }: Pick<Cluster, 'kubectl'>): Promise<void> {
  const folders = volumeFolders(place.folder);
  for (const path of folders) await mkdir(path, { recursive: true });
  const input = JSON.stringify(nodeObjects(place.addresses, folders));
  await kubectl(['create', '--validate=false', '-f', '-'], { input });
}

async function untilUsable(nodeName: string, { kubectl }: Pick<Cluster, 'kubectl'>): Promise<void> {
  const wait = (...args: string[]) => kubectl(['wait', `--timeout=${READY_DEADLINE}`, ...args]);
  await Promise.all([
    wait('--for=create', `node/${nodeName}`).then(() => wait('--for=condition=Ready', `node/${nodeName}`)),
    wait('--for=create', 'serviceaccount/default'),
  ]);
}
