// Values that a page hands to the next request: hidden fields of forms, tokens in meta elements. Pure, and tolerant: tags
// need not close.
import { endOfTag, readAttributes } from './markup-tree.ts';
import type { Spot, TreeNode } from './tree.ts';

const TAG = /<(input|meta)\b/gi;
const MAX_FIELDS = 1_000;
/** A tag that goes on for longer is passed over. */
const MAX_TAG_CHARS = 65_536;
/** Meta elements about the page itself, not for the next request. */
const META_TOKEN = /csrf|xsrf|token|nonce|session/i;

/** `input.NAME` of hidden fields and `meta.NAME` of tokens; a name that comes again is numbered. */
export function pageFields(text: string): TreeNode {
  const fields = { input: new Map<string, TreeNode>(), meta: new Map<string, TreeNode>() };
  let count = 0;
  let done = 0;
  for (const { 0: opening, 1: tag, index } of text.matchAll(TAG)) {
    if (index < done) continue;
    if (++count > MAX_FIELDS) break;
    const end = endOfTag(text, index, MAX_TAG_CHARS);
    if (end < 0) continue;
    done = end + 1;
    const element = tag!.toLowerCase() as 'input' | 'meta';
    const rest = text.slice(index + opening.length, end);
    const found = fieldOf(element, new Map(readAttributes(rest, 0, rest.length)));
    if (!found) continue;
    let name = found.name;
    for (let n = 1; fields[element].has(name); n++) name = `${found.name}[${n}]`;
    fields[element].set(name, found.value);
  }
  return new Map<string, TreeNode>(Object.entries(fields).filter(([, found]) => found.size > 0));
}

function fieldOf(
  element: 'input' | 'meta',
  attributes: Map<string, Spot>,
): { name: string; value: string } | null {
  const said = (name: string) => attributes.get(name)?.value as string | undefined;
  const name = said('name');
  const value = said(element === 'input' ? 'value' : 'content');
  if (name === undefined || value === undefined) return null;
  const isMeant = element === 'input' ? said('type')?.toLowerCase() === 'hidden' : META_TOKEN.test(name);
  return isMeant ? { name, value } : null;
}
