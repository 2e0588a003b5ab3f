// What is measured below saturation: added latency at a constant rate, the share of a core at rest and under little
// load, RRPairs lost at 80 % of saturation, and the time from kill -9 to listening again.

import { freePort } from '../../test/ports.ts';
import { type Load, runLoad, warmUp } from './load.ts';
import type { Pace } from './measure.ts';
import { type Peer, startSidecar } from './peers.ts';
import { cpuUs, memoryOf, processTree } from './process-usage.ts';
import { accepting, announced } from './processes.ts';
import { settledTotals, startSink } from './sink.ts';
import type { Stage } from './stage.ts';
import { round, type Spread, spread } from './statistics.ts';

const LATENCY_RATE = 1_000;
const WARM_UP_RATE = 5_000;
const SATURATION_SHARE = 0.8;
/** A measurement below saturation takes this many times as long as one at saturation: less happens in it. */
const QUIET_LENGTH = 2;
const IDLE_LENGTH = 4;
const SETTLE_MS = 1_000;

const at = (rate: number): Load => ({ tool: 'client', way: 'http', path: '/300b', rate });

export interface AddedLatency {
  nginx: { p50Ms: Spread; p99Ms: Spread };
  ours: { p50Ms: Spread; p99Ms: Spread };
  added: { p50Ms: Spread; p99Ms: Spread };
}

/** Latency at 1,000 req/s from the intended start, ours minus nginx's in the same round. */
export async function addedLatency(stage: Stage, pace: Pace): Promise<AddedLatency> {
  const names = ['nginx', 'ours'] as const;
  const taken = {
    nginx: { p50: [] as number[], p99: [] as number[] },
    ours: { p50: [] as number[], p99: [] as number[] },
  };
  for (let n = 0; n < pace.rounds; n++) {
    for (const name of n % 2 === 0 ? names : names.toReversed()) {
      const peer = await stage.peer(name);
      await warmUp(stage, peer, at(LATENCY_RATE), pace.warmUpSeconds);
      const { p50Us, p99Us } = await runLoad(stage, peer, at(LATENCY_RATE), pace.seconds * QUIET_LENGTH);
      taken[name].p50.push(p50Us! / 1000);
      taken[name].p99.push(p99Us! / 1000);
    }
  }
  const both = (of: (key: 'p50' | 'p99') => number[]) => ({
    p50Ms: spread(of('p50'))!,
    p99Ms: spread(of('p99'))!,
  });
  return {
    nginx: both((key) => taken.nginx[key]),
    ours: both((key) => taken.ours[key]),
    added: both((key) => taken.ours[key].map((value, n) => value - taken.nginx[key][n]!)),
  };
}

/** Percent of a core by requests per second, and anonymous memory of a sidecar that has served nothing. */
export interface Rest {
  idleAnonymousMib: number;
  idleRssMib: number;
  corePercent: Record<'0' | '100' | '1000', number>;
}

/** A sidecar of its own: at rest, then, once its code is compiled, at 100 and at 1,000 requests per second. */
export async function atRest(stage: Stage, pace: Pace): Promise<Rest> {
  const peer = await stage.peer('ours-fresh');
  const pids = processTree(peer.pid!);
  await sleep(SETTLE_MS);
  const seconds = pace.seconds * QUIET_LENGTH;
  const idle = await share(pids, () => sleep(pace.seconds * IDLE_LENGTH * 1000));
  const memory = memoryOf(pids);
  await warmUp(stage, peer, at(WARM_UP_RATE), seconds);
  const few = await share(pids, () => runLoad(stage, peer, at(100), seconds));
  const many = await share(pids, () => runLoad(stage, peer, at(1_000), seconds));
  await peer.program?.stop();
  return {
    idleAnonymousMib: round(memory.anonymousMib),
    idleRssMib: round(memory.rssMib),
    corePercent: { '0': round(idle), '100': round(few), '1000': round(many) },
  };
}

async function share(pids: readonly number[], span: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  const before = cpuUs(pids);
  await span();
  return ((cpuUs(pids) - before) / (performance.now() - started) / 1000) * 100;
}

export interface Loss {
  saturation: number;
  /** Requests per second that were held; below 80 % of saturation when the load client could not keep up. */
  held: number;
  requests: number;
  /** Requests that failed. */
  errors: number;
  /** Pairs at the sink. */
  pairs: number;
  lost: number;
  dropped: Record<string, number>;
}

/** Requests at 80 % of saturation (300 B) against the pairs that arrived. */
export async function lossBelowSaturation(stage: Stage, pace: Pace, known: number | null): Promise<Loss> {
  const peer = await stage.peer('ours');
  const saturation = known ?? (await measureSaturation(stage, peer, pace));
  const before = await settledTotals(peer.sink!);
  const result = await runLoad(stage, peer, at(saturation * SATURATION_SHARE), pace.seconds * QUIET_LENGTH);
  const after = await settledTotals(peer.sink!);
  const pairs = after.pairs - before.pairs;
  const dropped = Object.entries(after.dropped).map(
    ([why, n]) => [why, n - (before.dropped[why] ?? 0)] as const,
  );
  return {
    saturation: round(saturation),
    held: round(result.requests / result.seconds),
    requests: result.requests,
    errors: result.errors,
    pairs,
    lost: Math.max(0, result.requests - pairs),
    dropped: Object.fromEntries(dropped.filter(([, n]) => n > 0)),
  };
}

async function measureSaturation(stage: Stage, peer: Peer, pace: Pace): Promise<number> {
  const load: Load = { tool: 'wrk', way: 'http', path: '/300b' };
  await warmUp(stage, peer, load, pace.seconds);
  const { requests, seconds } = await runLoad(stage, peer, load, pace.seconds);
  return requests / seconds;
}

/** Seconds from kill -9 to the first accepted connection, when the process is started again as soon as it is gone. */
export async function restart(stage: Stage, pace: Pace): Promise<Spread> {
  const sink = await startSink(stage);
  const port = await freePort();
  const settings = { IN_PORT: String(port) };
  let program = startSidecar(stage, sink, settings);
  const taken: number[] = [];
  for (let n = 0; n < pace.rounds; n++) {
    await announced<{ event: 'ready' }>(program, 'event');
    const killed = performance.now();
    const gone = new Promise<void>((resolve) => program.child.once('exit', () => resolve()));
    program.child.kill('SIGKILL');
    await gone;
    program = startSidecar(stage, sink, settings);
    await accepting(port, 1);
    taken.push((performance.now() - killed) / 1000);
  }
  await program.stop();
  return spread(taken)!;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
