// JSON that a page holds for its scripts: in an attribute, `data-props="{&quot;user&quot;: …}"`, or in an element of that type,
// `<script type="application/json">{…}</script>`. Pure, and tolerant: what is no JSON stays text.
import { parseJson } from './json-text.ts';
import { decodeEntities } from './markup-tree.ts';
import type { TreeNode } from './tree.ts';

const MAX_CHARS = 1_000_000;
const MAX_PIECES = 100;
/**
 * Objects and lists: a value in quotes, or what stands between a tag for scripts and its end. The tag is read from its beginning:
 * looked for from each `>` backwards, a long text without one would be read again for each of its words.
 */
const HELD =
  /(?<==")[{[][^"<>]*[}\]](?=")|(?<==')[{[][^'<>]*[}\]](?=')|(<script\b(?=[^<>]*\bjson\b)[^<>]*>)(\s*[{[][^<]*[}\]]\s*)(?=<\/script>)/g;

export interface PageJson {
  /** The text without its JSON. */
  around: string;
  roots: TreeNode[];
}

/** The JSON in a piece of a page and the text around it; null when it holds none. */
export function openPage(text: string): PageJson | null {
  if (text.length > MAX_CHARS || !/=["'][{[]|<script\b/.test(text)) return null;
  const roots: TreeNode[] = [];
  const around = text.replace(HELD, (whole: string, tag = '', held = whole) => {
    const isAttribute = held.includes('&quot;') || !held.includes('"');
    const root = roots.length < MAX_PIECES ? parseJson(isAttribute ? decodeEntities(held) : held) : undefined;
    if (root === undefined) return whole;
    roots.push(root);
    return `${tag}…`;
  });
  return roots.length === 0 ? null : { around, roots };
}
