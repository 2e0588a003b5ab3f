// A message as leaves: every value with the path at which it stands. Correlation, signatures, comparison and diffs all
// speak of these leaves, so a path means the same everywhere (docs/leaf-paths.md). Pure.
import type { Body, HeaderList, HttpResponse, RequestParts } from '@echoplane/traffic';
import { headerValues } from '@echoplane/traffic';
import { atomsOfText } from './atoms-of-text.ts';
import { bodyTree, formTree } from './body-tree.ts';
import { setCookieLeaves } from './cookie-leaves.ts';
import { gluedNumber, NUMBER_STEP } from './glued-numbers.ts';
import { pageFields } from './html-fields.ts';
import { innerLeaves, openValue } from './inner-leaves.ts';
import { itemOf, knownPath, nameOf } from './known-paths.ts';
import { type Leaf, treeLeaves, valueAt } from './tree.ts';

/** Headers that say how a message travelled, not what it says. */
export const TRAVEL_HEADERS: ReadonlySet<string> = new Set(
  'connection keep-alive proxy-connection transfer-encoding content-length date age via server host accept accept-encoding accept-language user-agent expect te trailer upgrade cache-control pragma priority sec-fetch-mode sec-fetch-site sec-fetch-dest'.split(
    ' ',
  ),
);

/** Travel headers that mean something in an answer: what a client may keep. */
export const ANSWER_HEADERS: ReadonlySet<string> = new Set(['cache-control', 'pragma']);
const NO_HEADERS: ReadonlySet<string> = new Set();

/** The leaves of a request: `method`, `path[n]`, `query.k`, `cookie.k`, `header.k`, `body…`. */
export function requestLeaves(request: RequestParts): Leaf[] {
  const { target, headers } = request;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const leaves: Leaf[] = [{ path: 'method', value: request.method }];
  const segments = path.split('/');
  const at = knownPath('path');
  for (let i = 1; i < segments.length; i++)
    leaves.push({ path: itemOf(at, i - 1).path, value: decode(segments[i]!) });
  if (mark >= 0) treeLeaves('query', formTree(target.slice(mark + 1)), leaves);
  addHeaders(leaves, headers, 'cookie');
  return request.body.size === 0 ? leaves : leaves.concat(bodyLeaves(request.body, headers));
}

/** The leaves of a response: `status`, `cookie.k` and `cookie.k;attribute` of Set-Cookie, `header.k`, `trailer.k`, `body…`. */
export function responseLeaves(response: HttpResponse): Leaf[] {
  return [
    { path: 'status', value: response.status },
    ...headLeaves(response),
    ...bodyLeaves(response.body, response.headers),
  ];
}

/** The cookies, headers and trailers of a response. */
export function headLeaves({ headers, trailers }: HttpResponse): Leaf[] {
  const leaves = setCookieLeaves(headerValues(headers, 'set-cookie'));
  addHeaders(leaves, headers, 'set-cookie');
  const from = leaves.length;
  for (const [name, value] of trailers ?? [])
    addNumbered(leaves, from, `trailer.${name.toLowerCase()}`, value);
  return leaves;
}

/** The leaves of a body by its format; a text is one leaf `body`, and so are bytes (size and digest). */
export function bodyLeaves(body: Body, headers: HeaderList): Leaf[] {
  const { format, root } = bodyTree(body, headers);
  if (format === 'empty') return [];
  const leaves = treeLeaves('body', root);
  if (format === 'html')
    for (const leaf of treeLeaves('body', pageFields(root as string))) leaves.push({ ...leaf, inner: true });
  return leaves;
}

/** The leaves with those inside their texts (claims of JWTs, what is behind base64), these flagged `inner`. */
export function withInnerLeaves(leaves: readonly Leaf[]): Leaf[] {
  return [...leaves, ...innerLeaves(leaves)];
}

const INNER_STEP = /^(#\d+)?(!jwt|!b64)/;

/** The value at `path` of a response as text, or undefined when there is none. */
export function leafAt(response: HttpResponse, path: string): string | undefined {
  const end = path.search(/#\d|!jwt|!b64|!number/);
  const whole = end < 0 ? path : path.slice(0, end);
  const value = wholeLeafAt(response, whole);
  if (value === undefined || value === null) return undefined;
  return end < 0 ? String(value) : insideAt(String(value), path.slice(end));
}

/** What stands at `#n`, `!jwt.sub`, `!b64.id`, `!number` or a chain of them inside a text. */
export function insideAt(text: string, rest: string): string | undefined {
  if (rest === '') return text;
  if (rest.endsWith(NUMBER_STEP)) {
    const piece = insideAt(text, rest.slice(0, -NUMBER_STEP.length));
    return piece === undefined ? undefined : gluedNumber(piece)?.number;
  }
  const step = INNER_STEP.exec(rest);
  if (!step) return atomsOfText(text)[Number(rest.slice(1))];
  const holder = step[1] ? atomsOfText(text)[Number(step[1].slice(1))] : text;
  const opened = holder === undefined ? null : openValue(holder);
  if (!opened || opened.step !== step[2]) return undefined;
  const path = rest.slice(step[0].length);
  const atom = path.search(/#\d/);
  const value = valueAt(opened.root, atom < 0 ? path : path.slice(0, atom));
  if (value === undefined || value === null || typeof value === 'object') return undefined;
  return atom < 0 ? String(value) : insideAt(String(value), path.slice(atom));
}

function wholeLeafAt(response: HttpResponse, path: string): unknown {
  if (path.startsWith('body') && response.body.json !== undefined) {
    const value = valueAt(response.body.json, path.slice(4));
    return typeof value === 'object' ? null : value;
  }
  return responseLeaves(response).find((leaf) => leaf.path === path)?.value;
}

/** Headers that mean something; of a request the cookies, of an answer these are read elsewhere. */
function addHeaders(leaves: Leaf[], headers: HeaderList, cookies: 'cookie' | 'set-cookie'): void {
  const kept = cookies === 'cookie' ? NO_HEADERS : ANSWER_HEADERS;
  const at = knownPath('header');
  const from = leaves.length;
  if (cookies === 'cookie')
    for (const [name, value] of headers)
      if (name.length === 6 && name.toLowerCase() === 'cookie') addCookies(leaves, from, value);
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower === cookies || (TRAVEL_HEADERS.has(lower) && !kept.has(lower))) continue;
    addNumbered(leaves, from, nameOf(at, lower).path, value);
  }
}

/** Adds a leaf; a name that comes again is numbered, `header.link`, `header.link[1]`. */
function addNumbered(leaves: Leaf[], from: number, name: string, value: string): void {
  let path = name;
  for (let n = 1; isTaken(leaves, from, path); n++) path = `${name}[${n}]`;
  leaves.push({ path, value });
}

function isTaken(leaves: readonly Leaf[], from: number, path: string): boolean {
  for (let i = from; i < leaves.length; i++) if (leaves[i]!.path === path) return true;
  return false;
}

function addCookies(leaves: Leaf[], from: number, text: string): void {
  for (const part of text.split(';')) {
    const equals = part.indexOf('=');
    if (equals < 0) continue;
    addNumbered(leaves, from, `cookie.${part.slice(0, equals).trim()}`, part.slice(equals + 1).trim());
  }
}

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export type { Leaf };
