// The place where a node lives: a folder, network, mount, pid and uts namespaces, a link to the machine, and cgroups. All
// of it goes when its first process does, which ends with the test run; what then remains (network namespace, cgroups,
// folder) is removed by `leave`, or by the next start when the run was killed. It knows no Kubernetes.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type NodeAddresses, nodeAddresses, SLOTS } from './node-addresses.ts';
import { type CommandOptions, run, type Server, startServer, untilReady } from './processes.ts';

const CGROUPS = '/sys/fs/cgroup';
const INIT_DEADLINE_MS = 120_000;
const REMOVAL_DEADLINE_MS = 120_000;
/** A folder without an owner is one whose maker has not come to name itself, for this long. */
const NAMELESS_MS = 10_000;

export interface NodePlace {
  addresses: NodeAddresses;
  folder: string;
  /** The cgroup under which pods are, from the root of each hierarchy. */
  cgroup: string;
  /** Starts a server inside; its log is NAME.log in the folder. */
  start(name: string, command: string[]): Server;
  /** Runs a command inside and gives its standard output. */
  exec(command: string[], options?: CommandOptions): Promise<string>;
  /** Ends everything inside and removes what it was in. */
  leave(): Promise<void>;
}

/** Takes a free slot; `makePause` puts the static program into its folder that is the first process there. */
export async function enterNode(makePause: (folder: string) => Promise<string>): Promise<NodePlace> {
  const addresses = await takeSlot();
  const folder = folderOf(addresses);
  try {
    await makeNetwork(addresses);
    await makeCgroups(addresses.namespace);
    const { init, pid } = await startInit(addresses, folder, await makePause(folder));
    const inside = ['nsenter', '-t', String(pid), '-m', '-u', '-n', '-p', '--'];
    return {
      ...{ addresses, folder, cgroup: `/${addresses.namespace}` },
      start: (name, command) => startServer(name, [...inside, ...command], join(folder, `${name}.log`)),
      exec: (command, options) => run(inside[0]!, [...inside.slice(1), ...command], options),
      leave: async () => {
        await init.kill();
        await clean(addresses);
      },
    };
  } catch (err) {
    await clean(addresses);
    throw err;
  }
}

const folderOf = ({ namespace }: NodeAddresses) => join(tmpdir(), namespace);

/** The first slot that nobody alive has; its folder is made, which is what takes it. */
async function takeSlot(): Promise<NodeAddresses> {
  for (let slot = 0; slot < SLOTS; slot++) {
    const addresses = nodeAddresses(slot);
    const folder = folderOf(addresses);
    if (existsSync(folder) && !(await hasLivingOwner(folder))) await clean(addresses);
    try {
      await mkdir(folder);
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw err;
    }
    await writeFile(join(folder, 'owner'), `${process.pid} ${await startOf(process.pid)}`);
    return addresses;
  }
  throw new Error(`There are ${SLOTS} nodes on this machine already: end a test run, or wait for it.`);
}

async function hasLivingOwner(folder: string): Promise<boolean> {
  const owner = await readFile(join(folder, 'owner'), 'utf8').catch(() => '');
  const [pid, start] = owner.split(' ');
  if (pid && start) return (await startOf(Number(pid))) === start;
  const info = await stat(folder).catch(() => null);
  return info !== null && Date.now() - info.mtimeMs < NAMELESS_MS;
}

/** When a process was started, in clock ticks; it tells two processes of one number apart. */
async function startOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

async function makeNetwork(addresses: NodeAddresses): Promise<void> {
  const { namespace, machineInterface, nodeInterface } = addresses;
  const script = [
    `netns add ${namespace}`,
    `link add ${machineInterface} type veth peer name ${nodeInterface} netns ${namespace}`,
    `addr add ${addresses.machine}/24 dev ${machineInterface}`,
    `link set ${machineInterface} up`,
  ];
  const inside = [
    'link set lo up',
    // Stands in for the node's network card; its default route leads nowhere, but servers want one.
    'link add nodebr type bridge',
    `addr add ${addresses.node}/24 dev nodebr`,
    'link set nodebr up',
    `addr add ${addresses.nodeOnLink}/24 dev ${nodeInterface}`,
    `link set ${nodeInterface} up`,
    'route add default dev nodebr',
  ];
  const routes = [addresses.nodeRange, addresses.services, addresses.pods].map(
    (range) => `route add ${range} via ${addresses.nodeOnLink} dev ${machineInterface}`,
  );
  await run('ip', ['-batch', '-'], { input: `${script.join('\n')}\n` });
  await run('ip', ['-n', namespace, '-batch', '-'], { input: `${inside.join('\n')}\n` });
  await run('ip', ['-batch', '-'], { input: `${routes.join('\n')}\n` });
}

/** The folder of pods in each hierarchy; a cpuset is of no use until it has processors. */
async function makeCgroups(name: string): Promise<void> {
  for (const hierarchy of await cgroupHierarchies()) {
    // Version 2 stands beside the others without their controllers.
    if (hierarchy === 'unified') continue;
    const folder = join(CGROUPS, hierarchy, name);
    await mkdir(folder, { recursive: true });
    if (hierarchy !== 'cpuset') continue;
    for (const setting of ['cpuset.cpus', 'cpuset.mems'])
      await writeFile(join(folder, setting), await readFile(join(CGROUPS, hierarchy, setting)));
  }
}

/** Of version 1 one folder each; version 2 is one for all. */
async function cgroupHierarchies(): Promise<string[]> {
  if (existsSync(join(CGROUPS, 'cgroup.controllers'))) return ['.'];
  return (await readdir(CGROUPS, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** `--kill-child` and the death signal of `startServer` make one chain: test run, unshare, the node's first process. */
async function startInit(
  addresses: NodeAddresses,
  folder: string,
  pause: string,
): Promise<{ init: Server; pid: number }> {
  const script = join(import.meta.dirname, 'node-init.sh');
  const init = startServer(
    'node-init',
    [
      // Not `ip netns exec`, which mounts another /sys and so hides the cgroups.
      ...['nsenter', `--net=/run/netns/${addresses.namespace}`],
      ...['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['--propagation', 'private', '/bin/sh', script, folder, pause, addresses.nodeName, addresses.node],
    ],
    join(folder, 'node-init.log'),
  );
  await untilReady(init, async () => existsSync(join(folder, 'initialized')), INIT_DEADLINE_MS);
  const children = await readFile(`/proc/${init.pid}/task/${init.pid}/children`, 'utf8');
  return { init, pid: Number(children.trim()) };
}

/** Removes what a node leaves behind that has ended. */
async function clean(addresses: NodeAddresses): Promise<void> {
  const { namespace, machineInterface } = addresses;
  await run('ip', ['link', 'del', machineInterface]).catch(() => '');
  await run('ip', ['netns', 'del', namespace]).catch(() => '');
  for (const hierarchy of await cgroupHierarchies()) await removeCgroup(join(CGROUPS, hierarchy, namespace));
  await rm(folderOf(addresses), { recursive: true, force: true, maxRetries: 30, retryDelay: 100 });
}

/** A cgroup can be removed when its last process has gone, which takes a moment after its end. */
async function removeCgroup(folder: string): Promise<void> {
  const deadline = performance.now() + REMOVAL_DEADLINE_MS;
  while (existsSync(folder)) {
    await run('find', [folder, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']).catch((err) => {
      if (performance.now() > deadline) throw err;
      return delay(50);
    });
  }
}
