// A text in the pieces in which it is compared: its lines, and of a page that is written in one line the elements. What differs
// is then named by itself, and what is missing or new is so for one of them. Pure.
import type { BodyFormat } from './body-tree.ts';

/** Lines of pages are shorter, but where a program has taken the breaks out. */
const MAX_LINE_CHARS = 1_000;
/** Elements that hold no markup. */
const RAW = ['script', 'style'];

/** The pieces, at least one; `like`: the recorded text, as which a live one is cut. */
export function linesOfText(format: BodyFormat, text: string, like = text): string[] {
  const lines = text.split('\n');
  return format === 'html' && hasLongLine(like) ? lines.flatMap(elementsOf) : lines;
}

function hasLongLine(text: string): boolean {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    if ((end < 0 ? text.length : end) - from > MAX_LINE_CHARS) return true;
    if (end < 0) return false;
    from = end + 1;
  }
  return false;
}

/** Each from the tag that opens it to the next one, with the tags that close before that; scripts and styles are whole. */
function elementsOf(line: string): string[] {
  const pieces: string[] = [];
  const open = new Set(RAW);
  let from = 0;
  for (let tag = line.indexOf('<'); tag >= 0; ) {
    if (line[tag + 1] !== '/' && tag > from) {
      pieces.push(line.slice(from, tag));
      from = tag;
    }
    const raw = rawAt(line, tag);
    const end = raw !== undefined && open.has(raw) ? line.indexOf(`</${raw}`, tag) : tag;
    // What is not closed here is not closed further on.
    if (end < 0) open.delete(raw!);
    tag = line.indexOf('<', Math.max(tag, end) + 1);
  }
  pieces.push(line.slice(from));
  return pieces;
}

/** The name of the element without markup that opens there, as it is written. */
function rawAt(line: string, tag: number): string | undefined {
  return RAW.find((name) => line.startsWith(name, tag + 1) && !/\w/.test(line[tag + 1 + name.length] ?? ''));
}
