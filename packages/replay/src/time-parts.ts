// A time in pieces: `{"year": 2026, "month": 11, "day": 23, "hour": 0, "minute": 26, "second": 52, "microsecond": 670778}`, or
// `[2026, 11, 23, 0, 26, 52]`. None of its numbers is compared alone: all of them together say one time, then and now. Pure.
import type { HttpResponse } from '@echoplane/traffic';
import { judgeTime } from './compare-time.ts';
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { leafAt } from './leaves.ts';
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
  if (typeof recorded !== 'number' || typeof live !== 'number') return null;
  const { holder, test } = comparing;
  const list = ELEMENT.exec(path)?.[1];
  const [was, is] =
    list !== undefined
      ? [timeAt(test.response, list), timeAt(comparing.live, list)]
      : holder && PART.test(path)
        ? [timeOf(holder.recorded), timeOf(holder.live)]
        : [null, null];
  return was === null || is === null ? null : judgeTime(comparing, was, is);
}

/** Seven numbers at most, the last of which are nanoseconds. */
const ELEMENT = /^(body.*)\[[0-6]\]$/;
const MOST = [2_100, 12, 31, 23, 59, 60, 999_999_999];
const LEAST = [2_000, 1, 1];

/** The time that a list of numbers says; null: it is another list. */
function timeAt(answer: HttpResponse, list: string): string | null {
  const parts: number[] = [];
  for (let i = 0; i <= MOST.length; i++) {
    const text = leafAt(answer, `${list}[${i}]`);
    if (text === undefined) break;
    const part = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(part >= (LEAST[i] ?? 0) && part <= (MOST[i] ?? -1))) return null;
    parts.push(part);
  }
  if (parts.length < 6) return null;
  const [year, month, day, hour, minute, second] = parts.map((part) => String(part).padStart(2, '0'));
  const nanos = parts.length > 6 ? `.${String(parts[6]).padStart(9, '0')}` : '';
  return `${year}-${month}-${day}T${hour}:${minute}:${second}${nanos}Z`;
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
