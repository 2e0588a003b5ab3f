// Pieces of pages: what a page shows as the text of an element or the value of an attribute, and somebody copies, as a key that
// was just made. In another life it may hold signs that a page escapes and that end a piece, so it is found by the markup
// around it, and read as a person reads it. Pure.
import { atomIndex } from './atoms-of-text.ts';
import { decodeEntities } from './markup-tree.ts';

/** Characters before a piece by which it is found again, the most first. */
const CONTEXTS = [120, 60, 24];

const BOUND = /[<>"']/;
/** What ends a text or a value, by what is before it. */
const CLOSING: Record<string, string> = { '>': '<', '"': '"', "'": "'" };

/** What stands in a live page where the recorded one has its n-th piece; undefined when that is not told. */
export function pieceOfPage(recorded: string, live: string, n: number): string | undefined {
  const at = atomIndex(recorded, n);
  if (at === undefined) return undefined;
  let from = at;
  while (from > 0 && !BOUND.test(recorded[from - 1]!)) from--;
  const closing = CLOSING[recorded[from - 1] ?? ''];
  const shown = closing === undefined ? undefined : shownFrom(recorded, from, closing);
  // A piece of a longer text has no markup of its own.
  if (closing === undefined || shown === undefined || /\s/.test(shown)) return undefined;
  for (const size of CONTEXTS) {
    const before = recorded.slice(Math.max(0, from - size), from);
    const [was, is] = [placesOf(recorded, before), placesOf(live, before)];
    if (was.length !== is.length) continue;
    const start = is[was.indexOf(from - before.length)]! + before.length;
    return shownFrom(live, start, closing);
  }
  return undefined;
}

/** The text of an element, or the value of an attribute, that begins there; undefined when there is markup in it. */
function shownFrom(text: string, from: number, closing: string): string | undefined {
  let end = from;
  while (end < text.length && !BOUND.test(text[end]!)) end++;
  return text[end] === closing ? decodeEntities(text.slice(from, end).trim()) : undefined;
}

/** Where a text stands in a longer one. */
function placesOf(text: string, part: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) places.push(at);
  return places;
}
