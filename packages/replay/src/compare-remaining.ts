// Seconds that remain until an expiry that the same answer names, `expires_in` beside `exp`: they are counted from the moment
// of the answer, and are one less when a second ended before it. Pure.
import type { HttpResponse } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { innerLeaves } from './inner-leaves.ts';
import type { Scalar } from './kinds.ts';
import { responseLeaves } from './leaves.ts';
import { remembered } from './test-places.ts';
import { readTime, SECOND_US } from './times.ts';

/** Clocks of two machines differ so much. */
const SKEW_US = 50_000;

/** Whether both numbers are the whole seconds from their own answer to one and the same time that stands in it. */
export function isRemaining({ own, test, live: answer }: Comparing, recorded: Scalar, live: Scalar): boolean {
  const [seconds, liveSeconds] = [countOf(recorded), countOf(live)];
  if (!own || seconds === null || liveSeconds === null) return false;
  const { byPath } = remembered(times, answer, expiriesOf);
  const { inOrder } = remembered(times, test.response, expiriesOf);
  const [leastUs, mostUs] = [own.fromUs - SKEW_US - SECOND_US, own.toUs + SKEW_US + SECOND_US];
  for (let i = firstFrom(inOrder, leastUs + seconds * SECOND_US); i < inOrder.length; i++) {
    const { path, us } = inOrder[i]!;
    if (us > mostUs + seconds * SECOND_US) return false;
    const liveUs = byPath.get(path);
    if (liveUs === undefined || !isUntil(us, seconds, own.fromUs, own.toUs)) continue;
    if (isUntil(liveUs, liveSeconds, own.liveFromUs, own.liveToUs)) return true;
  }
  return false;
}

/** Index of the first one that is not before a time. */
function firstFrom(inOrder: readonly Expiry[], us: number): number {
  let [low, high] = [0, inOrder.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (inOrder[middle]!.us < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether both are what is left of so many whole minutes, all or a second fewer. */
export function isSameLifetime(recorded: Scalar, live: Scalar): boolean {
  const minutes = [recorded, live].map((value) =>
    typeof value === 'number' && Number.isInteger(value) && [0, 59].includes(value % 60)
      ? Math.ceil(value / 60)
      : null,
  );
  return minutes[0] !== null && minutes[0] === minutes[1];
}

/** Seconds, also where they are written out: `Max-Age` beside `Expires`. */
function countOf(value: Scalar): number | null {
  const count = typeof value === 'string' && /^[1-9]\d{0,9}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isInteger(count) && count > 0 ? count : null;
}

interface Expiry {
  path: string;
  /** Since the epoch. */
  us: number;
}

interface Expiries {
  byPath: ReadonlyMap<string, number>;
  /** Of many things in a list each number is looked up among all times. */
  inOrder: readonly Expiry[];
}

const times = new WeakMap<HttpResponse, Expiries>();

/** Times of an answer, and those inside its tokens. */
function expiriesOf(answer: HttpResponse): Expiries {
  const leaves = responseLeaves(answer);
  const found = [...leaves, ...innerLeaves(leaves)].flatMap(({ path, value }): Expiry[] => {
    const time = readTime(value);
    return time ? [{ path, us: time.us }] : [];
  });
  return {
    byPath: new Map(found.map(({ path, us }) => [path, us])),
    inOrder: found.sort((a, b) => a.us - b.us),
  };
}

/** An expiry of whole seconds is counted from a whole second, another one is rounded. */
function isUntil(expiryUs: number, seconds: number, fromUs: number, toUs: number): boolean {
  const madeUs = expiryUs - seconds * SECOND_US;
  const isWhole = expiryUs % SECOND_US === 0;
  const leastUs = fromUs - SKEW_US;
  return (
    madeUs >= (isWhole ? Math.floor(leastUs / SECOND_US) * SECOND_US : leastUs) &&
    madeUs <= toUs + SKEW_US + (isWhole ? 0 : SECOND_US)
  );
}
