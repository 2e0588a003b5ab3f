// A time in pieces: `{"year": 2026, "month": 11, "day": 23, "hour": 0, "minute": 26, "second": 52, "microsecond": 670778}`. None
// of its numbers is compared alone: all of them together say one time, then and now. Pure.
import { judgeTime } from './compare-time.ts';
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import type { TreeNode } from './tree.ts';

const PART =
  /(?:^|[.\]"])(?:year|month|day|hour|minute|second|millisecond|microsecond|nanosecond|nano)s?(?:"\])?$/i;
/** Digits of the pieces of a second, the finest first. */
const FRACTIONS: readonly [name: string, digits: number][] = [
  ['nanosecond', 9],
  ['nano', 9],
  ['microsecond', 6],
  ['millisecond', 3],
];

/** Null: what stands there is no piece of a time. */
export function judgeTimeParts(
  comparing: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): Judgement | null {
  const { holder } = comparing;
  if (!holder || typeof recorded !== 'number' || typeof live !== 'number' || !PART.test(path)) return null;
  const [was, is] = [timeOf(holder.recorded), timeOf(holder.live)];
  return was === null || is === null ? null : judgeTime(comparing, was, is);
}

/** As ISO 8601 writes it; null: the object says no time, or only a day. */
function timeOf(object: Readonly<Record<string, TreeNode>>): string | null {
  const named = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
  const part = (name: string) => named.get(name) ?? named.get(`${name}s`);
  const written = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((name) => {
    const value = part(name);
    return isCount(value) ? String(value).padStart(name === 'year' ? 4 : 2, '0') : null;
  });
  if (written.includes(null)) return null;
  const [year, month, day, hour, minute, second] = written;
  const [fine, digits] = FRACTIONS.find(([name]) => isCount(part(name))) ?? ['', 0];
  const fraction = fine === '' ? '' : `.${String(part(fine)).padStart(digits, '0')}`;
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${fraction}Z`;
}

function isCount(value: TreeNode | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
