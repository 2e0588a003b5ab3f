// Sums of amounts with fractions: `4702.5`, and `4702.499999999999` when the same ones were added up in another order. Both are one
// short number but for what a double cannot hold. Where a service rounds what it says such digits are a fault: only of a field
// that has them in the recorded answer already, here or in another element. Pure.
import type { Test } from '@echoplane/traffic';
import { responseLeaves } from './leaves.ts';
import { remembered } from './test-places.ts';

/** More digits show what is rounded: by a few of them two sums differ. */
const KEPT_DIGITS = 14;
/** An amount that is written with more of them is no short one, and each of its digits may mean something. */
const MAX_DIGITS = 12;
const FRACTION = /^-?\d+\.\d+$/;
const KEY = /[^.[\]]+$/;

/** Keys of numbers that a recorded answer does not round. */
const unrounded = new WeakMap<Test, ReadonlySet<string>>();

/** Whether two numbers, by their digits, are one sum in a field that is not rounded. */
export function isOneSum(test: Test, path: string, recorded: string, live: string): boolean {
  if (isShort(recorded) && isShort(live)) return false;
  const sum = rounded(recorded);
  if (sum === null || sum !== rounded(live)) return false;
  return remembered(unrounded, test, unroundedKeys).has(keyOf(path));
}

function unroundedKeys({ response }: Test): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const { path, value, source } of responseLeaves(response)) {
    const digits = source ?? (typeof value === 'number' ? String(value) : '');
    if (digits !== '' && !isShort(digits) && rounded(digits) !== null) keys.add(keyOf(path));
  }
  return keys;
}

function isShort(digits: string): boolean {
  return !FRACTION.test(digits) || countOf(digits) <= KEPT_DIGITS;
}

/** The short number that is meant; null where there is none. */
function rounded(digits: string): number | null {
  const sum = Number(Number(digits).toPrecision(KEPT_DIGITS));
  return sum !== 0 && countOf(String(sum)) <= MAX_DIGITS ? sum : null;
}

function countOf(digits: string): number {
  return digits.replace(/^-?[0.]*|\D/g, '').length;
}

function keyOf(path: string): string {
  return KEY.exec(path)?.[0] ?? '';
}
