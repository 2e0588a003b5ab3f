// Finds values in a JSON text by a path of keys, without parsing it: what a user's chain points at keeps its place in the
// text. Tolerant of cut and broken JSON. Knows nothing of what is done with the places.
import { unescaped } from './carrier-json.ts';

/** A value's place, and where its member begins (its key's quote; the value itself in a list). End exclusive. */
export interface Located {
  start: number;
  end: number;
  memberStart: number;
}

const MAX_LEVELS = 256;
const MAX_FOUND = 10_000;

/** `items[].card` → `items`, `[]`, `card`; a leading `$.` is allowed. */
export function pathKeys(path: string): string[] {
  return path
    .replace(/^\$\.?/, '')
    .replaceAll('[]', '.[]')
    .split('.')
    .filter((key) => key !== '');
}

interface Level {
  isList: boolean;
  key: string;
  keyStart: number;
  opened: number;
}

/** The values at a path, left to right. */
export function locate(text: string, path: readonly string[]): Located[] {
  const found: Located[] = [];
  const levels: Level[] = [];
  const report = (start: number, end: number) => {
    const level = levels.at(-1);
    if (level === undefined || found.length >= MAX_FOUND || !isAt(levels, path)) return;
    found.push({ start, end, memberStart: level.isList ? start : level.keyStart });
  };
  for (let at = 0; at < text.length; ) {
    const char = text[at]!;
    if (char === '"') at = readString(text, at, levels, report);
    else if (char === '{' || char === '[') {
      if (levels.length >= MAX_LEVELS) return found;
      levels.push({ isList: char === '[', key: '', keyStart: at, opened: at });
      at++;
    } else if (char === '}' || char === ']') {
      const closed = levels.pop();
      at++;
      if (closed) report(closed.opened, at);
    } else if (/[-\w.+]/.test(char)) {
      const start = at;
      while (at < text.length && /[-\w.+]/.test(text[at]!)) at++;
      report(start, at);
    } else at++;
  }
  return found;
}

function readString(
  text: string,
  quote: number,
  levels: readonly Level[],
  report: (start: number, end: number) => void,
): number {
  let end = quote + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1;
  const after = Math.min(end + 1, text.length);
  const colon = /^\s*:/.exec(text.slice(after, after + 64))?.[0].length;
  if (colon === undefined) {
    report(quote, after);
    return after;
  }
  const level = levels.at(-1);
  if (level) {
    level.key = unescaped(text.slice(quote + 1, end));
    level.keyStart = quote;
  }
  return after + colon;
}

function isAt(levels: readonly Level[], path: readonly string[]): boolean {
  if (levels.length !== path.length) return false;
  return levels.every(({ isList, key }, index) => {
    const wanted = path[index];
    return isList ? wanted === '[]' : wanted === '*' || wanted === key;
  });
}
