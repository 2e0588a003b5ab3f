// The graph's numbers: both directions of a `TrafficGraph` on one grid of time steps, in the columns uPlot draws.
// Inbound counts go up and outbound counts down, so that neither hides the other. Pure.
import type { TrafficGraph } from '@echoplane/api';

type Column = (number | null)[];

/** Counts are null where there are none: a bar of no height would still leave a line. */
export interface GraphColumns {
  /** Start of each step, s since the epoch. */
  times: number[];
  inbound: Column;
  inboundErrors: Column;
  /** Negative: drawn downwards. */
  outbound: Column;
  outboundErrors: Column;
  /** µs. */
  inboundP50: Column;
  inboundP95: Column;
  outboundP50: Column;
  outboundP95: Column;
}

export interface GraphTotals {
  inbound: number;
  inboundErrors: number;
  outbound: number;
  outboundErrors: number;
}

/** Steps drawn at most; beyond it quiet stretches are skipped instead of filled with zeros. */
export const MAX_STEPS = 5_000;

export function graphColumns(graph: TrafficGraph): GraphColumns {
  const points = (direction: 'IN' | 'OUT') =>
    new Map(
      graph.series.filter((s) => s.direction === direction).flatMap((s) => s.points.map((p) => [p.t, p])),
    );
  const [inPoints, outPoints] = [points('IN'), points('OUT')];
  const steps = grid([...inPoints.keys(), ...outPoints.keys()], graph.stepUs);
  const up = (n: number | undefined) => n || null;
  const down = (n: number | undefined) => (n ? -n : null);
  return {
    times: steps.map((t) => t / 1_000_000),
    inbound: steps.map((t) => up(inPoints.get(t)?.count)),
    inboundErrors: steps.map((t) => up(inPoints.get(t)?.errors)),
    outbound: steps.map((t) => down(outPoints.get(t)?.count)),
    outboundErrors: steps.map((t) => down(outPoints.get(t)?.errors)),
    inboundP50: steps.map((t) => inPoints.get(t)?.p50Us ?? null),
    inboundP95: steps.map((t) => inPoints.get(t)?.p95Us ?? null),
    outboundP50: steps.map((t) => outPoints.get(t)?.p50Us ?? null),
    outboundP95: steps.map((t) => outPoints.get(t)?.p95Us ?? null),
  };
}

/** Sums over the whole graph. */
export function graphTotals(graph: TrafficGraph): GraphTotals {
  const sum = (direction: 'IN' | 'OUT', field: 'count' | 'errors') =>
    graph.series
      .filter((s) => s.direction === direction)
      .reduce((all, s) => s.points.reduce((n, p) => n + p[field], all), 0);
  return {
    inbound: sum('IN', 'count'),
    inboundErrors: sum('IN', 'errors'),
    outbound: sum('OUT', 'count'),
    outboundErrors: sum('OUT', 'errors'),
  };
}

function grid(times: number[], stepUs: number): number[] {
  const known = [...new Set(times)].sort((a, b) => a - b);
  const first = known[0];
  if (first === undefined) return [];
  const length = Math.round((known.at(-1)! - first) / stepUs) + 1;
  if (length > MAX_STEPS) return known;
  return Array.from({ length }, (_, i) => first + i * stepUs);
}
