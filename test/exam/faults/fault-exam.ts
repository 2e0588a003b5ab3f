// A service takes the exam with faults: replayed unchanged twice, then with faults that were put into its answers, on the same
// artifacts of the same recording. It knows neither what a fault does nor how one is found.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportDetail, Snapshot } from '@echoplane/api';
import { type RRPair, TAG, type Test, type Token } from '@echoplane/traffic';
import { keepResults } from '../kept.ts';
import type { ExamService } from '../service.ts';
import { type Exam, replay } from '../take.ts';
import { type AnswerKey, answerKey } from './answer-key.ts';
import { CATALOGUE } from './catalogue.ts';
import { startGrpcMutator } from './grpc-mutator.ts';
import { differenceKey, type Judged, judgeRound } from './judging.ts';
import { Planted, startMutator } from './mutator.ts';
import { answerOf, type Place, placesOf } from './places.ts';
import { candidates, Dealer, type PlantedCounts, type Seed } from './plan.ts';
import { routesOf } from './routes.ts';
import { WIRE_FAULTS } from './wire-faults.ts';

/** How long a service may be given new faults when nothing is said, from its first unchanged replay on. */
export const FAULT_SECONDS = 80;
const MOST_ROUNDS = 10;
/** Kinds of rounds with how many faults they have at most: two rounds are kept for faults that are followed by others. */
const STILL = ['still', Number.POSITIVE_INFINITY] as const;
const LOST = ['lost', 1] as const;
const SPREADING = ['spreading', 2] as const;

export interface FaultOutcome extends Judged {
  service: string;
  /** The first unchanged replay. */
  unchanged: ReportDetail;
  /** Of both unchanged replays: tests that were judged, and those that failed. */
  unchangedTests: number;
  unchangedAlarms: number;
  key: AnswerKey;
  /** Replays, and how long they took altogether. */
  replays: number;
  seconds: number;
}

export interface Aids {
  /** How often each fault was planted in any service so far; rare ones come first. */
  planted: PlantedCounts;
  note: (text: string) => void;
  /** How long a service may be given new faults; one that starts slowly has one round. */
  seconds: number;
  /** Is given each replay that called something different without a fault, or missed one. */
  keep: (suffix: string, detail: ReportDetail) => Promise<void>;
}

export async function examineFaults(
  exam: Exam,
  service: ExamService,
  snapshot: Snapshot,
  { planted, note, seconds, keep }: Aids,
): Promise<FaultOutcome> {
  const began = performance.now();
  const tests = await testsOf(exam, snapshot);
  const field = new Field(exam, service, { snapshot, tests, note });
  const first = await field.replay('unchanged');
  const second = await field.replay('unchanged again');
  const results = [await resultsOf(exam, first), await resultsOf(exam, second)] as const;
  const usual = differencesOf(first, second);
  const places = placesOf(
    tests,
    results[0].filter((pair) => !usual.has(pair.tags[TAG.test]!)),
  );
  if (second.report.counts.failed > 0) await keep('-2', second);
  const counts = [first, second].map(({ report }) => report.counts);
  const outcome: FaultOutcome = {
    ...{ service: service.name, unchanged: first, replays: 2, seconds: 0 },
    unchangedTests: counts.reduce((sum, { passed, failed }) => sum + passed + failed, 0),
    unchangedAlarms: counts.reduce((sum, { failed }) => sum + failed, 0),
    ...{ seeded: [], notPlanted: [], beside: 0, alarms: [], follows: 0 },
    key: answerKey(tests, await tokensOf(exam, snapshot), ...results),
  };
  const sow = async (what: string, round: readonly Seed[], dealer: Dealer) => {
    if (round.length === 0) return;
    const { sown, detail } = await field.sow(what, round, places);
    for (const one of sown) if (one.touched > 0) dealer.planted(one.seed);
    // Only of what spreads it is asked what was before it.
    const ended = endsOf(round.some(({ isFollowed }) => isFollowed) ? await resultsOf(exam, detail) : []);
    const judged = judgeRound({
      ...{ service: service.name, name: what, report: detail.report },
      ...{ sown, tests, usual, ended },
    });
    add(outcome, judged);
    outcome.replays++;
    const isRight = judged.alarms.length === 0 && judged.seeded.every(({ foundBy }) => foundBy !== null);
    if (!isRight) await keep(`-${what.replaceAll(' ', '-')}`, detail);
  };
  const seeds = seedsOf(places);
  const dealers = {
    still: new Dealer(seeds.still, places.length, service.name, planted),
    lost: new Dealer(seeds.lost, places.length, service.name, planted),
    spreading: new Dealer(seeds.spreading, places.length, service.name, planted),
  };
  for (let n = 0; n < MOST_ROUNDS && (n === 0 || performance.now() - began < seconds * 1000); n++) {
    const [kind, most] = n === 1 ? LOST : n === 2 ? SPREADING : STILL;
    await sow(`faults ${n + 1}`, dealers[kind].round().slice(0, most), dealers[kind]);
  }
  outcome.seconds = (performance.now() - began) / 1000;
  return outcome;
}

function add(outcome: FaultOutcome, { seeded, notPlanted, beside, alarms, follows }: Judged): void {
  outcome.seeded.push(...seeded);
  outcome.notPlanted.push(...notPlanted);
  outcome.alarms.push(...alarms);
  outcome.beside += beside;
  outcome.follows += follows;
}

interface Ground {
  snapshot: Snapshot;
  tests: readonly Test[];
  note: (text: string) => void;
}

/** Replays of one snapshot through a mutator. */
class Field {
  readonly #exam: Exam;
  readonly #service: ExamService;
  readonly #ground: Ground;
  readonly #open = new Map<string, Planted>();

  constructor(exam: Exam, service: ExamService, ground: Ground) {
    const { tests } = ground;
    const isGrpc = tests.some(({ protocol }) => protocol === 'grpc');
    const wrap = (targetUrl: string) =>
      (isGrpc ? startGrpcMutator : startMutator)(targetUrl, routesOf(tests), this.#open);
    this.#exam = { ...exam, wrap };
    this.#service = service;
    this.#ground = ground;
  }

  replay(what: string): Promise<ReportDetail> {
    const { snapshot, note } = this.#ground;
    return replay(this.#exam, this.#service, snapshot.id, (text) => note(`${what}: ${text}`));
  }

  async sow(
    what: string,
    round: readonly Seed[],
    places: readonly Place[],
  ): Promise<{ sown: Planted[]; detail: ReportDetail }> {
    this.#open.clear();
    for (const seed of round) {
      const { results } = places.find(({ name }) => name === seed.place)!;
      const usual = results.map(({ response }) => answerOf(response!));
      this.#open.set(seed.place, new Planted(seed, usual));
    }
    const detail = await this.replay(what);
    return { detail, sown: [...this.#open.values()] };
  }
}

/** What truly varies, of two replays of an unchanged service. */
export async function answerKeyOf(
  exam: Exam,
  snapshot: Snapshot,
  one: ReportDetail,
  two: ReportDetail,
): Promise<AnswerKey> {
  return answerKey(
    await testsOf(exam, snapshot),
    await tokensOf(exam, snapshot),
    await resultsOf(exam, one),
    await resultsOf(exam, two),
  );
}

async function testsOf({ plane }: Exam, { prefix }: Snapshot): Promise<Test[]> {
  return jsonLines<Test>(await readFile(join(plane.storeDir, prefix!, 'tests.jsonl'), 'utf8'));
}

async function tokensOf({ plane }: Exam, { prefix }: Snapshot): Promise<Token[]> {
  return JSON.parse(await readFile(join(plane.storeDir, prefix!, 'tokens.json'), 'utf8')) as Token[];
}

/** Faults that stay where they are, lost writes, and others that later requests carry on. */
function seedsOf(places: readonly Place[]): Record<'still' | 'lost' | 'spreading', Seed[]> {
  const all = candidates(CATALOGUE, places);
  const wires = places.flatMap((place) =>
    WIRE_FAULTS.filter((fault) => fault.fits(place, places)).map(
      (fault): Seed => ({
        ...{ fault, place: place.name, target: fault.target, touches: place.tests.length },
        isFollowed: fault.wire === 'lost',
      }),
    ),
  );
  return {
    still: [...wires, ...all].filter(({ isFollowed }) => !isFollowed),
    lost: wires.filter(({ isFollowed }) => isFollowed),
    spreading: all.filter(({ isFollowed }) => isFollowed),
  };
}

const endsOf = (results: readonly RRPair[]): Map<string, number> =>
  new Map(results.map(({ tags, ts, durationUs }) => [tags[TAG.test]!, ts + durationUs]));

/** What was called different without a fault, by test. */
function differencesOf(...details: ReportDetail[]): Map<string, Set<string>> {
  const usual = new Map<string, Set<string>>();
  for (const { report } of details)
    for (const { test, differences } of report.failures) {
      const known = usual.get(test) ?? new Set<string>();
      usual.set(test, known);
      for (const one of differences) known.add(differenceKey(one));
    }
  return usual;
}

async function resultsOf({ plane, workDir }: Exam, { replay: { id } }: ReportDetail): Promise<RRPair[]> {
  const file = join(workDir, `${id}.jsonl`);
  await keepResults(plane.storeDir, id, file);
  return jsonLines<RRPair>(await readFile(file, 'utf8')).filter(
    (pair) => pair.tags[TAG.test] !== undefined && pair.response,
  );
}

function jsonLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as T);
}
