// Whether one set of latencies lies above another: the Mann–Whitney rank test, which asks nothing of their distribution.
// Ties (equal bins) are corrected for. Pure.
import type { LatencySketch } from './latency-sketch.ts';

/**
 * The probability that values of `live` would lie as high above those of `before`, after `moved`, if there were no
 * difference (one-sided). 1 when one of them is empty.
 */
export function chanceOfHigher(
  live: LatencySketch,
  before: LatencySketch,
  moved: (us: number) => number = (us) => us,
): number {
  const [n, m] = [live.count, before.count];
  if (n === 0 || m === 0) return 1;
  const ranked = [
    ...live.bins().map(([us, times]) => ({ us, live: times, before: 0 })),
    ...before.bins().map(([us, times]) => ({ us: moved(us), live: 0, before: times })),
  ].sort((a, b) => a.us - b.us);
  let seen = 0;
  let rankSum = 0;
  let ties = 0;
  for (let at = 0; at < ranked.length; ) {
    const { us } = ranked[at]!;
    let ofLive = 0;
    let tied = 0;
    for (; at < ranked.length && ranked[at]!.us === us; at++) {
      ofLive += ranked[at]!.live;
      tied += ranked[at]!.live + ranked[at]!.before;
    }
    rankSum += ofLive * (seen + (tied + 1) / 2);
    ties += tied ** 3 - tied;
    seen += tied;
  }
  const u = rankSum - (n * (n + 1)) / 2;
  const all = n + m;
  const variance = ((n * m) / 12) * (all + 1 - ties / (all * (all - 1)));
  if (variance <= 0) return 1;
  return upperTail((u - (n * m) / 2 - 0.5) / Math.sqrt(variance));
}

/** P(Z > z) of a normal Z: Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8. */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * poly;
}
