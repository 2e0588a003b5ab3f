// The RRPairs of a selection: positions come page by page, in the order of segments and frames, so that each frame is read
// and decoded once. Where the positions come from, a database or the control plane, is not known here.
import type { ObjectStore } from '@echoplane/runtime';
import type { RRPair } from '@echoplane/traffic';
import { type PairPosition, PairReader } from './pair-reader.ts';

/** `key` is null for a segment that is not in the store. */
export type StoredPosition = PairPosition & { key: string | null };
export type PositionPages = AsyncIterable<readonly StoredPosition[]>;

/** 0..1, what is being done, and for how long (s) what follows may keep the thread. */
export type Progress = (share: number, message: string, busySeconds?: number) => Promise<void>;

/** What every work on a selection is given. */
export interface SelectionWork {
  store: ObjectStore;
  positions: PositionPages;
  /** How many rows are expected, for the progress. */
  rows: number;
  progress: Progress;
  signal: AbortSignal;
}

/** The share of the progress that reading makes; the rest is for what is done with the pairs. */
export const READING_SHARE = 0.7;

/** Pairs in segments that are in the store, one by one in the order given; `saw` is told each one's segment. */
export async function* selectedPairs(
  work: SelectionWork,
  saw: (segment: string) => void = () => {},
): AsyncGenerator<RRPair> {
  const reader = new PairReader(work.store);
  let read = 0;
  for await (const page of work.positions) {
    work.signal.throwIfAborted();
    for (const { key, ...position } of page) {
      if (key === null) continue;
      yield await reader.read(key, position);
      read++;
      saw(position.segment);
    }
    const share = (READING_SHARE * read) / Math.max(1, work.rows);
    await work.progress(share, `reading RRPairs: ${read} of ${work.rows}`);
  }
}
