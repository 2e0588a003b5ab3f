// A recorded time against the live one. A time of its own request (now, or now and whole minutes) stands to the live request as
// it stood then; one that is older says again what was said before, and must be its counterpart. Pure.
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { isSameForm, readTime, SECOND_US, type WrittenTime } from './times.ts';

/** A live time may differ so much from its counterpart elsewhere: rows of one statement have not one instant. */
const SAME_INSTANT_US = 50_000;
/** Clocks of two machines, or of two layers of one, differ so much. */
const SKEW_US = 50_000;
const MINUTE_US = 60 * SECOND_US;

/** Null: not both are times of one form. */
export function judgeTime(comparing: Comparing, recorded: Scalar, live: Scalar): Judgement | null {
  const was = readTime(recorded);
  const is = was && readTime(live);
  if (!was || !is) return null;
  const kind = typeof recorded === 'number' ? 'epoch' : 'timestamp';
  if (!isSameForm(was, is)) return isEchoCut(comparing, String(recorded), was, is) ? 'strict' : 'differs';
  const { own, values } = comparing;
  if (!own) return { kind };
  if (typeof recorded === 'number' && !values.clock.isOfRun(was)) return null;
  const isInstant = exactnessUs(was) <= SECOND_US;
  if (isInstant && counterparts(comparing, String(recorded)).includes(String(live))) return 'strict';
  if (isInstant && isAnotherInstant(comparing, { recorded, was, live, is })) return 'differs';
  if (!values.clock.stands(was, is, own)) return 'differs';
  if (isInstant) comparing.observe('time', String(recorded), String(live));
  return 'time';
}

/** Microseconds of a time that was sent to the millisecond. */
const PADDED = /(\.\d{3})0+(?!\d)/;

/** Whether it is the time that the client sent, by chance a whole second, and services leave out a fraction that is none. */
function isEchoCut({ values }: Comparing, recorded: string, was: WrittenTime, is: WrittenTime): boolean {
  if (was.form !== is.form || is.fraction !== 0 || is.us % SECOND_US !== 0) return false;
  const sent = values.times(recorded.replace(PADDED, '$1'));
  return sent.some((text) => text.includes('.') && readTime(text)?.us === is.us);
}

/** Of a time that came at a moment which no request tells: written alike, and of this run where the recorded one was. */
export function isTimeOfRun({ own, values }: Comparing, recorded: Scalar, live: Scalar): boolean {
  const was = readTime(recorded);
  const is = was && readTime(live);
  if (!was || !is) return true;
  return isSameForm(was, is) && (!own || values.clock.isOfItsRun(was, is, own));
}

/**
 * Whether two live times are of one moment, as those of the rows of one statement are, or of one request that took long, and
 * written alike.
 */
export function isSameMoment({ values }: Comparing, recorded: Scalar, due: string, live: Scalar): boolean {
  const known = typeof live === 'number' ? Number(due) : due;
  const [was, expected, is] = [readTime(recorded), readTime(known), readTime(live)];
  if (!was || !expected || !is || !isSameForm(expected, is)) return false;
  if (Math.abs(is.us - expected.us) <= SAME_INSTANT_US) return true;
  return values.clock.areOfOneExchange([was.us], [expected.us, is.us]);
}

/**
 * Whether a time that is written to the second is of another thing of that second: what was made in one need not have been made in
 * one in the replay. It stands where it stood, and not far from the other.
 */
export function isOfOneSecond(comparing: Comparing, recorded: Scalar, due: string, live: Scalar): boolean {
  const was = readTime(recorded);
  const is = was && readTime(live);
  const { own } = comparing;
  if (!own || !was || !is || exactnessUs(was) !== SECOND_US || distanceUs(is, due) >= MINUTE_US) return false;
  // What had been made by then is no time to come.
  if (was.us <= own.toUs && is.us > own.liveToUs + SECOND_US) return false;
  return judgeTime(comparing, recorded, live) === 'time';
}

/**
 * Whether an instant that is known is by chance that of another thing, too, which was made by this request, or has been shown
 * before: writes of one millisecond need not have one in the replay.
 */
export function isMadeInOneMoment(comparing: Comparing, recorded: Scalar, live: Scalar): boolean {
  const { own } = comparing;
  const was = readTime(recorded);
  const is = was && readTime(live);
  if (!own || !was || !is || !isSameForm(was, is)) return false;
  if (counterparts(comparing, String(recorded)).includes(String(live))) return true;
  const areOfRequest =
    isOfRequest(was, own.fromUs, own.toUs) && isOfRequest(is, own.liveFromUs, own.liveToUs);
  // Whole hours before the request are of it as well: where the recorded one was none, the live one is none.
  const isFresh = areOfRequest && comparing.values.clock.stands(was, is, own);
  if (isFresh) comparing.observe('time', String(recorded), String(live));
  return isFresh;
}

interface Instant {
  recorded: Scalar;
  was: WrittenTime;
  live: Scalar;
  is: WrittenTime;
}

/** An instant, finer than seconds, that is known to have been another one: one that should have changed, or should not have. */
function isAnotherInstant(comparing: Comparing, { recorded, was, live, is }: Instant): boolean {
  const { own, values } = comparing;
  // What was made in one second need not have been made within one in the replay.
  if (!own || exactnessUs(was) >= SECOND_US) return false;
  const isFresh = isOfRequest(was, own.fromUs, own.toUs);
  const isLiveFresh = isOfRequest(is, own.liveFromUs, own.liveToUs);
  // A slow exchange makes times that were one instant then, or are one now.
  const areFar = (known: readonly string[], of: WrittenTime, isOfExchange: (knownUs: number) => boolean) =>
    known.length > 0 &&
    known.every((time) => distanceUs(of, time) > nearUs(of) && !isOfExchange(usOf(time, of)));
  const expected = isFresh ? [] : counterparts(comparing, String(recorded));
  if (areFar(expected, is, (us) => values.clock.areOfOneExchange([was.us], [us, is.us]))) return true;
  const before = isLiveFresh ? [] : values.recordedTimes(String(live));
  return areFar(before, was, (us) => values.clock.areOfOneExchange([was.us, us], [is.us]));
}

/** Whether a time may have been made by a request: within it, or whole minutes (seconds, when soon) from it. */
function isOfRequest(time: WrittenTime, fromUs: number, toUs: number): boolean {
  const exactUs = exactnessUs(time);
  const [least, most] = [time.us - toUs - SKEW_US, time.us + exactUs - fromUs + SKEW_US];
  if (least <= 0 && most >= 0) return true;
  const isSoon = least > 0 && least < MINUTE_US;
  if (!isSoon && Math.abs(least) < MINUTE_US) return false;
  const unitUs = isSoon ? 5 * SECOND_US : MINUTE_US / 2;
  return Math.floor(most / unitUs) * unitUs >= least;
}

/** Milliseconds that are all zero are no milliseconds. */
function exactnessUs({ us, precisionUs }: WrittenTime): number {
  return us % SECOND_US === 0 ? Math.max(SECOND_US, precisionUs) : precisionUs;
}

function nearUs(time: WrittenTime): number {
  return Math.max(SAME_INSTANT_US, exactnessUs(time));
}

function distanceUs(time: WrittenTime, other: string): number {
  return Math.abs(time.us - usOf(other, time));
}

/** What a text says that is written as a time is. */
function usOf(text: string, { form }: WrittenTime): number {
  return readTime(form.startsWith('number') ? Number(text) : text)?.us ?? 0;
}

/** What stood for an instant in earlier answers and in this one. */
function counterparts(comparing: Comparing, recorded: string): readonly string[] {
  const here = comparing.observed('time', recorded);
  const before = comparing.values.times(recorded);
  return here === undefined || before.includes(here) ? before : [...before, here];
}
