// A list as a table: the leaves that every element has, then and now. Pure; it judges nothing.
import type { Scalar } from './kinds.ts';
import { withWholeTimes } from './nanos.ts';
import { type TreeNode, treeLeaves } from './tree.ts';

/** Keys of an element that are looked at. */
const MAX_KEYS = 60;

export interface Column {
  /** Below the element: `.owner.id`. */
  path: string;
  before: Scalar[];
  now: Scalar[];
}

/** The leaves that every element has, then and now. */
export function sharedColumns(recorded: TreeNode[], live: TreeNode[]): Column[] {
  const is = columnsOf(live);
  return [...columnsOf(recorded)].flatMap(([path, before]): Column[] => {
    const now = is.get(path);
    return now?.length === before.length && before.length === recorded.length ? [{ path, before, now }] : [];
  });
}

/** The values of each leaf over all elements. */
function columnsOf(nodes: TreeNode[]): Map<string, Scalar[]> {
  const columns = new Map<string, Scalar[]>();
  for (const node of nodes)
    for (const { path, value } of withWholeTimes(treeLeaves('', node))) {
      const column = columns.get(path);
      if (column) column.push(value);
      else if (columns.size < MAX_KEYS) columns.set(path, [value]);
    }
  return columns;
}
