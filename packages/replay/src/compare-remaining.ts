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
  const expiries = remembered(times, answer, expiriesOf);
  return [...remembered(times, test.response, expiriesOf)].some(([path, us]) => {
    const liveUs = expiries.get(path);
    if (liveUs === undefined) return false;
    return (
      isUntil(us, seconds, own.fromUs, own.toUs) && isUntil(liveUs, liveSeconds, own.liveFromUs, own.liveToUs)
    );
  });
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

const times = new WeakMap<HttpResponse, ReadonlyMap<string, number>>();

/** Times of an answer by path, and those inside its tokens; µs since the epoch. */
function expiriesOf(answer: HttpResponse): ReadonlyMap<string, number> {
  const leaves = responseLeaves(answer);
  return new Map(
    [...leaves, ...innerLeaves(leaves)].flatMap(({ path, value }): [string, number][] => {
      const time = readTime(value);
      return time ? [[path, time.us]] : [];
    }),
  );
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
