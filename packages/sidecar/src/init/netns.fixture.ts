// A pod of two network namespaces, for tests (root needed): `pod`, where the app and stand-ins for the sidecar's listeners
// answer with who they are, and `outside`, joined to it by a cable. Everything made here goes with `closeAll`.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { atEnd, type Finished, run, until } from '../sidecar.fixture.ts';

export const POD = { 4: '10.77.0.2', 6: 'fd77::2' } as const;
export const OUTSIDE = { 4: '10.77.0.1', 6: 'fd77::1' } as const;
/** Second addresses of the outside, for what is told apart by address. */
export const OTHER = { 4: '10.77.0.9', 6: 'fd77::9' } as const;

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SIDECAR_ID = 4140;
const ANY = ['0.0.0.0', '::'];
const LOOPBACK = ['127.0.0.1', '::1'];

/** One connection or datagram, of a user, from a namespace. */
export interface Question {
  to: string;
  port: number;
  from?: string;
  udp?: boolean;
}

export interface Pod {
  /** Runs a command in the pod's namespace. */
  run(command: string, args: readonly string[], env?: Record<string, string>): Promise<Finished>;
  /** Runs `sidecar init` or `sidecar cleanup` in it; `env` without its prefix. */
  sidecar(command: 'init' | 'cleanup', env?: Record<string, string>): Promise<Finished>;
  /** Who answers each question asked in the pod by an app (uid and gid 1000), or the error's code. */
  ask(questions: readonly Question[], user?: { uid?: number; gid?: number }): Promise<string[]>;
  askFromOutside(questions: readonly Question[]): Promise<string[]>;
  /** Lets the outside send packets for 127.0.0.1 to the pod, as a neighbour with an interest would. */
  routeLoopbackFromOutside(): Promise<void>;
  /** All rules of all kinds with their counters, once these stand still. */
  ruleset(): Promise<string>;
}

// Protocol, host, port and name of what answers. It takes its user itself: Node's own files may be root's only.
const ANSWER = `
const [user, listeners] = JSON.parse(process.argv[1]);
process.setgroups([]); process.setgid(user); process.setuid(user);
let open = listeners.length;
const ready = () => --open || console.log('ready');
for (const [protocol, host, port, name] of listeners) {
  if (protocol === 'udp') {
    const six = host.includes(':');
    const socket = require('node:dgram').createSocket({ type: six ? 'udp6' : 'udp4', ipv6Only: six });
    socket.on('message', (_, peer) => socket.send(name, peer.port, peer.address)).bind(port, host, ready);
  } else {
    require('node:net').createServer((socket) => socket.on('error', () => {}).end(name))
      .listen({ host, port, ipv6Only: true }, ready);
  }
}`;

const ASK = `
const [{ uid, gid }, questions] = JSON.parse(process.argv[1]);
process.setgroups([]); process.setgid(gid); process.setuid(uid);
const ask = ({ to, port, from, udp }) => new Promise((resolve) => {
  // Long enough for a SYN that was lost to be sent again twice on a machine that is busy.
  setTimeout(() => resolve('silence'), 8_000).unref();
  if (udp) {
    const socket = require('node:dgram').createSocket(to.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (answer) => { socket.close(); resolve(String(answer)); }).send('?', port, to);
  } else {
    let answer = '';
    require('node:net').connect({ host: to, port, localAddress: from })
      .on('data', (chunk) => { answer += chunk; })
      .on('error', (err) => resolve(err.code)).on('end', () => resolve(answer));
  }
});
Promise.all(questions.map(ask)).then((answers) => { console.log(JSON.stringify(answers)); process.exit(); });`;

/** A fresh pod, with its listeners. */
export async function startPod(): Promise<Pod> {
  const id = randomBytes(4).toString('hex');
  const [pod, outside] = [`ep-${id}-pod`, `ep-${id}-out`];
  for (const name of [pod, outside]) {
    await must(run('ip', ['netns', 'add', name]));
    atEnd(async () => void (await run('ip', ['netns', 'del', name])));
  }
  const cable = `link add eth0 netns ${pod} type veth peer name eth0 netns ${outside}`;
  await must(run('ip', cable.split(' ')));
  // The outside first: a neighbour that is not there yet when it is first asked for is asked again a second later.
  for (const [name, addresses, more] of [
    [outside, [OUTSIDE, OTHER], []],
    [pod, [POD], [`route add default via ${OUTSIDE[4]}`]],
  ] as const) {
    const commands = [
      'link set lo up',
      ...addresses.flatMap((address) => [
        `addr add ${address[4]}/24 dev eth0`,
        `addr add ${address[6]}/64 dev eth0 nodad`,
      ]),
      'link set eth0 up',
      ...more,
    ];
    await must(inside(name, 'sh', ['-ec', commands.map((command) => `ip ${command}`).join('\n')]));
  }
  await Promise.all([
    answer(pod, SIDECAR_ID, [
      ...LOOPBACK.flatMap((host) => [
        tcp(host, 4140, 'outbound'),
        tcp(host, 4153, 'relay'),
        udp(host, 4153, 'relay'),
      ]),
      ...ANY.flatMap((host) => [tcp(host, 4143, 'inbound'), tcp(host, 4145, 'admin')]),
    ]),
    answer(pod, 1000, [
      ...ANY.map((host) => tcp(host, 8080, 'app')),
      ...LOOPBACK.map((host) => tcp(host, 9090, 'private')),
    ]),
    answer(
      outside,
      0,
      ANY.flatMap((host) => [
        tcp(host, 80, 'outside'),
        tcp(host, 443, 'outside'),
        tcp(host, 53, 'dns'),
        udp(host, 53, 'dns'),
      ]),
    ),
  ]);
  return {
    run: (command, args, env) => inside(pod, command, args, env),
    sidecar: (command, env = {}) =>
      inside(
        pod,
        process.execPath,
        [MAIN, command],
        Object.fromEntries(
          Object.entries(env).map(([name, value]) => [name === 'PATH' ? name : `ECHOPLANE_${name}`, value]),
        ),
      ),
    ask: (questions, user) => ask(pod, { uid: 1000, gid: 1000, ...user }, questions),
    askFromOutside: (questions) => ask(outside, { uid: 0, gid: 0 }, questions),
    routeLoopbackFromOutside: async () => {
      await must(inside(outside, 'sysctl', ['-qw', 'net.ipv4.conf.all.route_localnet=1']));
      await must(inside(outside, 'ip', ['rule', 'add', 'pref', '0', 'to', '127.0.0.1', 'lookup', '99']));
      await must(inside(outside, 'ip', ['rule', 'add', 'pref', '1', 'lookup', 'local']));
      await must(inside(outside, 'ip', ['rule', 'del', 'pref', '0', 'lookup', 'local']));
      await must(
        inside(outside, 'ip', ['route', 'add', '127.0.0.1', 'via', POD[4], 'dev', 'eth0', 'table', '99']),
      );
    },
    ruleset: async () => {
      const seen = [await ruleset(pod), await ruleset(pod)];
      while (seen.at(-1) !== seen.at(-2) && seen.length < 50) seen.push(await ruleset(pod));
      return seen.at(-1)!;
    },
  };
}

async function ruleset(name: string): Promise<string> {
  let text = (await must(inside(name, 'nft', ['list', 'ruleset']))).stdout;
  for (const command of ['iptables-nft', 'ip6tables-nft', 'iptables-legacy', 'ip6tables-legacy']) {
    const { stdout } = await must(inside(name, `${command}-save`, ['-c']));
    // The comments hold the time of day; what passes all filters counts the kernel's own ICMPv6, which is never silent.
    text += stdout
      .replace(/^#.*\n/gm, '')
      .replace(/^\*filter\n(?::.*\n)+/gm, (policies) => policies.replace(/\[.*\]/g, ''));
  }
  return text;
}

type Listener = readonly [protocol: 'tcp' | 'udp', host: string, port: number, name: string];
const tcp = (host: string, port: number, name: string): Listener => ['tcp', host, port, name];
const udp = (host: string, port: number, name: string): Listener => ['udp', host, port, name];

async function answer(name: string, user: number, listeners: readonly Listener[]): Promise<void> {
  const script = ['-e', ANSWER, JSON.stringify([user, listeners])];
  const child = spawn('nsenter', [`--net=/run/netns/${name}`, process.execPath, ...script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  atEnd(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  await until(() => output.includes('ready'), 'the listeners of the namespace');
}

async function ask(
  name: string,
  user: { uid: number; gid: number },
  questions: readonly Question[],
): Promise<string[]> {
  const script = ['-e', ASK, JSON.stringify([user, questions])];
  return JSON.parse((await must(inside(name, process.execPath, script))).stdout);
}

function inside(
  name: string,
  command: string,
  args: readonly string[],
  env?: Record<string, string>,
): Promise<Finished> {
  return run('/usr/bin/nsenter', [`--net=/run/netns/${name}`, command, ...args], env);
}

async function must(finished: Promise<Finished>): Promise<Finished> {
  const result = await finished;
  if (result.code !== 0) throw new Error(`exit ${result.code}: ${result.stderr}`);
  return result;
}
