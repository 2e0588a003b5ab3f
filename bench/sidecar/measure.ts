// Measures peers in turn: every round takes each of them once, in an order that rotates, so that what the machine does
// meanwhile hits all alike; what is compared is compared within a round.
import { type Load, objection, runLoad, warmUp } from './load.ts';
import type { Peer, PeerName } from './peers.ts';
import { cpuUs, processTree, watchMemory } from './process-usage.ts';
import { settledTotals } from './sink.ts';
import type { Stage } from './stage.ts';
import { type Spread, spread } from './statistics.ts';

/** One peer in one round. */
export interface Measurement {
  round: number;
  /** CPU time of the peer's processes for each request; null without a process under test. */
  cpuUs: number | null;
  requestsPerSecond: number;
  p50Ms: number | null;
  p99Ms: number | null;
  errors: number;
  rssMib: number;
  anonymousMib: number;
  /** Pairs that reached the sink for each request, and bytes for each pair; null for peers that do not capture. */
  capturedShare: number | null;
  bytesPerPair: number | null;
}

export interface Scenario {
  name: string;
  title: string;
  load: Load;
  /** Measured in every round: what targets compare. */
  peers: readonly PeerName[];
  /** Measured in the first rounds only: for the reader. */
  bystanders: readonly PeerName[];
  /** Bytes a pair of a peer must have at the sink, or it has shed bodies and its figures do not count. */
  leastBytesPerPair?: Partial<Record<PeerName, number>>;
}

/** What came of a scenario: rounds by peer, and why a peer is missing or what it did does not count. */
export interface Outcome {
  scenario: Scenario;
  measured: Map<PeerName, Measurement[]>;
  missing: Map<PeerName, string>;
  discounted: Map<PeerName, string>;
}

export interface Pace {
  rounds: number;
  seconds: number;
  warmUpSeconds: number;
}

/** Of the requests; one of ours that captures less has not done the work. */
const LEAST_CAPTURED = 0.9;
const BYSTANDER_ROUNDS = 2;
/** A program that compiles as it runs needs longer before its first round. */
const FIRST_WARM_UP = 3;
const MS_PER_US = 1 / 1000;

/** Runs all rounds of a scenario. */
export async function measureScenario(stage: Stage, scenario: Scenario, pace: Pace): Promise<Outcome> {
  const measured = new Map<PeerName, Measurement[]>();
  const missing = new Map<PeerName, string>();
  const running: { name: PeerName; peer: Peer }[] = [];
  for (const name of [...scenario.peers, ...scenario.bystanders]) {
    const peer = await stage.peer(name);
    const why = await objection(stage, peer, scenario.load);
    if (why) missing.set(name, why);
    else running.push({ name, peer });
  }
  for (let round = 0; round < pace.rounds; round++) {
    const due = running.filter(({ name }) => round < BYSTANDER_ROUNDS || scenario.peers.includes(name));
    const turn = due.length > 0 ? round % due.length : 0;
    for (const { name, peer } of [...due.slice(turn), ...due.slice(0, turn)]) {
      const of = measured.get(name) ?? [];
      const warm = pace.warmUpSeconds * (of.length === 0 ? FIRST_WARM_UP : 1);
      await warmUp(stage, peer, scenario.load, warm);
      of.push(await measure(stage, peer, scenario.load, { round, seconds: pace.seconds }));
      measured.set(name, of);
    }
  }
  const outcome: Outcome = { scenario, measured, missing, discounted: new Map() };
  for (const name of measured.keys()) {
    const why = name.startsWith('ours') ? shortcoming(outcome, name) : null;
    if (why) outcome.discounted.set(name, why);
  }
  return outcome;
}

/** What one of ours left out, or null: a proxy that captures little is fast. */
function shortcoming(outcome: Outcome, name: PeerName): string | null {
  const share = figure(outcome, name, 'capturedShare')?.median ?? 0;
  if (share < LEAST_CAPTURED) return `captured ${(share * 100).toFixed(1)} % of the requests`;
  const bytes = figure(outcome, name, 'bytesPerPair')?.median ?? 0;
  const least = outcome.scenario.leastBytesPerPair?.[name] ?? 0;
  return bytes < least ? `kept ${bytes} bytes of each pair` : null;
}

/** One measurement of one peer. */
export async function measure(
  stage: Stage,
  peer: Peer,
  load: Load,
  { round, seconds }: { round: number; seconds: number },
): Promise<Measurement> {
  const pids = peer.pid === null ? [] : processTree(peer.pid);
  const before = peer.sink && (await settledTotals(peer.sink));
  const memory = watchMemory(pids);
  const cpuBefore = cpuUs(pids);
  const result = await runLoad(stage, peer, load, seconds);
  const after = peer.sink && (await settledTotals(peer.sink));
  const usedUs = cpuUs(pids) - cpuBefore;
  const { rssMib, anonymousMib } = memory();
  const pairs = before && after ? after.pairs - before.pairs : null;
  return {
    round,
    cpuUs: peer.pid === null ? null : usedUs / result.requests,
    requestsPerSecond: result.requests / result.seconds,
    p50Ms: result.p50Us === null ? null : result.p50Us * MS_PER_US,
    p99Ms: result.p99Us === null ? null : result.p99Us * MS_PER_US,
    errors: result.errors,
    rssMib,
    anonymousMib,
    capturedShare: pairs === null ? null : pairs / result.requests,
    bytesPerPair: pairs ? (after!.bytes - before!.bytes) / pairs : null,
  };
}

type Figure = Exclude<keyof Measurement, 'round'>;

/** Median and spread of one figure of one peer over its rounds. */
export function figure(outcome: Outcome, name: PeerName, key: Figure): Spread | null {
  const values = (outcome.measured.get(name) ?? []).map((measurement) => measurement[key]);
  return spread(values.filter((value) => value !== null));
}

/** A figure of `a` over the same of `b`, round by round. */
export function ratio(outcome: Outcome, a: PeerName, b: PeerName, key: Figure = 'cpuUs'): Spread | null {
  const ofB = new Map(outcome.measured.get(b)?.map((measurement) => [measurement.round, measurement]));
  const ratios = (outcome.measured.get(a) ?? []).flatMap((measurement) => {
    const over = measurement[key];
    const under = ofB.get(measurement.round)?.[key];
    return over === null || !under ? [] : [over / under];
  });
  return spread(ratios);
}
