// A pod in a network namespace of its own with a real sidecar in transparent mode (root needed): rules by `sidecar init`,
// the sidecar as uid and gid 4140, a forwarder beside it; and, over a cable, an outside with servers and clients. All of it
// goes with `closeAll`.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { atEnd, type Finished, run, until } from './sidecar.fixture.ts';

export const POD = { 4: '10.78.0.2', 6: 'fd78::2' } as const;
export const OUTSIDE = { 4: '10.78.0.1', 6: 'fd78::1' } as const;

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const FIXTURE = new URL('./sidecar.fixture.ts', import.meta.url).href;
const APP = 1000;
const SIDECAR = 4140;

/** What a test asks of a captured pair. */
export interface SeenPair {
  direction: 'IN' | 'OUT';
  protocol: string;
  scheme: string;
  client: string;
  server: { ip: string; port: number; host: string };
  sni: string | null;
  gapReason: string;
  requestLine: string;
}

export interface TransparentPod {
  /** Runs a command as the app (uid and gid 1000). */
  app(command: string, args: readonly string[]): Promise<Finished>;
  /** Runs a command outside. */
  outside(command: string, args: readonly string[]): Promise<Finished>;
  /** Starts a module's text, which says `ready`: in the pod as the app, or outside. */
  serve(where: 'pod' | 'outside', module: string): Promise<void>;
  /** What `GET path` of the admin listener says. */
  admin(path: string): Promise<string>;
  pairs: SeenPair[];
  captured(count: number): Promise<SeenPair[]>;
}

// Speaks the receiver's part of the capture stream and prints every pair it gets.
const RECEIVER = `
import { startReceiver, headOf } from ${JSON.stringify(FIXTURE)};
const { port, pairs } = await startReceiver();
console.log(JSON.stringify({ port }));
const push = pairs.push.bind(pairs);
pairs.push = (...more) => {
  for (const { direction, protocol, scheme, client, server, tls, gapReason, request } of more) {
    const requestLine = headOf(request).split('\\r\\n')[0];
    console.log(JSON.stringify({ direction, protocol, scheme, client: client.ip, server, sni: tls && tls.sni, gapReason, requestLine }));
  }
  return push(...more);
};`;

/** A fresh pod; `env` of the sidecar and its init step, without its prefix; `families`: 4 for one without IPv6. */
export async function startTransparentPod(
  env: Record<string, string> = {},
  families: 4 | 'both' = 'both',
): Promise<TransparentPod> {
  const id = randomBytes(4).toString('hex');
  const [pod, outside] = [`ep-${id}-pod`, `ep-${id}-out`];
  await startNetwork(pod, outside);
  if (families === 4)
    await must(run('nsenter', inside(pod, 0, 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1')));
  const pairs: SeenPair[] = [];
  const forwarderPort = await startReceiving(pod, pairs);
  const settings = prefixed({
    MODE: 'transparent',
    WORKLOAD: 'shop',
    HOST: '0.0.0.0',
    FORWARDER_PORT: forwarderPort,
    ...env,
  });
  await must(run('nsenter', inside(pod, 0, process.execPath, MAIN, 'init'), settings));
  const sidecar = start(inside(pod, SIDECAR, process.execPath, MAIN), settings);
  await until(() => sidecar.output().includes('"event":"ready"'), 'the sidecar of the pod');
  return {
    app: (command, args) => run('nsenter', inside(pod, APP, command, ...args)),
    outside: (command, args) => run('nsenter', inside(outside, 0, command, ...args)),
    async serve(where, module) {
      const [name, user] = where === 'pod' ? [pod, APP] : [outside, 0];
      const server = start(inside(name, user, process.execPath, '--input-type=module', '-e', module));
      await until(() => server.output().includes('ready'), 'a server');
    },
    async admin(path) {
      const url = `http://127.0.0.1:4145${path}`;
      return (await must(run('nsenter', inside(pod, SIDECAR, 'curl', '-sS', url)))).stdout;
    },
    pairs,
    async captured(count) {
      await until(() => pairs.length >= count, `${count} pairs (there are ${JSON.stringify(pairs)})`);
      return pairs;
    },
  };
}

async function startNetwork(pod: string, outside: string): Promise<void> {
  for (const name of [pod, outside]) {
    await must(run('ip', ['netns', 'add', name]));
    atEnd(async () => void (await run('ip', ['netns', 'del', name])));
  }
  const cable = `link add eth0 netns ${pod} type veth peer name eth0 netns ${outside}`;
  await must(run('ip', cable.split(' ')));
  // The outside first: a neighbour that is not there yet when it is first asked for is asked again a second later.
  for (const [name, addresses] of [
    [outside, OUTSIDE],
    [pod, POD],
  ] as const) {
    const commands = [
      'link set lo up',
      `addr add ${addresses[4]}/24 dev eth0`,
      `addr add ${addresses[6]}/64 dev eth0 nodad`,
      'link set eth0 up',
    ];
    const script = commands.map((command) => `ip ${command}`).join('\n');
    await must(run('nsenter', inside(name, 0, 'sh', '-ec', script)));
  }
}

async function startReceiving(pod: string, pairs: SeenPair[]): Promise<string> {
  const receiver = start(inside(pod, APP, process.execPath, '--input-type=module', '-e', RECEIVER));
  await until(() => receiver.output().includes('\n'), 'the receiver of the pod');
  let read = receiver.output().indexOf('\n') + 1;
  receiver.child.stdout!.on('data', () => {
    const end = receiver.output().lastIndexOf('\n') + 1;
    for (const line of receiver.output().slice(read, end).split('\n')) if (line) pairs.push(JSON.parse(line));
    read = Math.max(read, end);
  });
  return String(JSON.parse(receiver.output().split('\n')[0]!).port);
}

function start(
  args: readonly string[],
  env: Record<string, string> = {},
): { child: ChildProcess; output(): string } {
  const path = { PATH: process.env.PATH ?? '' };
  const child = spawn('nsenter', args, { env: { ...path, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  atEnd(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return { child, output: () => output };
}

/** The arguments with which `nsenter` runs a command in a namespace, as a user. */
function inside(name: string, user: number, ...command: string[]): string[] {
  const ids = ['setpriv', '--reuid', String(user), '--regid', String(user), '--clear-groups'];
  return [`--net=/run/netns/${name}`, ...ids, ...command];
}

function prefixed(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [`ECHOPLANE_${name}`, value]));
}

async function must(finished: Promise<Finished>): Promise<Finished> {
  const result = await finished;
  if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stderr}${result.stdout}`);
  return result;
}
