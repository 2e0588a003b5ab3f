// Searches recorded RRPairs, headers and bodies: reads each, tests it, keeps the newest that hold. How much is looked at
// is the caller's bound, by the positions it gives; what is kept is `limit`.
import type { RRPair } from '@echoplane/traffic';
import { PairReader } from './pair-reader.ts';
import type { SelectionWork } from './selection.ts';

export interface Found {
  /** Newest first. */
  ids: string[];
  /** RRPairs looked at. */
  scanned: number;
  /** Whether every position was looked at: what is not in the store yet was not. */
  complete: boolean;
}

export interface SearchWork extends SelectionWork {
  matches(pair: RRPair): boolean;
  /** Most ids to keep. */
  limit: number;
  /** The positions come newest segment first: the search may end with the page that brings the limit. */
  newestFirst: boolean;
  /** Told after each page what there is so far. */
  found?(soFar: Found): Promise<void>;
}

/** The newest RRPairs of the positions that match. */
export async function searchPairs(work: SearchWork): Promise<Found> {
  const reader = new PairReader(work.store);
  let hits: { id: string; ts: number }[] = [];
  let scanned = 0;
  let skipped = 0;
  const soFar = (complete: boolean): Found => ({ ids: hits.map(({ id }) => id), scanned, complete });
  for await (const page of work.positions) {
    if (work.newestFirst && hits.length >= work.limit) return soFar(false);
    for (const { key, ...position } of page) {
      work.signal.throwIfAborted();
      if (key === null) {
        skipped += 1;
        continue;
      }
      const pair = await reader.read(key, position);
      scanned += 1;
      if (work.matches(pair)) hits.push({ id: pair.id, ts: pair.ts });
    }
    hits = newest(hits, work.limit);
    await work.found?.(soFar(false));
    await work.progress(
      scanned / Math.max(1, work.rows),
      `${scanned} RRPairs searched, ${hits.length} found`,
    );
  }
  return soFar(skipped === 0);
}

function newest(hits: { id: string; ts: number }[], limit: number): { id: string; ts: number }[] {
  return hits.sort((a, b) => b.ts - a.ts).slice(0, limit);
}
