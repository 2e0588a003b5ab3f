// Texts that are a list of things: JSON values a line each (NDJSON), and server-sent events. Pure.
// https://html.spec.whatwg.org/multipage/server-sent-events.html
import { parseJson } from './json-text.ts';
import type { TreeNode } from './tree.ts';

/** The values of a text with one JSON object or array a line, at least two; undefined when it is another text. */
export function jsonLines(text: string): TreeNode[] | undefined {
  if (!/^\s*[{[]/.test(text) || !/\n\s*[{[]/.test(text)) return undefined;
  const values: TreeNode[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const value = parseJson(line);
    if (typeof value !== 'object') return undefined;
    values.push(value);
  }
  return values;
}

/** The events of a stream, each with its fields; `data` is read as JSON where it is JSON. */
export function eventTree(text: string): TreeNode[] {
  const blocks = text.split(/\r\n\r\n|\n\n|\r\r/).filter((block) => block.trim() !== '');
  return blocks.map((block) => {
    const fields = new Map<string, string>();
    for (const line of block.split(/\r\n|\n|\r/)) {
      const colon = line.indexOf(':');
      const name = colon === 0 ? 'comment' : colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + (line[colon + 1] === ' ' ? 2 : 1));
      const before = fields.get(name);
      fields.set(name, before === undefined ? value : `${before}\n${value}`);
    }
    return new Map<string, TreeNode>(
      [...fields].map(([name, value]) => [name, name === 'data' ? (parseJson(value) ?? value) : value]),
    );
  });
}
