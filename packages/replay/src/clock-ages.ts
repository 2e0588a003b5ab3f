// How long ago something was, as a number: `age: 158` beside the time of which it is the age, in its object or the one around it,
// `idleSeconds: 14` of what a write made or named, `last_active_ago: 610` of neither. Counted by the service's clock while it
// answers, and so another number each time. Pure.
import type { Holder } from './compare-serial.ts';
import type { Comparing } from './comparing.ts';
import type { Exchange } from './run-clock.ts';
import { mentions } from './test-places.ts';
import { readTime, SECOND_US, type WrittenTime } from './times.ts';
import { ExactNumber, type TreeNode } from './tree.ts';

/** Keys of numbers that say so, beside something of which they do: not `max_age`, which is a setting, `since_id`, `old_price`. */
const AGED =
  /(?:^|[_-])(?:(?<!(?:max|min)[_-])age|ago|idle|elapsed|uptime|since(?![_-]?id)|(?:ms|millis|s|secs|seconds|minutes)[_-]old)(?:[_-]|$)/i;
/** Those that say it by themselves. */
const AGO = /[_-]ago(?:[_-](?:ms|millis|s|secs|seconds))?$/i;
const KEY = /[^.[\]"]+(?="?\]?$)/;
const MINUTE_US = 60 * SECOND_US;
/** µs of the units that are tried. */
const UNITS = [1_000, SECOND_US];
/** Fields of an object that are looked at. */
const MAX_FIELDS = 60;
const MIN_NAME_CHARS = 4;
/** Clocks of two machines differ so much. */
const SKEW_US = 50_000;

/** Whether both numbers are how long ago the same thing was when they were said. */
export function isClockAge(comparing: Comparing, path: string, recorded: unknown, live: unknown): boolean {
  const { own, holder, test } = comparing;
  if (!own || typeof recorded !== 'number' || typeof live !== 'number' || recorded < 0 || live < 0)
    return false;
  // Of a person the client says it.
  if (!isNamedAge(path, recorded) || mentions(test, String(recorded))) return false;
  const holders = [holder, holder?.around].filter((one) => one !== null && one !== undefined);
  return (
    holders.some((one) => isAgeOfTime(one, own, recorded, live)) ||
    (holder !== null && isAgeOfWrite(comparing, holder, own, [recorded, live])) ||
    (AGO.test(keyOf(path)) && UNITS.some((unitUs) => stands(comparing, own, recorded, live, unitUs)))
  );
}

/** Whether a value may be such a number, by its name. */
export function isNamedAge(path: string, value: unknown): boolean {
  return typeof value === 'number' && AGED.test(keyOf(path));
}

function keyOf(path: string): string {
  return (KEY.exec(path)?.[0] ?? '').replace(/([a-z])([A-Z])/g, '$1_$2');
}

/** Whether one time of the object, and the number after it, give the moment of the answer, then and now. */
function isAgeOfTime({ recorded, live }: Holder, own: Exchange, age: number, liveAge: number): boolean {
  const times = Object.keys(recorded)
    .slice(0, MAX_FIELDS)
    .flatMap((key) => {
      const [was, is] = [timeUs(recorded[key]), timeUs(live[key])];
      return was === null || is === null ? [] : [{ was, is }];
    });
  return UNITS.some((unitUs) => {
    const isNow = (us: number, fromUs: number, toUs: number) =>
      us >= fromUs - unitUs - SKEW_US && us <= toUs + SKEW_US;
    return times.some(
      ({ was, is }) =>
        isNow(was + age * unitUs, own.fromUs, own.toUs) &&
        isNow(is + liveAge * unitUs, own.liveFromUs, own.liveToUs),
    );
  });
}

/** Whether both are, in one unit, the time from the write that made or named what they stand beside to their own answers. */
function isAgeOfWrite(
  { values }: Comparing,
  holder: Holder,
  own: Exchange,
  [recorded, live]: readonly [number, number],
): boolean {
  const names = Object.values(holder.recorded).slice(0, MAX_FIELDS);
  const writes = names.flatMap((name) => {
    if (typeof name !== 'string' || name.length < MIN_NAME_CHARS) return [];
    return [values.makerOf(name) ?? [], values.namingOf(name)].flat();
  });
  return writes.some((write) => {
    const was = { leastUs: own.fromUs - write.toUs, mostUs: own.toUs - write.fromUs };
    const is = { leastUs: own.liveFromUs - write.liveToUs, mostUs: own.liveToUs - write.liveFromUs };
    return [...UNITS, MINUTE_US].some((unitUs) => counts(recorded, unitUs, was) && counts(live, unitUs, is));
  });
}

/** Whether so many units may have passed, cut or rounded. */
function counts(
  amount: number,
  unitUs: number,
  { leastUs, mostUs }: { leastUs: number; mostUs: number },
): boolean {
  const us = amount * unitUs;
  return us - unitUs / 2 <= mostUs + SKEW_US && us + unitUs >= leastUs - SKEW_US;
}

function stands({ values }: Comparing, own: Exchange, age: number, liveAge: number, unitUs: number): boolean {
  const timeOf = (nowUs: number, amount: number): WrittenTime => ({
    ...{ us: nowUs - amount * unitUs, precisionUs: unitUs, form: 'age', fraction: null },
  });
  const was = timeOf(own.toUs, age);
  // Of what was long before the first request nobody knows when that was.
  return values.clock.isInRun(was) && values.clock.stands(was, timeOf(own.liveToUs, liveAge), own);
}

function timeUs(node: TreeNode | undefined): number | null {
  const value = node instanceof ExactNumber ? Number(node.source) : node;
  return typeof value === 'string' || typeof value === 'number' ? (readTime(value)?.us ?? null) : null;
}
