// Which part of a load one worker sends, when several share it: its share of the tests, so that every test is sent as often as
// one worker alone would send it. The parts of all workers add up to the whole, to a request and a user. Pure.

/** A stretch of the whole, between 0 and 1; those of all workers lie beside each other. */
export interface LoadShare {
  from: number;
  to: number;
  /** Workers that have anything to send. */
  workers: number;
}

export const WHOLE: LoadShare = { from: 0, to: 1, workers: 1 };

/** The share of worker `index`, when each has so many `tests`. */
export function shareOf(tests: readonly number[], index: number): LoadShare {
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
  const all = Math.max(1, sum(tests));
  const before = sum(tests.slice(0, index));
  const workers = tests.filter((count) => count > 0).length;
  return { from: before / all, to: (before + tests[index]!) / all, workers };
}

/** Of `count` things, this share. */
export function countOf({ from, to }: LoadShare, count: number): number {
  return Math.round(count * to) - Math.round(count * from);
}

/** Of `users`, at least as many as workers have anything to send, one for each of these and its share of the others. */
export function usersOf(share: LoadShare, users: number): number {
  if (share.from === share.to) return 0;
  return 1 + countOf(share, Math.max(0, users - share.workers));
}
