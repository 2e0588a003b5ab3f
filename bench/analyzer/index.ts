// What the analyzer costs: RRPairs per second of a core through all its passes, files included, as the bundle that ships,
// and its greatest memory, for recordings of growing length: the memory must not grow with them. What making the recording
// itself costs is measured apart and taken off. `--only size` instead tries a snapshot of 5 GB and a report of a million results.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import {
  ANALYSIS_FLAGS as FLAGS,
  REPORT_FLAGS,
  STORE_WORK_ENVIRONMENT,
} from '../../packages/runtime/src/index.ts';
import { median, spread } from '../forwarder/figures.ts';
import type { BenchOptions } from '../run.ts';

const COUNTS = { quick: [5_000], full: [100_000, 1_000_000] };
const MIN_PAIRS_PER_CORE = 10_000;
const MAX_RSS_MIB = 300;
/** Pairs of 20 KB, of which the snapshot is made; results, with small answers, that are judged. */
const AT_SIZE = { pairs: 250_000, padBytes: 20_000, results: 1_000_000 };

interface Measured {
  cpuS: number;
  wallS: number;
  rssMib: number;
  bytes: number;
  counts: object;
}

export async function benchAnalyzer({ isQuick, rounds, only }: BenchOptions): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-analyzer-'));
  try {
    if (only === 'size') return await atSize(folder);
    const program = await bundled(folder, 'program');
    const metrics: Record<string, unknown> = {
      processor: cpus()[0]?.model,
      node: process.version,
      flags: FLAGS,
    };
    const perCore: number[] = [];
    const rss: number[] = [];
    for (const count of isQuick ? COUNTS.quick : COUNTS.full) {
      if (!String(count).includes(only)) continue;
      const times = isQuick || count >= 1_000_000 ? 1 : Math.min(rounds, 3);
      const [floors, runs]: [Measured[], Measured[]] = [[], []];
      for (let round = 0; round < times; round++) {
        floors.push(await measure(program, 'floor', count, folder));
        runs.push(await measure(program, 'analyze', count, folder));
      }
      const cpuS = runs.map((run, i) => run.cpuS - floors[i]!.cpuS);
      const rates = cpuS.map((seconds) => count / seconds);
      perCore.push(median(rates));
      rss.push(...runs.map((run) => run.rssMib));
      const bytesPerPair = Math.round(floors[0]!.bytes / count);
      const about = { pairsPerCoreSecond: spread(rates), rssMib: spread(runs.map((run) => run.rssMib)) };
      metrics[count] = {
        ...about,
        bytesPerPair,
        wallS: spread(runs.map((run) => run.wallS)),
        counts: runs[0]!.counts,
      };
      console.log(`\n${count} RRPairs: ${JSON.stringify(metrics[count])}`);
    }
    const slowest = perCore.length > 0 ? Math.round(Math.min(...perCore)) : null;
    const greatest = rss.length > 0 ? Math.round(Math.max(...rss)) : null;
    const met = {
      rate: (slowest ?? 0) >= MIN_PAIRS_PER_CORE,
      rss: greatest !== null && greatest <= MAX_RSS_MIB,
    };
    return {
      bench: 'analyzer',
      metrics,
      targets: {
        rrpairs_per_core: { value: slowest, atLeast: MIN_PAIRS_PER_CORE, met: met.rate },
        rss_mib: { value: greatest, atMost: MAX_RSS_MIB, met: met.rss },
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each step in a process of its own; the folder takes some 20 GB. */
async function atSize(folder: string): Promise<object> {
  const program = await bundled(folder, 'size-program');
  const { pairs, padBytes, results } = AT_SIZE;
  const step = async (flags: readonly string[], mode: string, ...args: number[]) => {
    const made = await runProgram(flags, [program, mode, folder, ...args.map(String)], folder);
    console.log(`\n${JSON.stringify(made)}`);
    return made;
  };
  await step([], 'segments', pairs, padBytes);
  const snapshot = await step(FLAGS, 'snapshot', pairs);
  await step([], 'results', results);
  const report = await step(REPORT_FLAGS, 'report', results);
  const { rssMib } = snapshot;
  const target = { value: rssMib, atMost: MAX_RSS_MIB, met: rssMib <= MAX_RSS_MIB };
  return { bench: 'analyzer at size', metrics: { snapshot, report }, targets: { rss_mib: target } };
}

async function bundled(folder: string, name: string): Promise<string> {
  await build({
    entryPoints: [join(import.meta.dirname, `${name}.ts`)],
    ...{ outdir: folder, outExtension: { '.js': '.mjs' }, bundle: true, splitting: true },
    ...{ platform: 'node', format: 'esm', target: 'node24', logLevel: 'warning' },
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
  });
  return join(folder, `${name}.mjs`);
}

function measure(program: string, mode: string, count: number, folder: string): Promise<Measured> {
  return runProgram(FLAGS, [program, mode, String(count), join(folder, 'store')], folder);
}

async function runProgram(flags: readonly string[], args: string[], folder: string): Promise<Measured> {
  const ran = promisify(execFile)(process.execPath, [...flags, ...args], {
    // Its own temporary files beside ours, which are removed.
    env: { ...process.env, ...STORE_WORK_ENVIRONMENT, TMPDIR: folder },
  });
  return JSON.parse((await ran).stdout) as Measured;
}
