// A sink: where a peer sends what it captured, so that it can be counted.
import { announced, LOAD_CORE, start } from './processes.ts';
import type { Stage } from './stage.ts';

/** Cumulative. Bytes are those of batches or records; captured, delivered and dropped are what the sidecar says. */
export interface SinkTotals {
  pairs: number;
  bytes: number;
  captured: number;
  delivered: number;
  dropped: Record<string, number>;
}

export interface Sink {
  port: number;
  totals(): Promise<SinkTotals>;
}

const SETTLE_MS = 50;
const SETTLE_DEADLINE_MS = 5_000;

/** Starts one on the core of the load. */
export async function startSink(stage: Stage): Promise<Sink> {
  const program = start(LOAD_CORE, [stage.programs.sink]);
  const { port } = await announced<{ port: number }>(program, 'port');
  return {
    port,
    async totals() {
      program.child.stdin.write('\n');
      return announced<SinkTotals>(program, 'pairs');
    },
  };
}

/** The totals once they no longer grow. */
export async function settledTotals(sink: Sink): Promise<SinkTotals> {
  const deadline = performance.now() + SETTLE_DEADLINE_MS;
  for (let last = await sink.totals(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const now = await sink.totals();
    if (now.pairs === last.pairs || performance.now() > deadline) return now;
    last = now;
  }
}
