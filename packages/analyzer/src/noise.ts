// Noise that a single value does not show: numbers that only count up (order numbers, serial ids). Learned per endpoint
// over all sessions, because a replay hands them out in another order; for texts see shapes.ts. Pure.
import { leafPattern, type RRPair, responseLeaves, type VolatileLeaf } from '@echoplane/traffic';

/** Fewer samples prove nothing. */
const MIN_SAMPLES = 5;
/** Rank correlation of value and time from which a number counts as a counter. */
const MIN_CORRELATION = 0.9;
/** Usual distance of neighbours up to which values are a count rather than amounts that happen to rise. */
const MAX_STEP = 4;

interface Sample {
  at: number;
  value: number;
  pair: RRPair;
}

/** The volatile leaf patterns of each endpoint. `endpointKey` names the endpoint of a pair, `session` its session. */
export function learnNoise(
  inbound: readonly RRPair[],
  endpointKey: (pair: RRPair) => string,
  session: (pair: RRPair) => string,
): Map<string, VolatileLeaf[]> {
  const samples = collectNumbers(inbound, endpointKey);
  const counters = new Map<string, string>();
  const handedOut = new Map<string, Set<number>>();
  for (const [key, list] of samples) {
    if (!isCounter(list)) continue;
    counters.set(key, `counts up over ${list.length} answers`);
    for (const { pair, value } of list) remember(handedOut, session(pair), value);
  }
  for (const [key, list] of samples) {
    if (counters.has(key) || list.length < MIN_SAMPLES) continue;
    const repeats = list.every(({ pair, value }) => handedOut.get(session(pair))?.has(value));
    if (repeats) counters.set(key, 'repeats a number that counts up');
  }
  const learned = new Map<string, VolatileLeaf[]>();
  for (const [key, why] of counters) {
    const [endpoint, path] = JSON.parse(key) as [string, string];
    const list = learned.get(endpoint) ?? [];
    list.push({ path, kind: 'sequence', why });
    learned.set(endpoint, list);
  }
  return learned;
}

function collectNumbers(
  inbound: readonly RRPair[],
  endpointKey: (pair: RRPair) => string,
): Map<string, Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const pair of inbound) {
    if (!pair.response || pair.response.status >= 400) continue;
    for (const { path, value } of responseLeaves(pair.response)) {
      if (typeof value !== 'number' || path === 'status' || !Number.isInteger(value)) continue;
      const key = JSON.stringify([endpointKey(pair), leafPattern(path)]);
      const list = samples.get(key) ?? [];
      list.push({ at: pair.ts + pair.durationUs, value, pair });
      samples.set(key, list);
    }
  }
  return samples;
}

/** Every value is new, the values are dense, and later answers hold larger ones (Spearman's rank correlation). */
function isCounter(samples: readonly Sample[]): boolean {
  const n = samples.length;
  if (n < MIN_SAMPLES || new Set(samples.map((s) => s.value)).size < n) return false;
  const byTime = [...samples].sort((a, b) => a.at - b.at);
  const byValue = [...samples].sort((a, b) => a.value - b.value);
  if (byValue.at(-1)!.value - byValue[0]!.value >= n * MAX_STEP) return false;
  const rank = new Map(byValue.map((sample, i) => [sample, i]));
  const squares = byTime.reduce((sum, sample, i) => sum + (rank.get(sample)! - i) ** 2, 0);
  return 1 - (6 * squares) / (n * (n * n - 1)) >= MIN_CORRELATION;
}

function remember(handedOut: Map<string, Set<number>>, session: string, value: number): void {
  const set = handedOut.get(session) ?? new Set();
  set.add(value);
  handedOut.set(session, set);
}
