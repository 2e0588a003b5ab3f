// A pod in all but name: a network namespace that the CNI plugin has connected, and containers that containerd and runc run
// in it, without Kubernetes. For tests of what happens in a pod's network; the node that it is in needs no kubelet.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePlace } from './node-namespaces.ts';
import { CNI_PLUGINS, cniBridge } from './node-servers.ts';
import type { Server } from './processes.ts';

export interface ContainerOptions {
  image: string;
  command: string[];
  uid: number;
  env?: Record<string, string>;
  /** All it has; none if not said. */
  capabilities?: string[];
}

export interface PodByHand {
  address: string;
  /** Runs a container to its end and gives its standard output. */
  run(name: string, options: ContainerOptions): Promise<string>;
  /** Starts a container that stays; its log is NAME.log in the node's folder. */
  start(name: string, options: ContainerOptions): Promise<Server>;
  /** Runs one of the node's own commands in the pod's network. */
  inNetwork(command: string[]): Promise<string>;
}

export async function createPod(place: NodePlace, podName: string): Promise<PodByHand> {
  await place.exec(['ip', 'netns', 'add', podName]);
  await place.exec(['ip', '-n', podName, 'link', 'set', 'lo', 'up']);
  const address = await connect(place, podName);
  const prepare = async (name: string, options: ContainerOptions) => {
    const root = join(place.folder, 'roots', `${podName}-${name}`);
    await mkdir(root, { recursive: true });
    await place.exec(['ctr', '-n', 'k8s.io', 'images', 'mount', '--rw', options.image, root]);
    const spec = JSON.parse(await place.exec(['ctr', 'oci', 'spec']));
    const cgroup = `${place.cgroup}/${podName}-${name}`;
    const file = join(place.folder, `${podName}-${name}.json`);
    await writeFile(file, JSON.stringify(fill(spec, options, { podName, root, cgroup })));
    const flags = ['--rm', '--config', file];
    return ['ctr', '-n', 'k8s.io', 'run', ...flags, `${podName}-${name}`];
  };
  return {
    address,
    run: async (name, options) => place.exec(await prepare(name, options)),
    start: async (name, options) => place.start(`${podName}-${name}`, await prepare(name, options)),
    inNetwork: (command) => place.exec(['ip', 'netns', 'exec', podName, ...command]),
  };
}

/** Calls the plugin as a container runtime does; gives the address that the pod has got. */
async function connect(place: NodePlace, podName: string): Promise<string> {
  const bridge = cniBridge(join(place.folder, 'cni', 'ipam'), place.addresses.pods);
  const env = [
    ...['CNI_COMMAND=ADD', `CNI_CONTAINERID=${podName}`, `CNI_NETNS=/run/netns/${podName}`],
    ...['CNI_IFNAME=eth0', `CNI_PATH=${CNI_PLUGINS}`],
  ];
  const input = JSON.stringify({ cniVersion: '0.4.0', name: 'test', ...bridge });
  const result = JSON.parse(await place.exec(['env', ...env, join(CNI_PLUGINS, 'bridge')], { input }));
  return result.ips[0].address.split('/')[0];
}

interface Surroundings {
  podName: string;
  root: string;
  cgroup: string;
}

/** containerd's default specification with what this container is. */
// biome-ignore lint/suspicious/noExplicitAny: an OCI runtime specification as it was printed
function fill(spec: any, options: ContainerOptions, { podName, root, cgroup }: Surroundings): unknown {
  const { command, uid, env = {}, capabilities = [] } = options;
  // An executable file gives its capabilities to a user that is not root only through the inheritable ones.
  const sets = ['bounding', 'effective', 'permitted'].map((set) => [set, capabilities]);
  const namespaces = spec.linux.namespaces.filter(({ type }: { type: string }) => type !== 'network');
  return {
    ...spec,
    root: { path: root, readonly: false },
    process: {
      ...spec.process,
      ...{ terminal: false, args: command, user: { uid, gid: uid }, noNewPrivileges: true },
      env: [
        'PATH=/usr/local/bin:/usr/sbin:/bin',
        ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
      ],
      capabilities: Object.fromEntries(sets),
    },
    linux: {
      ...spec.linux,
      cgroupsPath: cgroup,
      namespaces: [...namespaces, { type: 'network', path: `/run/netns/${podName}` }],
    },
  };
}
