// Lists of an HTML page that stand in the order of the numbers of their things: options, rows, elements. Writes that ran at the same
// time may have got each other's numbers, and then the things stand in another order. Pure.
import type { LinkedId } from './page-ids.ts';

/** A piece of the recorded page, from one offset to another. */
export type Slice = [from: number, to: number];

export interface Shown {
  text: string;
  ids: readonly LinkedId[];
}

/** What stands in the place of a number now, when that is known. */
export type LiveOf = (id: Pick<LinkedId, 'space' | 'value'>) => string | undefined;

/** A number of a flow that a page shows. */
export type ShownId = Pick<LinkedId, 'space' | 'value' | 'at'>;

interface Block {
  slice: Slice;
  /** The number that names the thing first. */
  id: LinkedId;
}

const OPENING = /<(option|tr|li)\b/gi;
const MAX_BLOCK_CHARS = 16_384;

/** The recorded page in pieces, in the order in which the live one has their things. */
export function inLiveOrder(recorded: Shown, live: Shown, liveOf: LiveOf): Slice[] {
  const theirs = Map.groupBy(listsOf(live.text, live.ids), keyOf);
  const moved: { slice: Slice; by: Slice }[] = [];
  for (const [key, lists] of Map.groupBy(listsOf(recorded.text, recorded.ids), keyOf)) {
    const others = theirs.get(key) ?? [];
    if (others.length !== lists.length) continue;
    for (const [n, list] of lists.entries()) {
      const order = orderOf(list, others[n]!, liveOf);
      for (const [i, of] of order?.entries() ?? [])
        moved.push({ slice: list[i]!.slice, by: list[of]!.slice });
    }
  }
  const pieces: Slice[] = [];
  let from = 0;
  for (const { slice, by } of moved.sort((a, b) => a.slice[0] - b.slice[0])) {
    pieces.push([from, slice[0]], by);
    from = slice[1];
  }
  return [...pieces, [from, recorded.text.length]];
}

/** Both pages without the things, `most` in a list, that stand in one of them only. */
export function withoutOthers(recorded: Shown, live: Shown, liveOf: LiveOf, most: number): [string, string] {
  const theirs = Map.groupBy(listsOf(live.text, live.ids), keyOf);
  const [gone, come]: [Slice[], Slice[]] = [[], []];
  for (const [key, lists] of Map.groupBy(listsOf(recorded.text, recorded.ids), keyOf)) {
    const others = theirs.get(key) ?? [];
    if (others.length !== lists.length) continue;
    for (const [n, list] of lists.entries()) {
      const due = new Set(list.map(({ id }) => liveOf(id) ?? id.value));
      const now = new Set(others[n]!.map(({ id }) => id.value));
      const lost = besides(recorded.text, list, ({ id }) => now.has(liveOf(id) ?? id.value));
      const added = besides(live.text, others[n]!, ({ id }) => due.has(id.value));
      if (lost.length + added.length > most) continue;
      gone.push(...lost);
      come.push(...added);
    }
  }
  return [cut(recorded.text, gone), cut(live.text, come)];
}

/** The blocks that are not shared, with what stands between them and the next one, or the one before. */
function besides(text: string, list: readonly Block[], isShared: (block: Block) => boolean): Slice[] {
  return list.flatMap((block, i): Slice[] => {
    if (isShared(block)) return [];
    const [from, to] = block.slice;
    const next = list[i + 1];
    return [next ? [from, next.slice[0]] : [text.slice(0, from).trimEnd().length, to]];
  });
}

function cut(text: string, slices: readonly Slice[]): string {
  let rest = '';
  let from = 0;
  for (const slice of slices.toSorted((a, b) => a[0] - b[0])) {
    rest += text.slice(from, slice[0]);
    from = Math.max(from, slice[1]);
  }
  return rest + text.slice(from);
}

/** For each place the block that stands there now; null when all stand where they stood, or not by their numbers. */
function orderOf(list: readonly Block[], live: readonly Block[], liveOf: LiveOf): number[] | null {
  if (list.length !== live.length) return null;
  const due = list.map(({ id }) => liveOf(id) ?? id.value);
  const now = live.map(({ id }) => id.value);
  if (due.every((value, i) => value === now[i])) return null;
  const before = list.map(({ id }) => id.value);
  if (![1, -1].some((sign) => isSorted(before, sign) && isSorted(now, sign))) return null;
  const order = now.map((value) => due.indexOf(value));
  return order.includes(-1) || new Set(order).size < order.length ? null : order;
}

function isSorted(values: readonly string[], sign: number): boolean {
  return values.every((value, i) => i === 0 || sign * (Number(value) - Number(values[i - 1])) > 0);
}

/** Runs of blocks with nothing between them. */
function listsOf(text: string, ids: readonly LinkedId[]): Block[][] {
  const lists: Block[][] = [];
  const sorted = ids.toSorted((a, b) => a.at - b.at);
  let next = 0;
  for (const slice of blocksIn(text)) {
    while (next < sorted.length && sorted[next]!.at < slice[0]) next++;
    const id = sorted[next];
    if (!id || id.at >= slice[1]) continue;
    const block = { slice, id };
    const list = lists.at(-1);
    const last = list?.at(-1);
    const isNext = last?.id.pattern === id.pattern && text.slice(last.slice[1], slice[0]).trim() === '';
    if (isNext) list!.push(block);
    else lists.push([block]);
  }
  return lists.filter((list) => list.length > 1);
}

function* blocksIn(text: string): Iterable<Slice> {
  for (const { index, 1: name } of text.matchAll(OPENING)) {
    const closing = `</${name}>`;
    const end = text.indexOf(closing, index);
    const inner = text.indexOf(`<${name}`, index + 1);
    // One in another, or one that is not closed.
    if (end < 0 || end - index > MAX_BLOCK_CHARS || (inner >= 0 && inner < end)) continue;
    yield [index, end + closing.length];
  }
}

function keyOf(list: readonly Block[]): string {
  return list[0]!.id.pattern;
}
