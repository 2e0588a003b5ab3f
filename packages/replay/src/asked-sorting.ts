// Lists that the client asked to be sorted by a field: in which order those stand that are equal in it is the service's, and may be
// another one each time, also at the edges of a page. Every order that is kept among many of them is part of the answer. Pure.
import type { Test } from '@echoplane/traffic';
import type { Pairing } from './align.ts';
import { isRedacted, type Scalar } from './kinds.ts';
import { requestLeaves } from './leaves.ts';
import { type Column, sharedColumns } from './list-columns.ts';
import { byCharacters, isSorted } from './list-order.ts';
import { readTime, SECOND_US } from './times.ts';
import type { TreeNode } from './tree.ts';

/** `sort=name,desc`, `orderBy`, `$orderby`, `{"sort":[{"field":"name"}]}`; a path of `/orders` asks for nothing. */
const SORTING = /^(?:query|body)[.[].*(?:sort|order_?by|ordering|\border\b)/i;
/** A page that is not the first one: those before it may hold what is equal to the one on it. */
const PAGED = /[?&](?:page|offset|start|skip|from|after|cursor)\w*=[^&]*[1-9a-z]/i;
/** So many neighbours stand in some order by chance. */
const BY_CHANCE = 6;
const MAX_ROWS = 500;

/** Whether the elements are in the order that was asked for, and only such changed places as are equal in it. */
export function isSortedAsAsked(test: Test, recorded: TreeNode[], live: TreeNode[], pairs: Pairing): boolean {
  return pairs.isSame && askedColumns(test, recorded, live).length > 0;
}

/** Whether only such stand on another page now as are equal in what was asked for to the first or the last of this one. */
export function isCutAmongEqual(test: Test, recorded: TreeNode[], live: TreeNode[], pairs: Pairing): boolean {
  if (pairs.isSame || recorded.length !== live.length) return false;
  const taken = new Set(pairs.to);
  return askedColumns(test, recorded, live).some(({ before, now }) => {
    const edges = [before[0], before.at(-1)];
    return (
      pairs.to.every((j, i) => j >= 0 || edges.includes(before[i])) &&
      now.every((value, j) => taken.has(j) || edges.includes(value))
    );
  });
}

/**
 * Whether only such stand on another page now as were of the last second of this one, or may be of the last one that the live page
 * has, which several share: a list that was asked for by a time which is written to the second, and is in its order. What was made
 * in one second need not have been made in one in the replay.
 */
export function isCutInOneSecond(
  test: Test,
  recorded: TreeNode[],
  live: TreeNode[],
  pairs: Pairing,
): boolean {
  if (pairs.isSame || recorded.length !== live.length || recorded.length > MAX_ROWS) return false;
  const words = sortingWords(test);
  return sharedColumns(recorded, live).some(({ path, before, now }) => {
    if (!isAskedBy(words, path)) return false;
    const [was, is] = [secondsOf(before), secondsOf(now)];
    const sign = was && is && [1, -1].find((one) => isSorted(was, one) && isSorted(is, one));
    if (!sign) return false;
    const gone = was.filter((_, i) => pairs.to[i]! < 0);
    return isEndOfSecond(was, gone) || isCutInLastSecond({ was, is, gone, sign }, pairs);
  });
}

/** Whether several share the last second, and all of these are of it. */
function isEndOfSecond(times: readonly number[], some: readonly number[]): boolean {
  const edge = times.at(-1);
  return times.at(-2) === edge && some.every((time) => time === edge);
}

interface SecondsOfPage {
  was: readonly number[];
  is: readonly number[];
  gone: readonly number[];
  sign: number;
}

/** Whether several share the last second of the live page, and what is gone came no sooner than all that stands before that. */
function isCutInLastSecond({ was, is, gone, sign }: SecondsOfPage, { to, matched }: Pairing): boolean {
  const edge = is.at(-1);
  if (matched === 0 || is.at(-2) !== edge) return false;
  const before = was.filter((_, i) => to[i]! >= 0 && is[to[i]!] !== edge);
  return gone.every((time) => before.every((other) => sign * (time - other) >= 0));
}

/** Times that are written to the second; null when some are not. */
function secondsOf(values: readonly Scalar[]): number[] | null {
  const times = values.map((value) => readTime(value)?.us ?? Number.NaN);
  return times.every((us) => us % SECOND_US === 0) ? times : null;
}

/**
 * Whether a page was asked for by a field that redaction took: the service that sorts by what stands in for it, and does, has
 * other things on it.
 */
export function isCutByHidden(test: Test, recorded: TreeNode[], live: TreeNode[], pairs: Pairing): boolean {
  if (pairs.isSame || recorded.length !== live.length || recorded.length > MAX_ROWS) return false;
  if (recorded.length < 2 && !PAGED.test(test.request.target)) return false;
  const words = sortingWords(test);
  return sharedColumns(recorded, live).some(
    ({ path, before, now }) =>
      isAskedBy(words, path) &&
      [before, now].every((list) => new Set(list).size === list.length && list.every(isHiddenText)) &&
      [1, -1].some((sign) => isSorted(now, sign)),
  );
}

function isHiddenText(value: Scalar): boolean {
  return typeof value === 'string' && isRedacted(value);
}

function isAskedBy(words: readonly string[], path: string): boolean {
  const key = /[^.[\]"]+$/.exec(path)?.[0].toLowerCase();
  return key !== undefined && words.some((word) => word === key || word.endsWith(key));
}

/** The columns by which a request asks to sort, alike in both answers, each value in one place, and some of them shared. */
function askedColumns(test: Test, recorded: TreeNode[], live: TreeNode[]): Column[] {
  if (recorded.length !== live.length || recorded.length > MAX_ROWS) return [];
  if (recorded.length < 2 && !PAGED.test(test.request.target)) return [];
  const words = sortingWords(test);
  if (words.length === 0) return [];
  const columns = sharedColumns(recorded, live);
  return columns.filter((column) => {
    const { path, before, now } = column;
    if (!isAskedBy(words, path)) return false;
    if (before.some((value, i) => value !== now[i]) || !isGrouped(before, recorded.length < 2)) return false;
    return !columns.some((other) => other !== column && isOrderLost(column, other));
  });
}

/** What a request names in what it says of sorting. */
function sortingWords({ request }: Test): string[] {
  return requestLeaves(request).flatMap(({ path, value }) =>
    SORTING.test(path) && typeof value === 'string'
      ? value.split(/[^A-Za-z0-9_]+/).flatMap((word) => (word === '' ? [] : [word.toLowerCase()]))
      : [],
  );
}

/** Equal values stand side by side, and there are some, or need be none. */
function isGrouped(values: readonly Scalar[], isAlone: boolean): boolean {
  const runs = values.filter((value, i) => i === 0 || value !== values[i - 1]);
  return (isAlone || runs.length < values.length) && new Set(runs).size === runs.length;
}

/** Whether those that are equal stood in an order of something else, which they do no more. */
function isOrderLost({ before: groups }: Column, { before, now }: Column): boolean {
  const ties = groups.flatMap((value, i) => (i > 0 && value === groups[i - 1] ? [i] : []));
  if (ties.length < BY_CHANCE || before.some((value) => readTime(value) !== null)) return false;
  const isKept = (list: readonly Scalar[], sign: number) =>
    ties.every((i) => list[i] !== list[i - 1] && sign * byCharacters(list[i - 1]!, list[i]!) < 0);
  return [1, -1].some((sign) => isKept(before, sign) && !isKept(now, sign));
}
