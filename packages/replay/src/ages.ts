// How long ago something was, in words: `2 seconds ago`, `an hour ago`, `just now`, `in 3 days`. Read as the time it speaks of, which
// stands to the live request as it stood to the recorded one. Pure.
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { DAY_US, HOUR_US, SECOND_US, type WrittenTime } from './times.ts';

const UNITS: Readonly<Record<string, number>> = {
  second: SECOND_US,
  sec: SECOND_US,
  minute: 60 * SECOND_US,
  min: 60 * SECOND_US,
  hour: HOUR_US,
  day: DAY_US,
  week: 7 * DAY_US,
  month: 30 * DAY_US,
  year: 365 * DAY_US,
};
const AGE =
  /^(?<in>in )?(?:about |almost |over |less than |~)?(?<n>\d{1,3}|an?|one|a few) (?<unit>second|sec|minute|min|hour|day|week|month|year)s?(?<ago> ago)?$/i;
/** Inside a longer text; what it says to come is known by its `in`. */
export const AGE_IN_TEXT =
  '\\b(?:\\d{1,3}|an?|one|a few) (?:second|sec|minute|min|hour|day|week|month|year)s? ago\\b|\\b(?:just|right) now\\b|\\bmoments? ago\\b|\\bin (?:\\d{1,3}|an?|one|a few) (?:second|sec|minute|min|hour|day|week|month|year)s?\\b';
const NOW = /^(?:just |right )?now$|^moments? ago$/i;
const MAX_CHARS = 40;
/** Of a few seconds. */
const FEW = 20;
/** What is said is cut or rounded, and said of the request's begin or its end. */
const EXACTNESS = 2;

interface Age {
  /** Negative: it is to come. */
  amount: number;
  unitUs: number;
  isFew: boolean;
}

/** Whether both texts say how long ago something was, or how soon it is, and it is the same thing. */
export function isSameAge({ own, values }: Comparing, recorded: Scalar, live: Scalar): boolean {
  if (!own || typeof recorded !== 'string' || typeof live !== 'string') return false;
  const was = readAge(recorded);
  const is = was && readAge(live);
  if (!was || !is || !areNeighbours(was, is)) return false;
  const unitUs = Math.max(was.unitUs, is.unitUs) * (was.isFew || is.isFew ? FEW : 1);
  const timeOf = ({ amount, unitUs: us }: Age, nowUs: number): WrittenTime => ({
    ...{ us: nowUs - amount * us, precisionUs: EXACTNESS * unitUs, form: 'age', fraction: null },
  });
  return values.clock.stands(timeOf(was, own.toUs), timeOf(is, own.liveToUs), own);
}

/** Whether a text says how long ago a time was when its answer was given; µs since the epoch. */
export function isAgeOf(text: string, timeUs: number, fromUs: number, toUs: number): boolean {
  const age = readAge(text);
  if (!age || age.isFew) return false;
  const atUs = timeUs + age.amount * age.unitUs;
  // Cut or rounded, of a time that was cut or rounded to the second.
  const exactUs = age.unitUs + SECOND_US;
  return atUs >= fromUs - exactUs && atUs <= toUs + exactUs;
}

/** Of one unit, or one of the next: a minute comes after 59 seconds. */
function areNeighbours(was: Age, is: Age): boolean {
  if (was.amount * is.amount < 0) return false;
  if (was.unitUs === is.unitUs) return true;
  const [less, more] = was.unitUs < is.unitUs ? [was, is] : [is, was];
  return Math.abs(more.amount) === 1 && Math.abs(less.amount) * less.unitUs * EXACTNESS >= more.unitUs;
}

/** Whether a value says how long ago something was, or how soon it is. */
export function isAge(value: Scalar): boolean {
  return typeof value === 'string' && readAge(value) !== null;
}

function readAge(text: string): Age | null {
  if (text.length > MAX_CHARS) return null;
  if (NOW.test(text)) return { amount: 0, unitUs: SECOND_US, isFew: false };
  const { in: isSoon, n, unit, ago } = AGE.exec(text)?.groups ?? {};
  if (unit === undefined || (isSoon === undefined) === (ago === undefined)) return null;
  const isFew = /few/i.test(n!);
  const amount = isFew ? FEW : /^\d/.test(n!) ? Number(n) : 1;
  return { amount: isSoon === undefined ? amount : -amount, unitUs: UNITS[unit.toLowerCase()]!, isFew };
}
