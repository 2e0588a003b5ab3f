// What the forwarder costs: RRPairs per second of a core with the standard filter and default redaction on, against the
// floor (decode, JSON.parse, zstd, write of the same bytes); how soon a pair is in the index of a real control plane; what
// it takes of memory; and whether one planted secret is found in anything it wrote or sent.
//
//   core 0: load, stand-in control plane       core 1: the forwarder, or the floor
import { cpus } from 'node:os';
import type { BenchOptions } from '../run.ts';
import { type Cost, measureFloor, measureForwarder } from './cost.ts';
import { median, spread } from './figures.ts';
import { measureVisibility, type Visibility } from './visibility.ts';

const DETECTORS =
  'credentials by name; e-mail, card (Luhn), IBAN, phone, national ids, high-entropy secrets, provider keys, private keys, JWT';
const SUSTAINED_PER_S = 10_000;
const CANARIES_PER_S = 2_000;

interface Target {
  value: number | null;
  atMost?: number;
  atLeast?: number;
  met: boolean;
}

export async function benchForwarder(options: BenchOptions): Promise<object> {
  const { rounds, seconds, isQuick, only } = options;
  const wants = (name: string) => name.includes(only);
  const span = isQuick ? 2 : Math.max(seconds, 6);
  const metrics: Record<string, unknown> = {
    processor: cpus()[0]?.model,
    node: process.version,
    detectors: DETECTORS,
  };
  const costs: Record<string, { forwarder: Cost[]; floor: Cost[] }> = {};
  for (const [name, bodyBytes] of [
    ['cost-1k', 1_024],
    ['cost-10k', 10_240],
  ] as const) {
    if (!wants(name)) continue;
    const series = { forwarder: [] as Cost[], floor: [] as Cost[] };
    for (let round = 0; round < rounds; round++) {
      series.floor.push(await measureFloor({ bodyBytes, seconds: span }));
      series.forwarder.push(
        await measureForwarder({ ...options, bodyBytes, seconds: span, rate: 0, secrets: false }),
      );
    }
    costs[bodyBytes] = series;
    metrics[`cost_${bodyBytes}`] = summary(series);
    console.log(`\nbodies of ${bodyBytes} B: ${JSON.stringify(metrics[`cost_${bodyBytes}`])}`);
  }
  const at = (rate: number, secrets: boolean) =>
    measureForwarder({ ...options, bodyBytes: 1_024, seconds: isQuick ? 3 : 20, rate, secrets });
  const sustained = wants('sustained') ? await at(SUSTAINED_PER_S, false) : null;
  if (sustained) console.log(`\nat ${SUSTAINED_PER_S}/s: ${JSON.stringify(sustained)}`);
  const canaries = wants('canaries') ? await at(CANARIES_PER_S, true) : null;
  if (canaries) console.log(`\nfive secrets in every pair: ${JSON.stringify(canaries)}`);
  const visible = wants('visible')
    ? await measureVisibility({ ...options, seconds: isQuick ? 4 : 20 })
    : null;
  if (visible) console.log(`\nwith a real control plane: ${JSON.stringify(visible)}`);
  return {
    bench: 'forwarder',
    metrics: { ...metrics, sustained, canaries, visible },
    targets: judge(costs, { sustained, canaries, visible }),
  };
}

function summary({ forwarder, floor }: { forwarder: Cost[]; floor: Cost[] }) {
  const ratios = forwarder.map((one, i) => one.cpuUsPerPair / floor[i]!.cpuUsPerPair);
  return {
    cpuUsPerPair: spread(forwarder.map((one) => one.cpuUsPerPair)),
    floorUsPerPair: spread(floor.map((one) => one.cpuUsPerPair)),
    ratio: spread(ratios),
    pairsPerSecond: spread(forwarder.map((one) => one.pairsPerSecond)),
    bytesIn: median(forwarder.map((one) => one.bytesInPerPair)),
    bytesShipped: median(forwarder.map((one) => one.bytesShippedPerPair)),
    rssMib: spread(forwarder.map((one) => one.rssMib)),
  };
}

function judge(
  costs: Record<string, { forwarder: Cost[]; floor: Cost[] }>,
  {
    sustained,
    canaries,
    visible,
  }: { sustained: Cost | null; canaries: Cost | null; visible: Visibility | null },
): Record<string, Target> {
  const small = costs[1_024];
  const perCore = small ? 1e6 / median(small.forwarder.map((one) => one.cpuUsPerPair)) : null;
  const ratio = small
    ? median(small.forwarder.map((one, i) => one.cpuUsPerPair / small.floor[i]!.cpuUsPerPair))
    : null;
  const unaccounted = [sustained?.unaccounted, canaries?.unaccounted, visible?.unaccounted].filter(
    (n) => n !== undefined,
  );
  return {
    rrpairs_per_core: atLeast(perCore && Math.round(perCore), 10_000),
    cpu_vs_floor: atMost(ratio && Math.round(ratio * 100) / 100, 5),
    rss_mib: atMost(sustained && Math.round(sustained.rssMib), 250),
    visible_p95_s: atMost(visible?.p95S ?? null, 2),
    canaries_escaped: atMost(canaries?.escaped ?? null, 0),
    unaccounted: atMost(unaccounted.length > 0 ? unaccounted.reduce((a, b) => a + Math.abs(b), 0) : null, 0),
  };
}

const atMost = (value: number | null, limit: number): Target => ({
  value,
  atMost: limit,
  met: value !== null && value <= limit,
});
const atLeast = (value: number | null, limit: number): Target => ({
  value,
  atLeast: limit,
  met: value !== null && value >= limit,
});
