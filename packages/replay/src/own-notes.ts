// A time that is null in one answer and not in the other, and that no request says: the service notes by itself, now and then, when it
// last saw or did something. It lies outside of every write that named its thing, then or now. Pure.
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { responseLeaves } from './leaves.ts';
import type { Exchange } from './run-clock.ts';
import { readTime, SECOND_US } from './times.ts';

/** Clocks of two machines, or of two layers of one, differ so much. */
const SKEW_US = 50_000;
const MIN_NAME_CHARS = 4;

/** Whether one is null, and the other a time that the service noted by itself. */
export function isOwnNote(comparing: Comparing, path: string, recorded: Scalar, live: Scalar): boolean {
  const { own, test } = comparing;
  if (!own || (recorded === null) === (live === null)) return false;
  const time = readTime(recorded ?? live);
  if (!time || time.us % SECOND_US === 0 || test.request.method !== 'GET') return false;
  const isLive = recorded === null;
  const span = ({ fromUs, toUs, liveFromUs, liveToUs }: Exchange) =>
    isLive ? { fromUs: liveFromUs, toUs: liveToUs } : { fromUs, toUs };
  const writes = writesOf(comparing, path).map(span);
  if (writes.length === 0 || time.us > span(own).toUs) return false;
  const firstUs = Math.min(...writes.map(({ fromUs }) => fromUs));
  const isWithin = writes.some(
    ({ fromUs, toUs }) => time.us >= fromUs - SKEW_US && time.us <= toUs + SKEW_US,
  );
  return time.us > firstUs && !isWithin;
}

/** The writes that named what stands beside a leaf. */
function writesOf({ test, values }: Comparing, path: string): Exchange[] {
  const holder = path.slice(0, path.lastIndexOf('.') + 1);
  const beside = responseLeaves(test.response).flatMap(({ path: at, value }) => {
    const isBeside = at.startsWith(holder) && !/[.[]/.test(at.slice(holder.length));
    return isBeside && typeof value === 'string' && value.length >= MIN_NAME_CHARS ? [value] : [];
  });
  return [...new Set(beside.flatMap((value) => values.namingOf(value)))];
}
