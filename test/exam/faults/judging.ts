// Whether the report of a replay with faults names them, and what it calls different besides. It knows nothing of how faults
// are put on the wire.
import { responseLeaves } from '@echoplane/replay';
import { type Difference, leafPattern, type Report, storeBody, type Test } from '@echoplane/traffic';
import type { Answer } from './answer.ts';
import { isAbout, placeOfTest } from './places.ts';
import type { Seed } from './plan.ts';
import { isWire } from './wire-faults.ts';

/** A seed after its round. */
export interface Sown {
  seed: Seed;
  /** Answers that it changed on the wire. */
  touched: number;
  /** When the first of them was, µs since the epoch. */
  firstUs: number | null;
  changes: readonly Change[];
}

export interface Change {
  before: Answer;
  after: Answer;
}

export interface SeededFault {
  fault: string;
  service: string;
  /** The replay: `faults 3`. */
  round: string;
  place: string;
  target: string;
  touched: number;
  /** The sentence or the difference that names it; null when nothing does. */
  foundBy: string | null;
}

export interface Judged {
  seeded: SeededFault[];
  /** Seeds that changed nothing on the wire: no faults. */
  notPlanted: Omit<SeededFault, 'touched' | 'foundBy'>[];
  /** Tests of endpoints without a fault, beside which there was one. */
  beside: number;
  /** Of those, what was called different: one line for each. */
  alarms: string[];
  /** Tests of endpoints without a fault whose differences follow from a fault: neither alarms nor among those beside. */
  follows: number;
}

export interface Round {
  service: string;
  name: string;
  report: Report;
  sown: readonly Sown[];
  tests: readonly Test[];
  /** By test, the keys of differences that the unchanged replays had. */
  usual: ReadonlyMap<string, ReadonlySet<string>>;
  /** By test, when its answer had come, µs since the epoch. */
  ended: ReadonlyMap<string, number>;
}

/** The same of the same difference in two replays. */
export const differenceKey = ({ path, problem }: Difference): string => `${problem} ${leafPattern(path)}`;

export function judgeRound(round: Round): Judged {
  const { service, name, sown } = round;
  const judged: Judged = { seeded: [], notPlanted: [], beside: 0, alarms: [], follows: 0 };
  for (const one of sown) {
    const { fault, place, target } = one.seed;
    const about = { fault: fault.name, service, round: name, place, target };
    if (one.touched === 0) judged.notPlanted.push(about);
    else judged.seeded.push({ ...about, touched: one.touched, foundBy: foundBy(round, one) });
  }
  judgeBeside(round, judged);
  return judged;
}

function foundBy({ report, tests, usual, ended }: Round, { seed, firstUs }: Sown): string | null {
  const { fault, place, target } = seed;
  if (target === 'latency') {
    const slower = report.findings.find(
      ({ kind, method, endpoint }) => kind === 'slower' && isOf(place, `${method} ${endpoint}`),
    );
    return slower?.sentence ?? null;
  }
  const placeOf = new Map(tests.map((test) => [test.id, placeOfTest(test)]));
  const isNamed = (test: string, difference: Difference) => {
    if (usual.get(test)?.has(differenceKey(difference))) return false;
    // Nothing but what came later tells of a write that was not done.
    if (isWire(fault) && fault.wire === 'lost')
      return placeOf.get(test) !== place && (ended.get(test) ?? 0) > (firstUs ?? Infinity);
    if (placeOf.get(test) !== place) return false;
    return difference.problem === 'no-response'
      ? target === 'no-response'
      : isAbout(difference.path, target === 'no-response' ? 'body' : target);
  };
  for (const { test, differences, method, endpoint } of report.failures) {
    const named = differences.find((one) => isNamed(test, one));
    if (!named) continue;
    const finding = report.findings.find(
      (one) => one.method === method && one.endpoint === endpoint && one.path === leafPattern(named.path),
    );
    return finding?.sentence ?? `${named.problem} ${named.path}`;
  }
  return null;
}

/** A place of GraphQL has the operation behind its endpoint. */
const isOf = (place: string, endpoint: string) => place === endpoint || place.startsWith(`${endpoint} `);

function judgeBeside({ service, report, sown, tests, ended }: Round, judged: Judged): void {
  const faulty = sown.filter(({ touched }) => touched > 0);
  const places = new Set(faulty.map(({ seed }) => seed.place));
  // What a fault spreads to is known from when it began; which of the tests behind that it changes is not.
  const spreadUs = Math.min(...faulty.map(({ seed, firstUs }) => (seed.isFollowed ? firstUs! : Infinity)));
  const wrong = putIn(faulty);
  const failures = new Map(report.failures.filter(({ headless }) => !headless).map((one) => [one.test, one]));
  for (const test of tests) {
    const place = placeOfTest(test);
    if (places.has(place) || test.headless) continue;
    const differences = failures.get(test.id)?.differences;
    const isBehind = (ended.get(test.id) ?? Infinity) >= spreadUs && spreadUs < Infinity;
    const speaks = ({ expected, actual }: Difference) =>
      [expected, actual].some((one) => wrong.has(bare(one)));
    if (isBehind || differences?.every(speaks)) {
      if (differences) judged.follows++;
      continue;
    }
    judged.beside++;
    const [first] = differences ?? [];
    if (first)
      judged.alarms.push(
        `${service}  ${place}  ${leafPattern(first.path)}  ${first.problem}  ${first.expected} → ${first.actual}`.slice(
          0,
          300,
        ),
      );
  }
}

const bare = (shown: string | null) => (shown ?? '').replace(/^"(.*)"$/s, '$1');
const MIN_TEXT = 4;

/**
 * Values that faults put into answers, when they may stand for something: a number of two digits or more, a text of four
 * letters. A judge that was told such a value expects it again, and misses it where another is right.
 */
function putIn(faulty: readonly Sown[]): Set<string> {
  const values = new Set<string>();
  for (const { before, after } of faulty.flatMap(({ changes }) => changes)) {
    const usual = leavesOf(before);
    for (const [path, value] of leavesOf(after))
      if (usual.get(path) !== value && (/\D/.test(value) ? value.length >= MIN_TEXT : value.length > 1))
        values.add(value);
  }
  for (const word of ['true', 'false', 'null']) values.delete(word);
  return values;
}

function leavesOf({ status, headers, trailers, body }: Answer): Map<string, string> {
  const leaves = responseLeaves({ status, headers, trailers, body: storeBody(body, '') });
  return new Map(leaves.map(({ path, value }) => [path, String(value)]));
}
