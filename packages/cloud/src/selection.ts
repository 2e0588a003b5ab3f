// Where the RRPairs of a selection are, for the worker's jobs: positions from the index, page by page, in the order of
// the segments, so that whoever reads them decodes each frame once.
import type { StoredPosition } from '@echoplane/archive';
import type { JobContext } from './job-context.ts';
import type { Statement } from './traffic-sql.ts';

const FETCH_ROWS = 1_000;
const FETCH = `FETCH ${FETCH_ROWS} FROM selection`;

/** A row of `positionsStatement`. */
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

/**
 * The positions of a statement, about 300 bytes each. They are read to the end before the first is given: the
 * transaction, and its locks of partitions, do not wait for the object store.
 */
export async function* selectedPositions(
  { job, withTenant, signal }: JobContext,
  { text, values }: Statement,
): AsyncGenerator<StoredPosition[]> {
  const pages: StoredPosition[][] = [];
  await withTenant(job.tenant, async (db) => {
    await db.query(`DECLARE selection NO SCROLL CURSOR FOR ${text}`, values);
    for (let last = FETCH_ROWS; last === FETCH_ROWS; ) {
      signal.throwIfAborted();
      const { rows } = await db.query<PositionRow>(FETCH);
      pages.push(rows.map(positionOf));
      last = rows.length;
    }
  });
  yield* pages;
}

function positionOf({ frame_offset, frame_length, shipped, key, ...row }: PositionRow): StoredPosition {
  return { ...row, frameOffset: frame_offset, frameLength: frame_length, key: shipped ? key : null };
}
