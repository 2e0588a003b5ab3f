import type { TrafficGraph } from '@echoplane/api';
import { describe, expect, it } from 'vitest';
import { graphColumns, graphTotals } from './graph-data.ts';

const MINUTE = 60_000_000;
const point = (minute: number, count: number, errors = 0) => ({
  ...{ t: minute * MINUTE, count, errors },
  ...{ p50Us: 1_000, p95Us: 2_000 },
});
const graph: TrafficGraph = {
  stepUs: MINUTE,
  series: [
    { direction: 'IN', points: [point(10, 5, 1), point(12, 7)] },
    { direction: 'OUT', points: [point(11, 3, 2)] },
  ],
};

describe('graphColumns()', () => {
  const columns = graphColumns(graph);

  it('puts both directions on one grid without holes', () => {
    expect(columns.times).toEqual([600, 660, 720]);
    expect(columns.inbound).toEqual([5, null, 7]);
  });

  it('draws outbound downwards', () => {
    expect(columns.outbound).toEqual([null, -3, null]);
    expect(columns.outboundErrors).toEqual([null, -2, null]);
  });

  it('draws nothing where nothing failed', () => {
    expect(columns.inboundErrors).toEqual([1, null, null]);
  });

  it('does not invent a latency where nothing happened', () => {
    expect(columns.inboundP95).toEqual([2_000, null, 2_000]);
    expect(columns.outboundP50).toEqual([null, 1_000, null]);
  });

  it('skips quiet stretches of a span too long to fill', () => {
    const sparse = {
      ...graph,
      series: [{ direction: 'IN' as const, points: [point(0, 1), point(9_000_000, 1)] }],
    };
    expect(graphColumns(sparse).times).toHaveLength(2);
  });

  it('is empty for an empty graph', () => {
    expect(graphColumns({ stepUs: MINUTE, series: [] }).times).toEqual([]);
  });
});

describe('graphTotals()', () => {
  it('sums each direction', () => {
    expect(graphTotals(graph)).toEqual({ inbound: 12, inboundErrors: 1, outbound: 3, outboundErrors: 2 });
  });
});
