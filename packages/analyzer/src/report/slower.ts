// Which endpoints became slower, and how sure that is. Against a baseline replay in the same environment, where there is one;
// else against the recording, moved by what happened to all other endpoints of the run: production is not the test cluster.
// A shift is called only if it is large, lasts through the run, and chance does not explain it. Pure.
import type { Finding } from '@echoplane/traffic';
import { median } from '../statistics.ts';
import type { EndpointTally } from './endpoint-tally.ts';
import { chanceOfHigher } from './rank-test.ts';

export const MIN_SAMPLES = 20;
/**
 * With fewer than `MIN_SAMPLES`, but so many, only a shift is called that is at least so long in the median and so long in
 * every answer, each beside its own recording and beyond what other endpoints went through just then. Twice the time for
 * some, three times for the fewest.
 */
export const FEW = { samples: 3, some: 5, medianUs: 150_000, eachUs: 100_000, share: 1, shareOfFewest: 2 };
/** Of all endpoints of a run together. */
const MAX_CHANCE = 0.001;
/**
 * A shift is large as one of these: at least so long, and at least this share of what is expected. Below twice the time and
 * below 50 ms, so that these are found in spite of the noise of a median of 20 samples.
 */
export const LARGE = {
  baseline: [
    { us: 35_000, share: 0.2 },
    { us: 8_000, share: 0.6 },
  ],
  recording: [
    { us: 120_000, share: 0.4 },
    { us: 25_000, share: 0.8 },
  ],
};
/** How much of the shift has to be there in each half of the run. */
const LASTING = 0.5;
/** The run as a whole may be slower or faster than the recording by this factor; what is beyond it is a finding. */
const MAX_FACTOR = 4;
/** Medians below this say nothing of the factor. */
const MIN_FACTOR_BASE_US = 2_000;

/** How an endpoint's latencies moved beyond what is expected of it. */
export interface Shift {
  /** µs between the medians, beyond what was expected; negative: faster. */
  byUs: number;
  expectedUs: number;
  against: 'baseline' | 'recording';
  /** 1 − the probability that chance did it, 0..1. */
  confidence: number;
  isSlower: boolean;
}

/** What happened to the others: a latency is expected to become the larger of `us × factor` and `us + plusUs`. */
interface RunShift {
  factor: number;
  plusUs: number;
}

/** The shift of each endpoint with enough samples on both sides. */
export function shiftsOf(tallies: readonly EndpointTally[]): Map<EndpointTally, Shift> {
  const shifts = new Map<EndpointTally, Shift>();
  const compared = tallies.filter(
    ({ recorded, baseline, replayed }) =>
      replayed.count >= FEW.samples && (baseline ?? recorded).count >= FEW.samples,
  );
  for (const tally of compared) {
    const others = compared.filter((other) => other !== tally);
    // Alone, a shift is the run's own.
    if (!tally.baseline && others.length === 0) continue;
    const run = tally.baseline ? { factor: 1, plusUs: 0 } : runShift(others);
    shifts.set(tally, shiftOf(tally, run, MAX_CHANCE / compared.length));
  }
  return shifts;
}

/** One finding for each endpoint that is slower than noise explains. */
export function slowerFindings(shifts: ReadonlyMap<EndpointTally, Shift>): Finding[] {
  return [...shifts].flatMap(([tally, { byUs, expectedUs, against, confidence, isSlower }]) => {
    if (!isSlower) return [];
    const { method, endpoint, name } = tally;
    const { medianUs: is, count } = tally.replayed;
    const was = against === 'baseline' ? 'the median was' : 'the recording makes one expect';
    const sentence = `${name}: slower by ${ms(byUs)}, ${was} ${ms(expectedUs)}, is ${ms(is)}`;
    const counts = { count, of: count, examples: [] };
    const about = { id: `slower ${name}`, kind: 'slower' as const, method, endpoint, path: null };
    return [{ ...about, problem: 'slower', sentence, ...counts, confidence }];
  });
}

function shiftOf(tally: EndpointTally, { factor, plusUs }: RunShift, maxChance: number): Shift {
  const against = tally.baseline ? 'baseline' : 'recording';
  const before = tally.baseline ?? tally.recorded;
  const live = tally.replayed;
  const moved = (us: number) => Math.max(us * factor, us + plusUs);
  const expectedUs = moved(before.medianUs);
  const byUs = live.medianUs - expectedUs;
  const chance = chanceOfHigher(live, before, moved);
  const isEnough = Math.min(live.count, before.count) >= MIN_SAMPLES;
  // What only did not become as fast as the others is no slower endpoint.
  const isSlower = live.medianUs > before.medianUs;
  const isSure = isEnough
    ? isLarge(byUs, expectedUs, against) && isLasting(tally, byUs, expectedUs) && chance <= maxChance
    : isPlain(tally, byUs, expectedUs, moved);
  return {
    ...{ byUs: Math.round(byUs), expectedUs: Math.round(expectedUs), against, confidence: 1 - chance },
    isSlower: isSlower && isSure,
  };
}

function isLarge(byUs: number, expectedUs: number, against: Shift['against']): boolean {
  return LARGE[against].some(({ us, share }) => byUs >= us && byUs >= expectedUs * share);
}

/** Whether it is there in both halves of the run: a hiccup is not. */
function isLasting({ halves }: EndpointTally, byUs: number, expectedUs: number): boolean {
  return halves.every((half) => half.count < FEW.some || half.medianUs - expectedUs >= byUs * LASTING);
}

/** Whether few samples are enough: every single one of them says the same. */
function isPlain(
  { answers, baseline, replayed }: EndpointTally,
  byUs: number,
  expectedUs: number,
  moved: (us: number) => number,
): boolean {
  const share = answers.length < FEW.some ? FEW.shareOfFewest : FEW.share;
  if (byUs < FEW.medianUs || byUs < expectedUs * share) return false;
  if (baseline) return replayed.minUs! - moved(baseline.maxUs!) >= FEW.eachUs;
  return answers.every(
    ({ recordedUs, liveUs, aroundUs }) => liveUs - moved(recordedUs) - aroundUs >= FEW.eachUs,
  );
}

/** By the medians of the others, so that no single slow one moves it. */
function runShift(others: readonly EndpointTally[]): RunShift {
  const pairs = others.map(({ recorded, replayed }) => ({ was: recorded.medianUs, is: replayed.medianUs }));
  const long = pairs.filter(({ was }) => was >= MIN_FACTOR_BASE_US);
  const ratios = (long.length > 0 ? long : pairs).map(({ was, is }) => is / Math.max(1, was));
  return {
    factor: Math.min(MAX_FACTOR, Math.max(1 / MAX_FACTOR, median(ratios))),
    plusUs: median(pairs.map(({ was, is }) => is - was)),
  };
}

function ms(us: number): string {
  return us < 10_000 ? `${Math.round(us / 100) / 10} ms` : `${Math.round(us / 1000)} ms`;
}
