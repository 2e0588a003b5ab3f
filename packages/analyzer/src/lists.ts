// The lists of an answer, by the fields of their elements, and whether such a field is what they are sorted by. Bounded; it knows
// no names. Pure.
import type { Leaf, Scalar } from '@echoplane/replay';

const MAX_COLUMNS = 40;
/** An element of a list, or a field of one. */
const ELEMENT = /^(.*)\[\d+\]((?:\.[\w$-]+)?)$/;

/** The fields of the elements of every list, by its path; of a list of words or numbers the field ''. */
export type Lists = ReadonlyMap<string, ReadonlyMap<string, readonly Scalar[]>>;

/** The lists of an answer. */
export function listsOf(leaves: readonly Leaf[]): Lists {
  const lists = new Map<string, Map<string, Scalar[]>>();
  for (const { path, value } of leaves) {
    if (!path.startsWith('body') || !path.includes('[')) continue;
    const [, list, field] = ELEMENT.exec(path) ?? [];
    if (list === undefined || field === undefined) continue;
    const columns = lists.get(list) ?? new Map<string, Scalar[]>();
    lists.set(list, columns);
    const column = columns.get(field);
    if (column) column.push(value);
    else if (columns.size < MAX_COLUMNS) columns.set(field, [value]);
  }
  return lists;
}

/** Whether something goes up or down from element to element, in more than two steps. */
export function hasOrder(list: readonly Scalar[]): boolean {
  if (new Set(list).size < 3 || list.some((value) => value === null || typeof value === 'boolean'))
    return false;
  const texts = list as readonly (string | number)[];
  return [1, -1].some((sign) =>
    texts.every((value, i) => i === 0 || sign * compare(texts[i - 1]!, value) <= 0),
  );
}

function compare(a: string | number, b: string | number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
