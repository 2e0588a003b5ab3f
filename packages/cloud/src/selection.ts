// The RRPairs of a selection, for the worker's jobs: positions from the index through a cursor, in the order of the
// segments, so that each frame is read and decoded once.
import type { RRPair, TrafficQuery } from '@echoplane/traffic';
import type { JobContext } from './job-context.ts';
import { type PairPosition, PairReader } from './pair-reader.ts';
import { positionsStatement } from './traffic-sql.ts';

const FETCH_ROWS = 1_000;
const FETCH = `FETCH ${FETCH_ROWS} FROM selection`;

interface PositionRow {
  id: string;
  segment: string;
  frame: number;
  frame_offset: number;
  frame_length: number;
  line: number;
  shipped: boolean;
  key: string | null;
}

/** Pairs in shipped segments, by segment, and those segments. `expected` rows make the first 70 % of the progress. */
export async function readSelection(
  context: JobContext,
  query: TrafficQuery,
  expected: number,
): Promise<{ pairs: RRPair[]; segments: string[] }> {
  const reader = new PairReader(context.store);
  const pairs: RRPair[] = [];
  const segments = new Set<string>();
  const { text, values } = positionsStatement(query);
  await context.withTenant(context.job.tenant, async (db) => {
    await db.query(`DECLARE selection NO SCROLL CURSOR FOR ${text}`, values);
    for (;;) {
      context.signal.throwIfAborted();
      const { rows } = await db.query<PositionRow>(FETCH);
      for (const row of rows) {
        if (!row.shipped || row.key === null) continue;
        pairs.push(await reader.read(row.key, positionOf(row)));
        segments.add(row.segment);
      }
      if (rows.length < FETCH_ROWS) return;
      await context.progress(
        (0.7 * pairs.length) / expected,
        `reading RRPairs: ${pairs.length} of ${expected}`,
      );
    }
  });
  return { pairs, segments: [...segments] };
}

function positionOf(row: PositionRow): PairPosition {
  return {
    ...{ id: row.id, segment: row.segment, frame: row.frame, line: row.line },
    ...{ frameOffset: row.frame_offset, frameLength: row.frame_length },
  };
}
