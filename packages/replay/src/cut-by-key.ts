// Pages of a list that stands in the order of a generated key: which things are on one is another matter each time, and follows from
// the keys of now. Pure.
import type { Pairing } from './align.ts';
import type { Comparing } from './comparing.ts';
import { kindOf, type Scalar } from './kinds.ts';
import { type Column, sharedColumns } from './list-columns.ts';
import { byCharacters, isSorted } from './list-order.ts';
import { mentions } from './test-places.ts';
import type { TreeNode } from './tree.ts';

/** A request for a part of a list. */
const PAGED = /[?&](?:limit|size|count|first|top|per_?page|page_?size|page|offset|skip|start|after)\w*=/i;
const GENERATED = new Set(['uuid', 'token', 'hex']);

/**
 * Whether both pages go up by such a key, and whatever stands on one of them only is known and has to: its other key lies before
 * the first or behind the last of the other page. What the request names by its key is on both.
 */
export function isCutByKey(
  comparing: Comparing,
  recorded: TreeNode[],
  live: TreeNode[],
  { to, isSame }: Pairing,
): boolean {
  const { test } = comparing;
  if (isSame || recorded.length < 2 || recorded.length !== live.length || !PAGED.test(test.request.target))
    return false;
  const taken = new Set(to);
  return sharedColumns(recorded, live).some((column) => {
    const { before, now } = column;
    if (!isRisingKey(column)) return false;
    const hasLeft = before.every((key, i) => {
      if (to[i]! >= 0) return true;
      const is = liveKey(comparing, String(key));
      return is !== undefined && isBeyond(is, now) && !mentions(test, String(key));
    });
    return (
      hasLeft &&
      now.every((key, j) => {
        if (taken.has(j)) return true;
        const was = recordedKey(comparing, String(key));
        return was !== undefined && isBeyond(was, before);
      })
    );
  });
}

/** Among ids that clients chose, and names, there is one at least that was made anew. */
function isRisingKey({ before, now }: Column): boolean {
  return [before, now].every(
    (list) =>
      new Set(list).size === list.length &&
      list.every((value) => typeof value === 'string') &&
      list.some(isGenerated) &&
      isSorted(list, 1),
  );
}

/** What stands for a key in the replay: itself for one that a client chose, or that is a name. */
function liveKey({ values }: Comparing, key: string): string | undefined {
  const known = values.token(key) ?? values.seen(key)?.live ?? values.inFlows(key)[0];
  if (known !== undefined) return known;
  return isGenerated(key) && values.makerOf(key) === undefined ? undefined : key;
}

function recordedKey({ values }: Comparing, key: string): string | undefined {
  const known = values.recordedOf(key, null);
  if (known !== undefined) return known;
  return isGenerated(key) && values.makerOf(key) === undefined ? undefined : key;
}

function isGenerated(key: Scalar): boolean {
  return GENERATED.has(kindOf(key) ?? '');
}

function isBeyond(key: Scalar, page: readonly Scalar[]): boolean {
  return byCharacters(key, page[0]!) < 0 || byCharacters(key, page.at(-1)!) > 0;
}
