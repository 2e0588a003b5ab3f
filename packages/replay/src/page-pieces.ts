// Pieces of texts that somebody copies as a whole: what a page shows as the text of an element or the value of an attribute, and
// what stands in for a secret. In another life it may hold signs that end a piece, or that a page escapes, so it is found by what
// is around it, and of a page read as a person reads it. Pure.
import { atomIndex, atomsOfText } from './atoms-of-text.ts';
import { isRedacted } from './kinds.ts';
import { decodeEntities } from './markup-tree.ts';

/** Characters before a piece by which it is found again, the most first. */
const CONTEXTS = [120, 60, 24, 8, 4];

const BOUND = /[<>"']/;
/** What ends a text or a value, by what is before it. */
const CLOSING: Record<string, string> = { '>': '<', '"': '"', "'": "'" };

/** What stands in a live page where the recorded one has its n-th piece; undefined when that is not told. */
export function pieceOfPage(recorded: string, live: string, n: number): string | undefined {
  const [at, piece] = [atomIndex(recorded, n), atomsOfText(recorded)[n]];
  if (at === undefined) return undefined;
  let from = at;
  while (from > 0 && !BOUND.test(recorded[from - 1]!)) from--;
  const closing = CLOSING[recorded[from - 1] ?? ''];
  // A piece of a longer text has no markup of its own.
  if (closing === undefined || shownFrom(recorded, from, closing) !== piece) return undefined;
  const start = startIn(live, recorded, from);
  return start === undefined ? undefined : shownFrom(live, start, closing);
}

/**
 * What stands in a live text where the recorded one has its n-th piece, when secrets were taken out of that: what a secret is
 * in full, or the piece behind one, which may be another one by its number.
 */
export function pieceOfRedacted(recorded: string, live: string, n: number): string | undefined {
  const pieces = atomsOfText(recorded);
  const at = pieces.slice(0, n + 1).some(isRedacted) ? atomIndex(recorded, n) : undefined;
  const start = at === undefined ? undefined : startIn(live, recorded, at);
  if (at === undefined || start === undefined) return undefined;
  if (!isRedacted(pieces[n]!)) return atomsOfText(live.slice(start))[0];
  const closing = recorded[at + pieces[n]!.length];
  const end = closing === undefined ? live.length : live.indexOf(closing, start);
  return end > start ? live.slice(start, end) : undefined;
}

/** The place in a live text that a place in the recorded one has become, by what is before it. */
function startIn(live: string, recorded: string, at: number): number | undefined {
  const inLine = at - recorded.lastIndexOf('\n', at - 1);
  for (const size of [inLine, ...CONTEXTS]) {
    const before = recorded.slice(Math.max(0, at - size), at);
    if (before === '') return undefined;
    const [was, is] = [placesOf(recorded, before), placesOf(live, before)];
    if (was.length === is.length) return is[was.indexOf(at - before.length)]! + before.length;
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
