// The names of places in a message, which recordings, artifacts and reports share. What stands at them is read elsewhere.
import type { Body, HeaderList } from './rrpair.ts';

/** A request as tests and mocks hold it. `target` is path and query. */
export interface RequestParts {
  method: string;
  target: string;
  headers: HeaderList;
  body: Body;
}

export interface OutboundRequest extends RequestParts {
  scheme: string;
  /** Host and port as the client named them. */
  host: string;
}

/** `body.items[3].id` → `body.items[].id`: the leaf in every element. A segment of a path is a place of its own: `path[1]` stays. */
export function leafPattern(path: string): string {
  return path.startsWith('path[') ? path : path.replace(/\[\d+\]/g, '[]');
}

const WHOLE = new Set(['method', 'status']);
const PATH = /^path(?:\[\d*\])?$/;
const NAMED = /^(query|header|trailer|cookie)\./;
const LOWER_CASE = /^(?:header|trailer)\.[^A-Z]*$/;
/** What may follow `body`: `.name`, `[]`, `[3]`, `["a.b"]`, a form's `[name]`, and the steps into a value. */
const BODY_STEP = /\.[^.[\]]+|\[(?:[^[\]"]*|"(?:[^"\\]|\\.)*")\]|#\d+|!jwt|!b64|!json|!number/y;

/** Why no leaf can ever fit this pattern, as words that say what to write; null when one may. */
export function leafPatternProblem(pattern: string): string | null {
  if (WHOLE.has(pattern) || PATH.test(pattern)) return null;
  const named = NAMED.exec(pattern);
  if (named) {
    const [head, kind] = named;
    if (pattern === head) return `names no ${kind}, as ${kind}.x does`;
    if (/^(?:header|trailer)/.test(pattern) && !LOWER_CASE.test(pattern))
      return `names of headers are in lower case here: ${pattern.toLowerCase()}`;
    return null;
  }
  if (!/^body(?![\w$-])/.test(pattern))
    return 'begins with none of body, status, header., trailer., cookie., query., path[0] and method; a field of a body is body.name';
  for (let at = 'body'.length; at < pattern.length; at = BODY_STEP.lastIndex) {
    BODY_STEP.lastIndex = at;
    if (!BODY_STEP.test(pattern))
      return `column ${at + 1}: no step of a path; they are .name, [] for any element, [3], and ["a.b"] for a name with signs in it`;
  }
  return null;
}
