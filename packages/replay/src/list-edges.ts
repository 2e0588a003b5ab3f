// Where a page says at what it begins and ends: `startCursor` is the cursor of its first element, `next` the id of its last. When things
// that were made at once changed places, it is that of another one now, and stands in the same place of the list. Pure.
import type { HttpResponse } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { leafAt, responseLeaves } from './leaves.ts';

/** Words of keys that may say so. */
const NAMED = /(?:^|[_-])(?:cursor|next|prev|previous|after|before|start|end|first|last)(?:[_-]|$)/i;
const KEY = /[^.[\]]+$/;
const ELEMENT = /^(.*)\[(\d+)\](.*)$/;
const MIN_CHARS = 6;

/** Whether both texts are what the first, or the last, element of the same list holds in the same field, recorded and live. */
export function isEdgeOfList(
  { test, live: answer }: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (typeof recorded !== 'string' || typeof live !== 'string' || recorded.length < MIN_CHARS) return false;
  const key = KEY.exec(path)?.[0] ?? '';
  if (!NAMED.test(key.replace(/([a-z])([A-Z])/g, '$1_$2'))) return false;
  return responseLeaves(test.response).some((leaf) => {
    const [, list, index, field] = (leaf.value === recorded && ELEMENT.exec(leaf.path)) || [];
    if (list === undefined || path.startsWith(`${list}[`)) return false;
    const ends = [0, lastOf(test.response, list)];
    const at = [0, lastOf(answer, list)];
    return ends.some(
      (end, i) => end === Number(index) && leafAt(answer, `${list}[${at[i]}]${field}`) === live,
    );
  });
}

/** Index of the last element of a list. */
function lastOf(response: HttpResponse, list: string): number {
  const last = responseLeaves(response).findLast(({ path }) => path.startsWith(`${list}[`));
  return last ? Number.parseInt(last.path.slice(list.length + 1), 10) : -1;
}
