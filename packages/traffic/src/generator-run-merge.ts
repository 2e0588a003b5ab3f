// One run out of many: what the generators of a replay measured of themselves, each of its shard. Pure; it must not know how
// the shards were made or how their summaries came here.
import { count } from './accounting.ts';
import type { ChainCount, CredentialCounts, GeneratorRun } from './report.ts';

/** Reasons a merged run names; more are counted in a last one. */
const MAX_REASONS = 50;
const MAX_SECRETS = 100;
const MAX_WHYS = 20;

/**
 * The run of all shards, by index: sums, the first start, the last end, the worst lateness, every reason to doubt with the
 * shard it came from. Histograms stay apart, those of an endpoint one for each shard: who reads them adds them up. Assertions
 * are summed if every shard that ran has counted them. A shard without a summary (null) voids the run. `runs` of one element
 * comes back as it is. `who`: what each of them is of.
 */
export function mergeRuns(runs: readonly (GeneratorRun | null)[], who = 'generator'): GeneratorRun {
  const known = runs.filter((run) => run !== null);
  if (runs.length === 1 && known[0]) return known[0];
  const sum = (of: (run: GeneratorRun) => number) => known.reduce((total, run) => total + of(run), 0);
  const notSent: Record<string, number> = {};
  for (const run of known) addCounts(notSent, run.notSent);
  const credentials = mergeCredentials(known);
  return {
    startedAt: known.length === 0 ? 0 : Math.min(...known.map((run) => run.startedAt)),
    finishedAt: Math.max(0, ...known.map((run) => run.finishedAt)),
    testsPlanned: sum((run) => run.testsPlanned),
    sent: sum((run) => run.sent),
    resultsDelivered: sum((run) => run.resultsDelivered),
    notSent,
    maxEventLoopLagMs: Math.max(0, ...known.map((run) => run.maxEventLoopLagMs)),
    voidReasons: bounded(reasonsOf(runs, who)),
    ...(credentials ? { credentials } : {}),
    ...mergedMeasures(known),
  };
}

type Measures = Pick<
  GeneratorRun,
  | 'asserted'
  | 'histograms'
  | 'sampled'
  | 'retries'
  | 'late'
  | 'cpuShare'
  | 'missingSecrets'
  | 'notSentWhy'
  | 'chains'
>;

/** What runs say since load was added; what none says stays out. */
function mergedMeasures(runs: readonly GeneratorRun[]): Measures {
  const of = <K extends keyof Measures>(key: K) =>
    runs.flatMap((run): NonNullable<Measures[K]>[] => (run[key] === undefined ? [] : [run[key]]));
  const [asserted, sampled, late, cpuShare] = [of('asserted'), of('sampled'), of('late'), of('cpuShare')];
  const [histograms, retries] = [of('histograms').flat(), of('retries')];
  const secrets = [...new Set(of('missingSecrets').flat())].slice(0, MAX_SECRETS);
  const chains = of('chains');
  const whys = of('notSentWhy').flat().slice(0, MAX_WHYS);
  const isJudged = asserted.length > 0 && asserted.length === runs.length;
  return {
    ...(isJudged ? { asserted: summed(asserted, { passed: 0, failed: 0, headless: 0 }) } : {}),
    ...(histograms.length > 0 ? { histograms } : {}),
    ...(sampled.length > 0 ? { sampled: summed(sampled, { kept: 0, of: 0 }) } : {}),
    ...(retries.length > 0 ? { retries: retries.reduce(added, {}) } : {}),
    ...(late.length > 0 ? { late: worst(late) } : {}),
    ...(cpuShare.length > 0 ? { cpuShare: Math.max(...cpuShare) } : {}),
    ...(secrets.length > 0 ? { missingSecrets: secrets } : {}),
    ...(whys.length > 0 ? { notSentWhy: whys } : {}),
    ...(chains.length > 0 ? { chains: mergedChains(chains) } : {}),
  };
}

function summed<C extends Record<string, number>>(counts: readonly C[], none: C): C {
  return counts.reduce<Record<string, number>>(added, { ...none }) as C;
}

function added(
  into: Record<string, number>,
  counts: Readonly<Record<string, number>>,
): Record<string, number> {
  addCounts(into, counts);
  return into;
}

function mergedChains(
  counts: readonly NonNullable<GeneratorRun['chains']>[],
): NonNullable<GeneratorRun['chains']> {
  const byChain = Map.groupBy(counts.flatMap(Object.entries<ChainCount>), ([id]) => id);
  const sums = [...byChain].map(([id, of]) => [
    id,
    summed(
      of.map(([, count]) => count),
      { found: 0, missed: 0 },
    ),
  ]);
  return Object.fromEntries(sums);
}

/** Percentiles do not add up: at least one shard was as late as this. */
function worst(late: readonly NonNullable<GeneratorRun['late']>[]): NonNullable<GeneratorRun['late']> {
  const most = (key: 'p50Us' | 'p99Us' | 'maxUs') => Math.max(...late.map((one) => one[key]));
  return { p50Us: most('p50Us'), p99Us: most('p99Us'), maxUs: most('maxUs') };
}

function reasonsOf(runs: readonly (GeneratorRun | null)[], who: string): string[] {
  if (runs.length === 0) return [`no ${who} has run`];
  return runs.flatMap((run, index) => {
    const shard = `${who} ${index + 1} of ${runs.length}`;
    return run === null
      ? [`${shard} left no summary: its tests may not have been sent`]
      : run.voidReasons.map((reason) => `${shard}: ${reason}`);
  });
}

function bounded(reasons: string[]): string[] {
  if (reasons.length <= MAX_REASONS) return reasons;
  return [...reasons.slice(0, MAX_REASONS), `${reasons.length - MAX_REASONS} more reasons`];
}

function mergeCredentials(runs: readonly GeneratorRun[]): CredentialCounts | null {
  const counted = runs.flatMap(({ credentials }) => credentials ?? []);
  if (counted.length === 0) return null;
  const merged: CredentialCounts = { fromVault: {}, missing: {} };
  for (const { fromVault, missing } of counted) {
    addCounts(merged.fromVault, fromVault);
    addCounts(merged.missing, missing);
  }
  return merged;
}

function addCounts(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) count(into, name, value);
}
