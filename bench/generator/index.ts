// The generator side by side with wrk, ab, autocannon, hey and k6: CPU per request with 300-byte answers, every result
// recorded and every answer compared; how well an arrival rate is kept; memory with a large recording; and what another worker
// is good for.
//
//   core 0: nginx, sink, this process          core 1: the load tool
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../deploy/bundle.ts';
import type { BenchOptions } from '../run.ts';
import { pinSelf, stopAll } from '../sidecar/processes.ts';
import { type Spread, spread } from '../sidecar/statistics.ts';
import { type Cost, measure } from './measure.ts';
import { type Memory, measureMemory } from './memory.ts';
import { measurePacing, type Pacing } from './pacing.ts';
import { PEERS } from './peers.ts';
import { startUpstream, type Upstream } from './stage.ts';
import { measureWorkers } from './workers.ts';

interface Setting extends BenchOptions {
  folder: string;
  generator: string;
  upstream: Upstream;
}

interface Target {
  value: number | null;
  atMost: number;
  met: boolean;
}

export async function benchGenerator(options: BenchOptions): Promise<object> {
  pinSelf();
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  try {
    const generator = options.bundle ?? (await bundle('generator', join(folder, 'dist')));
    const setting: Setting = { ...options, folder, generator, upstream: await startUpstream(folder) };
    const costs = await measureCosts(setting);
    const wants = (name: string) => name.includes(options.only);
    const pacing = wants('pacing') ? await measurePacing(setting) : null;
    const memory = wants('memory') ? await measureMemory(setting) : null;
    const workers = wants('workers') ? await measureWorkers(setting) : null;
    return {
      bench: 'generator',
      metrics: { ...metrics(costs, pacing, memory), workers },
      targets: judge(costs, pacing, memory),
    };
  } finally {
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

/** By peer: a cost for each round, in which all are measured in turn. */
async function measureCosts(setting: Setting): Promise<Map<string, Cost[]>> {
  const costs = new Map<string, Cost[]>();
  const names = Object.keys(PEERS).filter((name) =>
    setting.only.split('|').some((part) => name.includes(part)),
  );
  for (let round = 0; round < setting.rounds; round++) {
    for (const name of names) {
      const cost = await measure(PEERS[name]!, setting);
      if ('because' in cost) console.log(`${name}: not measured, ${cost.because}`);
      else costs.set(name, [...(costs.get(name) ?? []), cost]);
    }
  }
  for (const [name, taken] of costs) console.log(rowOf(name, taken));
  return costs;
}

const of = (taken: readonly Cost[], key: keyof Cost): Spread | null =>
  spread(taken.flatMap((cost) => cost[key] ?? []));

function rowOf(name: string, taken: readonly Cost[]): string {
  const cpu = of(taken, 'cpuUs')!;
  const figures = [
    `${cpu.median} µs CPU a request (${cpu.min} to ${cpu.max})`,
    `${of(taken, 'requestsPerSecond')!.median}/s`,
    `${of(taken, 'rssMib')!.max} MiB`,
    `${of(taken, 'recordedShare')?.min ?? 'nothing'} recorded`,
  ];
  return `${name.padEnd(24)} ${figures.join(', ')}`;
}

/** Of two peers within each round. */
function ratio(costs: ReadonlyMap<string, Cost[]>, name: string, base: string): Spread | null {
  const [ours, theirs] = [costs.get(name) ?? [], costs.get(base) ?? []];
  return spread(ours.flatMap(({ cpuUs }, round) => (theirs[round] ? [cpuUs / theirs[round].cpuUs] : [])));
}

function metrics(costs: ReadonlyMap<string, Cost[]>, pacing: Pacing | null, memory: Memory | null): object {
  return {
    conditions: { processor: cpus()[0]?.model, node: process.version },
    cpuUsPerRequest: Object.fromEntries([...costs].map(([name, taken]) => [name, of(taken, 'cpuUs')])),
    ...{ pacing, memory },
  };
}

function judge(
  costs: ReadonlyMap<string, Cost[]>,
  pacing: Pacing | null,
  memory: Memory | null,
): Record<string, Target> {
  const target = (value: number | null | undefined, atMost: number): Target => ({
    ...{ value: value ?? null, atMost },
    met: value !== null && value !== undefined && value <= atMost,
  });
  return {
    cpu_vs_wrk: target(ratio(costs, 'ours', 'wrk')?.median, 1.5),
    cpu_vs_autocannon: target(ratio(costs, 'ours', 'autocannon')?.median, 0.6),
    three_transforms_vs_wrk: target(ratio(costs, 'ours, three transforms', 'wrk')?.median, 3),
    lag_p99_ms: target(pacing?.lagP99Ms, 0.6),
    pacing_core_share: target(pacing?.coreShare, 0.3),
    rss_mib: target(memory?.rssMib, 400),
  };
}
