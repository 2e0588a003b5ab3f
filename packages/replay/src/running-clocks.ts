// Numbers that say how long it has been since one moment, `uptime: 4.163157`: another one in every answer, and of the same moment in
// all of them, which stands to this run as the recorded one stood to its own. Where the analyzer learned it, or the key of a number
// says that it is how long the service has run. Pure.
import { bodyJson, leafPattern } from '@echoplane/traffic';
import { operationNamed } from './body-operation.ts';
import type { Comparing, Judgement } from './comparing.ts';
import { SECOND_US, type WrittenTime } from './times.ts';

/** Clocks that run apart, and what is rounded. */
const CLOCK_SKEW_US = 5_000;
/** Keys that say so, with their unit when they have one. */
const UPTIME = /(?:^|[._])(?:\w+_)?up_?time_?(?:in_?)?(ms|millis(?:econds)?|s|secs?|seconds)?$/;
const MS_US = 1_000;

/** Between two instants; µs since the epoch. */
export interface Moment {
  leastUs: number;
  mostUs: number;
}

/** The moment since which it has been so many units of so many µs, in an answer that was made between two instants. */
export function momentBefore(amount: number, unitUs: number, fromUs: number, toUs: number): Moment {
  // Cut or rounded.
  const stepUs = unitUs / 10 ** digitsOf(amount) + CLOCK_SKEW_US;
  return { leastUs: fromUs - amount * unitUs - stepUs, mostUs: toUs - amount * unitUs + stepUs };
}

/** Behind its point. */
function digitsOf(amount: number): number {
  return Number.isInteger(amount) ? 0 : (/\.(\d+)$/.exec(String(amount))?.[1]?.length ?? 0);
}

/** A number where such durations stand. */
export function judgeSince(
  comparing: Comparing,
  path: string,
  [recorded, live]: readonly [number, number],
  unitUs: number,
): Judgement {
  const { own, test, values } = comparing;
  if (Math.sign(recorded) * Math.sign(live) < 0) return 'differs';
  if (!own) return { kind: 'measure' };
  const was = momentBefore(recorded, unitUs, own.fromUs, own.toUs);
  const is = momentBefore(live, unitUs, own.liveFromUs, own.liveToUs);
  const operation = `${test.request.method} ${test.endpoint}${operationNamed(bodyJson(test.request.body))}`;
  const key = `since ${operation} ${leafPattern(path)} ${unitUs}`;
  const known = comparing.observed('seen', key) ?? values.seen(key)?.live;
  if (known !== undefined) {
    const [before, now] = JSON.parse(known) as [Moment, Moment];
    return meet(was, before) && meet(is, now) ? 'time' : 'differs';
  }
  if (!values.clock.stands(instantAt(was.leastUs, unitUs), instantAt(is.leastUs, unitUs), own))
    return 'differs';
  comparing.observe('seen', key, JSON.stringify([was, is]));
  return 'time';
}

/** Whether both numbers, by their key, say for how long the service has run: since before the first request. */
export function isUptime(comparing: Comparing, path: string, recorded: number, live: number): boolean {
  const { own, values } = comparing;
  const named = UPTIME.exec(snakeCase(path));
  if (!own || !named || recorded < 0 || live < 0) return false;
  const unit = named[1];
  const units = unit === undefined ? [SECOND_US, MS_US] : [unit.startsWith('m') ? MS_US : SECOND_US];
  // Each unit is tried, so that a later answer finds what it may have been.
  const fitting = units.filter((unitUs) => {
    const { leastUs: us } = momentBefore(recorded, unitUs, own.fromUs, own.toUs);
    // A service is there before its first request, by however little.
    if (values.clock.isInRun(instantAt(us - SECOND_US, unitUs))) return false;
    return judgeSince(comparing, path, [recorded, live], unitUs) === 'time';
  });
  return fitting.length > 0;
}

function meet(one: Moment, other: Moment): boolean {
  return one.leastUs <= other.mostUs && other.leastUs <= one.mostUs;
}

function instantAt(us: number, precisionUs: number): WrittenTime {
  return { us, precisionUs, form: 'age', fraction: null };
}

function snakeCase(path: string): string {
  return path.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}
