// Where a page says at what it begins and ends: `startCursor` is the cursor of its first element, `next` the id of its last. When things
// that were made at once changed places, it is that of another one now, and stands in the same place of the list. Pure.
import type { HttpResponse } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { responseLeaves } from './leaves.ts';
import { remembered } from './test-places.ts';

/** Words of keys that may say so. */
const NAMED = /(?:^|[_-])(?:cursor|next|prev|previous|after|before|start|end|first|last)(?:[_-]|$)/i;
const KEY = /[^.[\]]+$/;
const ELEMENT = /^(.*)\[(\d+)\](.*)$/;
const INDEX = /\[(\d+)\]/g;
const MIN_CHARS = 6;

/** A text of the first or the last element of a list. */
interface EdgeText {
  list: string;
  value: string;
}

/** By end, list and field. */
type Edges = ReadonlyMap<string, EdgeText>;
/** Lists by what one of their edges holds, recorded and live. */
type EdgePairs = ReadonlyMap<string, readonly string[]>;

const edges = new WeakMap<HttpResponse, Edges>();
const pairs = new WeakMap<HttpResponse, WeakMap<HttpResponse, EdgePairs>>();

/** Whether both texts are what the first, or the last, element of the same list holds in the same field, recorded and live. */
export function isEdgeOfList(
  { test: { response }, live: answer }: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): boolean {
  if (typeof recorded !== 'string' || typeof live !== 'string' || recorded.length < MIN_CHARS) return false;
  const key = KEY.exec(path)?.[0] ?? '';
  if (!NAMED.test(key.replace(/([a-z])([A-Z])/g, '$1_$2'))) return false;
  const ofAnswer = remembered(pairs, answer, () => new WeakMap<HttpResponse, EdgePairs>());
  const known = remembered(ofAnswer, response, () => pairsOf(response, answer));
  return (known.get(keyOf(recorded, live)) ?? []).some((list) => !path.startsWith(`${list}[`));
}

/** An answer says of many things where they begin and end: what stands at the edges of its lists is read once. */
function pairsOf(response: HttpResponse, answer: HttpResponse): EdgePairs {
  const found = new Map<string, string[]>();
  const now = remembered(edges, answer, edgesOf);
  for (const [edge, { list, value }] of remembered(edges, response, edgesOf)) {
    const live = now.get(edge);
    if (!live) continue;
    const key = keyOf(value, live.value);
    const lists = found.get(key);
    if (lists) lists.push(list);
    else found.set(key, [list]);
  }
  return found;
}

function keyOf(recorded: string, live: string): string {
  return JSON.stringify([recorded, live]);
}

function edgesOf(answer: HttpResponse): Edges {
  const leaves = responseLeaves(answer);
  const last = new Map<string, string>();
  for (const { path } of leaves)
    for (const { index, 1: n } of path.matchAll(INDEX)) last.set(path.slice(0, index), n!);
  const found = new Map<string, EdgeText>();
  for (const { path, value } of leaves) {
    if (typeof value !== 'string' || value.length < MIN_CHARS) continue;
    const [, list, n, field] = ELEMENT.exec(path) ?? [];
    if (list === undefined) continue;
    if (n === '0') found.set(`first ${list} ${field}`, { list, value });
    if (n === last.get(list)) found.set(`last ${list} ${field}`, { list, value });
  }
  return found;
}
