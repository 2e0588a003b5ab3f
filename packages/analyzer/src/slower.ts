// Which endpoints became slower: the shift of the median against a baseline replay in the same environment, beyond
// max(100 ms, 4 × MAD of the baseline), with at least 20 samples on both sides. Pure.
import type { Finding } from '@echoplane/traffic';
import { median, medianAbsoluteDeviation } from './statistics.ts';

export interface TimedEndpoint {
  method: string;
  endpoint: string;
  latencyUs: number;
}

export const MIN_SAMPLES = 20;
const MIN_SHIFT_US = 100_000;
const MAD_FACTOR = 4;

/** One finding for each endpoint that is slower than noise explains. */
export function slowerFindings(
  live: readonly TimedEndpoint[],
  baseline: readonly TimedEndpoint[],
): Finding[] {
  const before = Map.groupBy(baseline, nameOf);
  const findings: Finding[] = [];
  for (const [name, samples] of Map.groupBy(live, nameOf)) {
    const earlier = before.get(name) ?? [];
    if (samples.length < MIN_SAMPLES || earlier.length < MIN_SAMPLES) continue;
    const was = earlier.map((sample) => sample.latencyUs);
    const shift = median(samples.map((sample) => sample.latencyUs)) - median(was);
    if (shift <= Math.max(MIN_SHIFT_US, MAD_FACTOR * medianAbsoluteDeviation(was))) continue;
    const { method, endpoint } = samples[0]!;
    const sentence = `${name}: slower by ${ms(shift)}, the median was ${ms(median(was))}, is ${ms(median(was) + shift)}`;
    const counts = { count: samples.length, of: samples.length, examples: [] };
    findings.push({ kind: 'slower', method, endpoint, path: null, problem: 'slower', sentence, ...counts });
  }
  return findings;
}

function nameOf(sample: TimedEndpoint): string {
  return `${sample.method} ${sample.endpoint}`;
}

function ms(us: number): string {
  return `${Math.round(us / 1000)} ms`;
}
