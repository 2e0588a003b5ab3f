// Pages of a list that stands in the order of a generated key: which things are on one is another matter each time, and follows from
// the keys of now. Pure.
import type { Pairing } from './align.ts';
import type { Comparing } from './comparing.ts';
import { kindOf, type Scalar } from './kinds.ts';
import { type Column, sharedColumns } from './list-columns.ts';
import { byCharacters, isSorted } from './list-order.ts';
import type { TreeNode } from './tree.ts';

/** A request for a part of a list. */
const PAGED = /[?&](?:limit|size|count|first|top|per_?page|page_?size|page|offset|skip|start|after)\w*=/i;
const GENERATED = new Set(['uuid', 'token', 'hex']);

/**
 * Whether both pages go up by such a key, and whatever stands on one of them only is known and has to: its other key lies before
 * the first or behind the last of the other page.
 */
export function isCutByKey(
  comparing: Comparing,
  recorded: TreeNode[],
  live: TreeNode[],
  { to }: Pairing,
): boolean {
  const { values, test } = comparing;
  if (recorded.length < 2 || recorded.length !== live.length || !PAGED.test(test.request.target))
    return false;
  const taken = new Set(to);
  return sharedColumns(recorded, live).some((column) => {
    const { before, now } = column;
    if (!isRisingKey(column)) return false;
    const hasLeft = before.every((key, i) => {
      if (to[i]! >= 0) return true;
      const is = values.token(String(key)) ?? values.seen(String(key))?.live;
      return is !== undefined && isBeyond(is, now);
    });
    return (
      hasLeft &&
      now.every((key, j) => {
        if (taken.has(j)) return true;
        const was = values.recordedOf(String(key), null);
        return was !== undefined && isBeyond(was, before);
      })
    );
  });
}

function isRisingKey({ before, now }: Column): boolean {
  return [before, now].every(
    (list) =>
      new Set(list).size === list.length &&
      list.every((value) => typeof value === 'string' && GENERATED.has(kindOf(value) ?? '')) &&
      isSorted(list, 1),
  );
}

function isBeyond(key: Scalar, page: readonly Scalar[]): boolean {
  return byCharacters(key, page[0]!) < 0 || byCharacters(key, page.at(-1)!) > 0;
}
