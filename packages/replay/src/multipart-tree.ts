// multipart bodies as a tree: `part.NAME` with the text of a part, its JSON, or the digest of its bytes; a file's name and
// type stand beside it. Pure. https://www.rfc-editor.org/rfc/rfc2046#section-5.1
import { isUtf8 } from 'node:buffer';
import { parseJson } from './json-text.ts';
import { digestOf, Spot, type TreeNode } from './tree.ts';

const MAX_PARTS = 1_000;

/** The parts of a body, or undefined when it has none. `isLatin1`: the text holds bytes as characters. */
export function multipartTree(text: string, contentType: string, isLatin1: boolean): TreeNode | undefined {
  const boundary = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  if (!boundary) return undefined;
  const delimiter = `--${boundary[1] ?? boundary[2]}`;
  const parts = new Map<string, TreeNode>();
  let at = text.indexOf(delimiter);
  for (let n = 0; at >= 0 && n < MAX_PARTS; n++) {
    const next = text.indexOf(`\n${delimiter}`, at);
    const head = text.indexOf('\n', at) + 1;
    if (next < 0 || head === 0) break;
    const end = text[next - 1] === '\r' ? next - 1 : next;
    addPart(parts, text, { start: head, end, n, isLatin1 });
    at = next + 1;
  }
  return parts.size === 0 ? undefined : new Map([['part', parts]]);
}

interface Part {
  start: number;
  end: number;
  n: number;
  isLatin1: boolean;
}

function addPart(parts: Map<string, TreeNode>, text: string, { start, end, n, isLatin1 }: Part): void {
  const blank = /\r?\n\r?\n|^\r?\n/.exec(text.slice(start, end));
  if (!blank) return;
  const from = start + blank.index + blank[0].length;
  const head = text.slice(start, start + blank.index);
  const said = (pattern: RegExp) => pattern.exec(head)?.[1];
  const given = said(/[\s;]name="([^"]*)"/i) ?? said(/content-id:\s*<?([^>\s]+)/i) ?? String(n);
  let name = given;
  for (let i = 1; parts.has(name); i++) name = `${given}[${i}]`;
  parts.set(name, partValue(text.slice(from, end), from, isLatin1));
  const file = said(/filename="([^"]*)"/i);
  if (file !== undefined) parts.set(`${name};filename`, file);
  const type = said(/^content-type:\s*([^\r\n]+)/im);
  if (type !== undefined) parts.set(`${name};type`, type.trim());
}

function partValue(content: string, start: number, isLatin1: boolean): TreeNode {
  const bytes = isLatin1 ? Buffer.from(content, 'latin1') : null;
  if (bytes && !isUtf8(bytes)) return digestOf(bytes, bytes.length);
  const text = bytes ? bytes.toString('utf8') : content;
  const json = /^\s*[{[]/.test(text) ? parseJson(text) : undefined;
  return json ?? new Spot(text, start, start + content.length, 'raw');
}
