// Answers per second of CPU time, by peer and number of recordings. The client is wrk on the other core; a core is what the
// process tree used, so that it does not matter who else works on the machine.
import { join } from 'node:path';
import { cpuUs, processTree, waitedUs, watchMemory } from '../sidecar/process-usage.ts';
import { LOAD_CORE, output } from '../sidecar/processes.ts';
import type { Peer } from './peers.ts';
import { bodyOf, HOST, pathOf } from './recordings.ts';

const CONNECTIONS = 64;
/** A warm-up takes at most so many times the CPU time it is to use. */
const MAX_SLOWNESS = 4;

export interface Answers {
  /** Per second of its CPU time. */
  perCoreSecond: number;
  /** Per second of the clock, as one client on one core gets them. */
  perSecond: number;
  cpuUs: number;
  /** Percent of the time in which it ran or waited for a core: near 100, the load was enough. */
  busyPercent: number;
  p99Us: number;
  rssMib: number;
  /** Answers whose pair did not arrive at the sink; null without one. */
  unrecorded: number | null;
}

interface Report {
  requests: number;
  errors: number;
  seconds: number;
  p99Us: number;
}

/** Throws when a peer does not give the recorded answers. */
export async function check({ port }: Peer, count: number): Promise<void> {
  for (const n of new Set([0, count >> 1, count - 1])) {
    const response = await askAs(port, n);
    if (response !== bodyOf(n)) throw new Error(`answered ${response.slice(0, 80)} to request ${n}`);
  }
}

/** One measurement of `seconds`. */
export async function measure(peer: Peer, count: number, seconds: number): Promise<Answers> {
  const pids = processTree(peer.pid);
  const recordedBefore = (await peer.pairs?.()) ?? null;
  const memory = watchMemory(pids);
  const before = cpuUs(pids);
  const waitedBefore = waitedUs(pids);
  const report = await load(peer.port, count, seconds);
  const usedUs = cpuUs(pids) - before;
  const busyUs = usedUs + waitedUs(pids) - waitedBefore;
  const { rssMib } = memory();
  if (report.errors > 0) throw new Error(`${report.errors} of ${report.requests} requests failed`);
  return {
    perCoreSecond: Math.round((report.requests / usedUs) * 1e6),
    perSecond: Math.round(report.requests / report.seconds),
    cpuUs: Number((usedUs / report.requests).toFixed(2)),
    busyPercent: Math.min(100, Math.round(busyUs / report.seconds / 1e4)),
    p99Us: Math.round(report.p99Us),
    rssMib: Math.round(rssMib),
    unrecorded: recordedBefore === null ? null : await missing(peer, recordedBefore + report.requests),
  };
}

/** Loads a peer until it has used so many seconds of a core: elsewhere they may take long, and a compiler needs them. */
export async function warmUp(peer: Peer, count: number, cpuSeconds: number): Promise<void> {
  const pids = processTree(peer.pid);
  const deadline = performance.now() + cpuSeconds * MAX_SLOWNESS * 1000;
  while (cpuUs(pids) < cpuSeconds * 1e6 && performance.now() < deadline) await load(peer.port, count, 1);
}

/** Stops a peer's processes where they are, until `resume`. */
export function pause(peer: Peer): void {
  signal(peer, 'SIGSTOP');
}

export function resume(peer: Peer): void {
  signal(peer, 'SIGCONT');
}

function signal({ pid }: Peer, name: NodeJS.Signals): void {
  for (const one of processTree(pid)) {
    try {
      process.kill(one, name);
    } catch {
      // It has ended, which its measurement will tell.
    }
  }
}

export function load(port: number, count: number, seconds: number): Promise<Report> {
  const script = join(import.meta.dirname, 'wrk.lua');
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${Math.ceil(seconds)}s`, '--timeout', '10s', '-s', script];
  const command = ['wrk', ...options, `http://127.0.0.1:${port}`, '--', String(count), HOST];
  return output(LOAD_CORE, command).then((text) =>
    JSON.parse(text.split('\n').findLast((line) => line.startsWith('{'))!),
  );
}

/** Pairs are sent in batches: those of the last answers come a little later. */
async function missing(peer: Peer, wanted: number): Promise<number> {
  let arrived = 0;
  for (let i = 0; i < 100; i++) {
    arrived = await peer.pairs!();
    if (arrived >= wanted) return 0;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return wanted - arrived;
}

async function askAs(port: number, n: number): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = { port, host: '127.0.0.1', path: pathOf(n), headers: { host: HOST }, agent: false };
    request(asked, (response) => {
      response.toArray().then((parts) => resolve(Buffer.concat(parts).toString()), reject);
    })
      .on('error', reject)
      .end();
  });
}
