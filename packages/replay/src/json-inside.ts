// JSON inside of a text that a client sends: a query in a parameter of the URL, `where={"owner":"x7k2"}`, a field of a form. Its
// leaves go on behind the text, `query.where!json.owner`, and can be set there. Pure.
import { parseJson } from './json-text.ts';
import { type Leaf, treeLeaves } from './tree.ts';

export const JSON_STEP = '!json';
const MIN_CHARS = 8;
const MAX_CHARS = 65_536;
const AT_STEP = /!json/;

/** The leaves of a text that is an object or a list in JSON, as paths behind `path`; empty for other texts. */
export function leavesInside(path: string, text: string): Leaf[] {
  if (text.length < MIN_CHARS || text.length > MAX_CHARS || !/^\s*[{[]/.test(text)) return [];
  const root = parseJson(text);
  return root === undefined ? [] : treeLeaves(path + JSON_STEP, root);
}

/** The leaf around the text, and the way inside; null for a path that is not inside of JSON. */
export function splitInside(path: string): { holder: string; inside: string } | null {
  const at = path.search(AT_STEP);
  return at < 0 ? null : { holder: path.slice(0, at), inside: path.slice(at) };
}
