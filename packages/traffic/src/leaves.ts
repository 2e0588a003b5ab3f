// A message as leaves: every value with the path at which it stands. Correlation, signatures, comparison and diffs all
// speak of these leaves, so a path means the same everywhere. Pure.

import { createHash } from 'node:crypto';
import { bodyJson, bodyText, header, headerValues } from './http-view.ts';
import type { Scalar } from './kinds.ts';
import type { Body, HeaderList, HttpResponse } from './rrpair.ts';

export interface Leaf {
  path: string;
  value: Scalar;
}

/** A request as tests and mocks hold it. `target` is path and query. */
export interface RequestParts {
  method: string;
  target: string;
  headers: HeaderList;
  body: Body;
}

/** Headers that say how a message travelled, not what it says. */
const TRAVEL_HEADERS = new Set(
  'connection keep-alive proxy-connection transfer-encoding content-length date age via server host accept accept-encoding accept-language user-agent expect te trailer upgrade cache-control pragma priority sec-fetch-mode sec-fetch-site sec-fetch-dest'.split(
    ' ',
  ),
);

/** `body.items[3].id` → `body.items[].id`: the leaf in every element. */
export function leafPattern(path: string): string {
  return path.replace(/\[\d+\]/g, '[]');
}

/** The leaves of a request: `method`, `path[n]`, `query.k`, `header.k`, `cookie.k`, `body…`. */
export function requestLeaves(request: RequestParts): Leaf[] {
  const mark = request.target.indexOf('?');
  const path = mark < 0 ? request.target : request.target.slice(0, mark);
  const leaves: Leaf[] = [{ path: 'method', value: request.method }];
  for (const [i, segment] of path.split('/').slice(1).entries())
    leaves.push({ path: `path[${i}]`, value: decode(segment) });
  if (mark >= 0) leaves.push(...formLeaves('query', request.target.slice(mark + 1)));
  for (const cookie of headerValues(request.headers, 'cookie')) leaves.push(...cookieLeaves(cookie));
  leaves.push(...headerLeaves(request.headers, 'cookie'), ...bodyLeaves(request.body, request.headers));
  return leaves;
}

/** The leaves of a response: `status`, `header.k`, `cookie.k` (of Set-Cookie), `body…`. */
export function responseLeaves(response: HttpResponse): Leaf[] {
  const leaves: Leaf[] = [{ path: 'status', value: response.status }];
  for (const cookie of headerValues(response.headers, 'set-cookie'))
    leaves.push(...cookieLeaves(cookie.split(';')[0]!));
  leaves.push(
    ...headerLeaves(response.headers, 'set-cookie'),
    ...bodyLeaves(response.body, response.headers),
  );
  return leaves;
}

/** The leaves of a body: of JSON every scalar, of a form every field, of other text the text, of bytes their digest and size. */
export function bodyLeaves(body: Body, headers: HeaderList): Leaf[] {
  if (body.size === 0) return [];
  const json = bodyJson(body);
  if (json !== undefined) return jsonLeaves('body', json, []);
  const text = bodyText(body);
  if (text === undefined) {
    const digest = createHash('sha256')
      .update(body.base64 ?? body.ref ?? '')
      .digest('hex');
    return [{ path: 'body', value: `${body.size} bytes, sha256 ${digest}` }];
  }
  const type = header(headers, 'content-type') ?? '';
  return type.startsWith('application/x-www-form-urlencoded')
    ? formLeaves('body', text)
    : [{ path: 'body', value: text }];
}

/** The value at `path` of a response as text, or undefined when there is none. */
export function leafAt(response: HttpResponse, path: string): string | undefined {
  const [whole, atom] = path.split('#') as [string, string?];
  const found = responseLeaves(response).find((leaf) => leaf.path === whole);
  if (!found || found.value === null) return undefined;
  const text = String(found.value);
  return atom === undefined ? text : atomsOfText(text)[Number(atom)];
}

/** The pieces of a text between separators, by which a value inside a longer one is addressed (`#n`). */
export function atomsOfText(text: string): string[] {
  return text.split(/[\s/?&=;,"'<>:()]+/).filter((piece) => piece !== '');
}

function jsonLeaves(path: string, value: unknown, into: Leaf[]): Leaf[] {
  if (Array.isArray(value)) {
    if (value.length === 0) into.push({ path, value: '[]' });
    for (const [i, item] of value.entries()) jsonLeaves(`${path}[${i}]`, item, into);
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) into.push({ path, value: '{}' });
    for (const [key, item] of entries) jsonLeaves(`${path}${keyStep(key)}`, item, into);
  } else {
    into.push({ path, value: value as Scalar });
  }
  return into;
}

/** `.name`, or `["a.b"]` for a key that would read as something else in a path. */
function keyStep(key: string): string {
  return /^[A-Za-z_$][\w$-]*$/.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function headerLeaves(headers: HeaderList, except: string): Leaf[] {
  const meant = headers
    .map(([name, value]): [string, string] => [name.toLowerCase(), value])
    .filter(([name]) => name !== except && !TRAVEL_HEADERS.has(name));
  return numbered('header', meant);
}

/** One leaf per pair; a name that comes again is numbered, `query.tag`, `query.tag[1]`. */
function numbered(prefix: string, pairs: Iterable<[string, string]>): Leaf[] {
  const seen = new Map<string, number>();
  return [...pairs].map(([name, value]) => {
    const n = seen.get(name) ?? 0;
    seen.set(name, n + 1);
    return { path: n === 0 ? `${prefix}.${name}` : `${prefix}.${name}[${n}]`, value };
  });
}

function cookieLeaves(text: string): Leaf[] {
  return text.split(';').flatMap((part) => {
    const equals = part.indexOf('=');
    return equals < 0
      ? []
      : [{ path: `cookie.${part.slice(0, equals).trim()}`, value: part.slice(equals + 1).trim() }];
  });
}

function formLeaves(prefix: string, text: string): Leaf[] {
  return numbered(prefix, new URLSearchParams(text));
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
