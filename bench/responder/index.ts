// The responder side by side with mockttp, WireMock and MockServer: exact answers of 300 bytes per second of CPU time, with one
// recording and with ten thousand, and how strict it is.
//
//   core 0: wrk, sink, this process          core 1: the process under test
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../deploy/bundle.ts';
import type { BenchOptions } from '../run.ts';
import { pinSelf, stopAll } from '../sidecar/processes.ts';
import { type Spread, spread } from '../sidecar/statistics.ts';
import { keptRecordings } from './kept-recordings.ts';
import { type Answers, check, measure, pause, resume, warmUp } from './measure.ts';
import { PEERS, type Peer, SETTINGS, type Started, WARM_UP_S } from './peers.ts';
import { recordedRequest } from './request-kinds.ts';
import { measureStrictness, type Strictness, together } from './strictness.ts';

const MANY = 10_000;
const STRICT_REQUESTS = 4_000;
const STRICT_QUICK = 400;
/** One made-up request in so many is changed; no multiple of the number of kinds, so that all have their turn. */
const CHANGED_EVERY = 10;

/** Ours with many stands beside the others with one, which is their best. */
const GROUPS = [
  [...Object.keys(PEERS).map((name) => ({ name, count: 1 })), { name: 'ours', count: MANY }],
  Object.keys(PEERS)
    .filter((name) => name !== 'ours')
    .map((name) => ({ name, count: MANY })),
];

type Series = Answers[] | { because: string };

interface Target {
  value: number | null;
  atMost?: number;
  atLeast?: number;
  met: boolean;
}

export async function benchResponder(options: BenchOptions): Promise<object> {
  pinSelf();
  const folder = await mkdtemp(join(tmpdir(), 'echoplane-bench-'));
  try {
    const responder = options.bundle ?? (await bundle('responder'));
    const series = await measureAll(options, folder, responder);
    const wantsStrictness = 'strictness'.includes(options.only);
    const strictness = wantsStrictness ? await measureAllStrictness(options, folder, responder) : null;
    return { bench: 'responder', metrics: metrics(series, strictness), targets: judge(series, strictness) };
  } finally {
    await stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Made-up requests of every kind, and those of the recordings that are given. */
async function measureAllStrictness(
  { isQuick, recordings }: BenchOptions,
  folder: string,
  responder: string,
): Promise<StrictnessOfAll> {
  const requests = Array.from({ length: isQuick ? STRICT_QUICK : STRICT_REQUESTS }, (_, n) =>
    recordedRequest(n),
  );
  const madeUp = await measureStrictness(requests, { every: CHANGED_EVERY, folder, responder });
  console.log(`strictness, made up: ${JSON.stringify(madeUp)}`);
  const kept: Strictness[] = [];
  for (const one of recordings === undefined ? [] : await keptRecordings(recordings)) {
    const found = await measureStrictness(one.requests, { every: 1, folder, responder });
    console.log(`strictness, ${one.name}: ${JSON.stringify(found)}`);
    kept.push(found);
  }
  return { madeUp, kept: kept.length > 0 ? together(kept) : null, all: together([madeUp, ...kept]) };
}

interface StrictnessOfAll {
  madeUp: Strictness;
  /** Null without recordings. */
  kept: Strictness | null;
  all: Strictness;
}

/**
 * Those of a group are up together and measured in turn: whatever else the machine does meets all of them. While one is
 * measured the others stand still, so that what they left for later (a JVM its journal) is done on their own account.
 */
async function measureAll(
  options: BenchOptions,
  folder: string,
  responder: string,
): Promise<Map<string, Series>> {
  const series = new Map<string, Series>();
  for (const group of GROUPS) {
    const running: Running[] = [];
    for (const { name, count } of group) {
      const label = `${name} ${count}`;
      if (!label.includes(options.only)) continue;
      const peer = await startWarm(name, count, { ...options, folder, responder });
      if ('because' in peer) series.set(label, peer);
      else {
        pause(peer);
        running.push({ label, count, peer });
      }
    }
    await measureInTurn(running, options, series);
    for (const { peer } of running) {
      resume(peer);
      await peer.stop();
    }
    for (const { name, count } of group) printRow(`${name} ${count}`, series);
  }
  return series;
}

interface Running {
  label: string;
  count: number;
  peer: Peer;
}

async function startWarm(
  name: string,
  count: number,
  { folder, responder, profileFolder, isQuick }: BenchOptions & { folder: string; responder: string },
): Promise<Started> {
  const started = PEERS[name]!({ count, folder, responder, profileFolder });
  const peer = await started.catch((error: Error) => ({ because: error.message }));
  if ('because' in peer) return peer;
  try {
    await check(peer, count);
    await warmUp(peer, count, isQuick ? 1 : WARM_UP_S[name]!);
    return peer;
  } catch (error) {
    await peer.stop();
    return { because: (error as Error).message };
  }
}

async function measureInTurn(
  running: readonly Running[],
  { rounds, seconds }: BenchOptions,
  series: Map<string, Series>,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const { label, count, peer } of running) {
      const taken = series.get(label) ?? [];
      if (!Array.isArray(taken)) continue;
      resume(peer);
      const one = await measure(peer, count, seconds).catch((error: Error) => ({ because: error.message }));
      pause(peer);
      series.set(label, 'because' in one ? one : [...taken, one]);
    }
  }
}

function printRow(label: string, series: ReadonlyMap<string, Series>): void {
  const one = series.get(label);
  if (one) console.log(Array.isArray(one) ? rowOf(label, one) : `${label.padEnd(18)} ${one.because}`);
}

function rowOf(label: string, taken: readonly Answers[]): string {
  const { perCoreSecond, perSecond, cpuUs, busyPercent, p99Us, rssMib } = summary(taken);
  const figures = [
    `${perCoreSecond.median} answers/s of a core (${perCoreSecond.min} to ${perCoreSecond.max})`,
    `${perSecond.median}/s`,
    `${cpuUs.median} µs CPU`,
    `busy ${busyPercent.median} %`,
    `p99 ${p99Us.median} µs`,
    `${rssMib.max} MiB`,
  ];
  return `${label.padEnd(18)} ${figures.join(', ')}\n${' '.repeat(19)}(${SETTINGS[label.split(' ')[0]!]})`;
}

function summary(taken: readonly Answers[]) {
  const of = (key: Exclude<keyof Answers, 'unrecorded'>): Spread => spread(taken.map((one) => one[key]))!;
  return {
    ...{ perCoreSecond: of('perCoreSecond'), perSecond: of('perSecond'), cpuUs: of('cpuUs') },
    ...{ busyPercent: of('busyPercent'), p99Us: of('p99Us'), rssMib: of('rssMib') },
    unrecorded: taken.reduce((sum, { unrecorded }) => sum + (unrecorded ?? 0), 0),
  };
}

function metrics(series: ReadonlyMap<string, Series>, strictness: StrictnessOfAll | null): object {
  return {
    conditions: { processor: cpus()[0]?.model, node: process.version, settings: SETTINGS },
    answers: Object.fromEntries(
      [...series].map(([label, one]) => [label, Array.isArray(one) ? summary(one) : one]),
    ),
    ratios: ratios(series),
    strictness,
  };
}

/** Ours always with ten thousand recordings; theirs with one, which is their best, and with as many. */
function ratios(series: ReadonlyMap<string, Series>): Record<string, number> {
  const ours = rateOf(series, `ours ${MANY}`);
  const theirs = [...series.keys()].filter((label) => !label.startsWith('ours'));
  return Object.fromEntries(
    theirs.flatMap((label) => {
      const rate = rateOf(series, label);
      return ours === null || rate === null ? [] : [[label, Number((ours / rate).toFixed(2))]];
    }),
  );
}

function rateOf(series: ReadonlyMap<string, Series>, label: string): number | null {
  const one = series.get(label);
  return Array.isArray(one) ? summary(one).perCoreSecond.median : null;
}

/** The peers as their users run them: with default settings. */
function judge(
  series: ReadonlyMap<string, Series>,
  strictness: StrictnessOfAll | null,
): Record<string, Target> {
  const times = ratios(series);
  const many = series.get(`ours ${MANY}`);
  return {
    exact_per_s_core: atLeast(rateOf(series, `ours ${MANY}`), 25_000),
    vs_mockttp: atLeast(times['mockttp 1'] ?? null, 10),
    vs_mockttp_equal_count: atLeast(times[`mockttp ${MANY}`] ?? null, 10),
    vs_wiremock_one_stub: atLeast(times['wiremock 1'] ?? null, 8),
    unrecorded: atMost(Array.isArray(many) ? summary(many).unrecorded : null, 0),
    wrong_answers: atMost(strictness && strictness.all.wrongAnswers + strictness.all.wrongRecorded, 0),
    named_first_pct: atLeast(strictness?.all.namedFirstPercent ?? null, 100),
  };
}

function atLeast(value: number | null, limit: number): Target {
  return { value, atLeast: limit, met: value !== null && value >= limit };
}

function atMost(value: number | null, limit: number): Target {
  return { value, atMost: limit, met: value !== null && value <= limit };
}
