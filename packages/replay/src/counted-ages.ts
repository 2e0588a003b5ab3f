// How old a thing is, as a number: `age: 2`, `idleSeconds: 14`, of something that a write made or named so long before. Both numbers are,
// in one unit, the time from the same write to their own answers. Pure.
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import type { Exchange } from './run-clock.ts';
import { SECOND_US } from './times.ts';

/** Words of keys that may say so. */
const NAMED = /(?:^|[_-])(?:age|elapsed|idle|old|ago|since)(?:[_-]|$)/i;
const KEY = /[^.[\]]+$/;
/** µs of the units that are tried. */
const UNITS = [SECOND_US, 1_000, 60 * SECOND_US];
const SKEW_US = 50_000;
const MIN_NAME_CHARS = 4;
/** Fields of an object that are looked at. */
const MAX_FIELDS = 60;

/** Whether both numbers are how long before their answers the same write made or named what they stand beside. */
export function isCountedAge(
  { own, holder, values }: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (!own || !holder || !isCount(recorded) || !isCount(live) || !isNamed(path)) return false;
  const names = Object.values(holder.recorded).slice(0, MAX_FIELDS);
  const writes = names.flatMap((name) => {
    if (typeof name !== 'string' || name.length < MIN_NAME_CHARS) return [];
    return [values.makerOf(name) ?? [], values.namingOf(name)].flat();
  });
  const spans = writes.map((write) => ({ was: sinceRecorded(write, own), is: sinceLive(write, own) }));
  return UNITS.some((unitUs) =>
    spans.some(({ was, is }) => isCountOf(was, recorded, unitUs) && isCountOf(is, live, unitUs)),
  );
}

/** The least and the most that may have passed, µs. */
type Passed = [leastUs: number, mostUs: number];

const sinceRecorded = (write: Exchange, own: Exchange): Passed => [
  own.fromUs - write.toUs,
  own.toUs - write.fromUs,
];
const sinceLive = (write: Exchange, own: Exchange): Passed => [
  own.liveFromUs - write.liveToUs,
  own.liveToUs - write.liveFromUs,
];

/** Whole units, cut or rounded. */
function isCountOf([leastUs, mostUs]: Passed, amount: number, unitUs: number): boolean {
  const us = amount * unitUs;
  return us - unitUs / 2 <= mostUs + SKEW_US && us + unitUs >= leastUs - SKEW_US;
}

function isNamed(path: string): boolean {
  const key = KEY.exec(path)?.[0] ?? '';
  return NAMED.test(key.replace(/([a-z])([A-Z])/g, '$1_$2'));
}

function isCount(value: Scalar): value is number {
  return typeof value === 'number' && value >= 0;
}
