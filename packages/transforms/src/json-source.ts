// JSON texts edited in place: finds where a value stands and puts another there, so that spacing, key order, number
// spelling and everything else stay byte for byte. Texts handed in here were parsed before and are known to be JSON.
import { miss } from './value.ts';

export type Location = readonly (string | number)[];

/** Where a value stands; of a member, `from` is where its key begins. */
interface Span {
  from: number;
  start: number;
  end: number;
}

/** The value of a JSON text; a miss when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return miss('the value is not JSON');
  }
}

/** The spelling of the value at `location`; undefined when nothing stands there. */
export function sourceAt(text: string, location: Location): string | undefined {
  const span = spanOf(text, location);
  return span && text.slice(span.start, span.end);
}

/** `text` with other spellings at some locations, none inside another. */
export function putAt(text: string, puts: readonly { location: Location; spelling: string }[]): string {
  const edits = puts.flatMap(({ location, spelling }) => {
    const span = spanOf(text, location);
    return span ? [{ start: span.start, end: span.end, spelling }] : [];
  });
  edits.sort((a, b) => b.start - a.start);
  let edited = text;
  for (const { start, end, spelling } of edits)
    edited = edited.slice(0, start) + spelling + edited.slice(end);
  return edited;
}

/** `text` without the member or element at `location`. */
export function removeAt(text: string, location: Location): string {
  const span = spanOf(text, location);
  if (!span || location.length === 0) return text;
  // One comma goes with it: the one before, or, for the first, the one after.
  let from = span.from;
  let end = span.end;
  let before = from - 1;
  while (isBlank(text.charCodeAt(before))) before--;
  const after = skipBlanks(text, end);
  if (text[before] === ',') from = before;
  else if (text[after] === ',') end = skipBlanks(text, after + 1);
  return text.slice(0, from) + text.slice(end);
}

/** `text` with a member (or, at an array, an element at its end) added to the container at `location`. */
export function addAt(text: string, location: Location, key: string | null, spelling: string): string {
  const span = spanOf(text, location);
  const isObject = span && text[span.start] === '{';
  if (!span || !(isObject || text[span.start] === '[') || isObject !== (key !== null))
    return miss('there is no object or array to add to');
  let last = span.end - 2;
  while (isBlank(text.charCodeAt(last))) last--;
  const comma = last === span.start ? '' : ',';
  const added = `${comma}${key === null ? '' : `${JSON.stringify(key)}:`}${spelling}`;
  return text.slice(0, last + 1) + added + text.slice(last + 1);
}

function spanOf(text: string, location: Location): Span | undefined {
  let start = skipBlanks(text, 0);
  let from = start;
  for (const step of location) {
    const found =
      text[start] === '{' ? member(text, start, String(step)) : element(text, start, Number(step));
    if (!found) return undefined;
    ({ from, start } = found);
  }
  return { from, start, end: skipValue(text, start) };
}

/** Of keys that come twice the last counts, as in JSON.parse. */
function member(text: string, open: number, name: string): { from: number; start: number } | undefined {
  let found: { from: number; start: number } | undefined;
  let at = skipBlanks(text, open + 1);
  while (text[at] === '"') {
    const from = at;
    const keyEnd = skipValue(text, at);
    const key = text.slice(at + 1, keyEnd - 1);
    const start = skipBlanks(text, skipBlanks(text, keyEnd) + 1);
    if (key === name || (key.includes('\\') && JSON.parse(`"${key}"`) === name)) found = { from, start };
    at = nextItem(text, start);
  }
  return found;
}

function element(text: string, open: number, index: number): { from: number; start: number } | undefined {
  if (text[open] !== '[') return undefined;
  let at = skipBlanks(text, open + 1);
  for (let i = 0; at < text.length && text[at] !== ']'; i++) {
    if (i === index) return { from: at, start: at };
    at = nextItem(text, at);
  }
  return undefined;
}

/** Where the item after the one at `start` begins; at the closing bracket when it was the last. */
function nextItem(text: string, start: number): number {
  const after = skipBlanks(text, skipValue(text, start));
  return text[after] === ',' ? skipBlanks(text, after + 1) : after;
}

function skipValue(text: string, start: number): number {
  const first = text[start];
  if (first === '"') return skipString(text, start);
  if (first !== '{' && first !== '[') {
    let at = start;
    while (at < text.length && !isEnd(text.charCodeAt(at))) at++;
    return at;
  }
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) at = skipString(text, at) - 1;
    else if (code === 0x7b || code === 0x5b) depth++;
    else if ((code === 0x7d || code === 0x5d) && --depth === 0) return at + 1;
  }
  return text.length;
}

function skipString(text: string, start: number): number {
  let at = start;
  do {
    at = text.indexOf('"', at + 1);
    if (at < 0) return text.length;
  } while (isEscaped(text, at));
  return at + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0;
  while (text[quote - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function isEnd(code: number): boolean {
  return isBlank(code) || code === 0x2c || code === 0x7d || code === 0x5d;
}
