// Lists that stand in the order of a field of theirs whatever is generated (`Test.orders`): another order than the recorded one is
// right only when it is that order again, of the values that the list has now. Pure.
import { leafPattern, type Test } from '@echoplane/traffic';
import { hashOrders } from './hash-order.ts';
import type { Scalar } from './kinds.ts';
import { type TreeNode, treeLeaves } from './tree.ts';

/** Whether a live list stands in every order that was learned of it. */
export function keepsOrders(
  { orders }: Test,
  path: string,
  recorded: readonly TreeNode[],
  live: readonly TreeNode[],
): boolean {
  if (!orders) return true;
  const pattern = leafPattern(path);
  return orders.every(({ path: list, key, by }) => {
    if (list !== pattern) return true;
    const [before, now] = [columnOf(recorded, key), columnOf(live, key)];
    // What lacks it is named as missing.
    if (now.length < live.length) return true;
    return by === 'hash' ? isInTable(before, now) : isSorted(now, by === 'rising' ? 1 : -1);
  });
}

function columnOf(list: readonly TreeNode[], key: string): Scalar[] {
  return list.flatMap((node) => treeLeaves('', node).find(({ path }) => path === key)?.value ?? []);
}

/** As many keys are in a table of the same size again. */
function isInTable(before: readonly Scalar[], now: readonly Scalar[]): boolean {
  const tables = hashOrders(now);
  const known = before.length === now.length ? hashOrders(before) : tables;
  return tables.some((slots) => known.includes(slots));
}

/** Whether no value stands before one that comes first by its characters. `sign`: 1 upwards, -1 downwards. */
export function isSorted(values: readonly Scalar[], sign: number): boolean {
  return values.every((value, i) => i === 0 || sign * byCharacters(values[i - 1]!, value) <= 0);
}

/** Negative when the first comes before the second. */
export function byCharacters(a: Scalar, b: Scalar): number {
  return a === b ? 0 : (a as string) < (b as string) ? -1 : 1;
}
