// Latencies as quantiles, small enough to stand in a report, and back. Pure.
import { LatencySketch } from './latency-sketch.ts';

const STEPS = 40;

/** Latencies at 0, 2.5, 5, … 100 %; none of nothing. */
export function quantilesOf(sketch: LatencySketch): number[] | undefined {
  if (sketch.count === 0) return undefined;
  return Array.from({ length: STEPS + 1 }, (_, step) =>
    step === 0 ? sketch.minUs! : step === STEPS ? sketch.maxUs! : sketch.percentileUs(step / STEPS)!,
  );
}

/** As many latencies as there were, spread as the quantiles say. */
export function sketchOfQuantiles(quantilesUs: readonly number[], count: number): LatencySketch {
  const sketch = new LatencySketch();
  let given = 0;
  for (const [at, us] of quantilesUs.entries()) {
    const due = Math.round((count * (at + 1)) / quantilesUs.length);
    if (due > given) sketch.add(us, due - given);
    given = due;
  }
  return sketch;
}
