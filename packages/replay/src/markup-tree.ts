// XML as a tree of named values with their places in the text: elements by name, several of one name as an array, attributes
// as `@name`, text beside them as `text()`. No document types, no entities but the five and numbers: nothing is fetched
// or expanded. https://www.w3.org/TR/xml/
import { Spot, type TreeNode } from './tree.ts';

const ATTRIBUTE = /([^\s=/<>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/dg;
const MAX_DEPTH = 200;
const ENTITY = /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(lt|gt|amp|quot|apos));/g;
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

interface Element {
  name: string;
  attributes: [name: string, value: Spot][];
  children: [name: string, value: TreeNode][];
  texts: Spot[];
}

/** The document, or undefined when it is not well-formed. Leaves are `Spot`s. */
export function markupTree(text: string): TreeNode | undefined {
  const root: Element = { name: '', attributes: [], children: [], texts: [] };
  const open: Element[] = [root];
  for (let at = 0; at < text.length; ) {
    const tag = text.indexOf('<', at);
    addText(open.at(-1)!, text, at, tag < 0 ? text.length : tag);
    if (tag < 0) break;
    const next = readMarkup(text, tag, open);
    if (next === null || open.length > MAX_DEPTH) return undefined;
    at = next;
  }
  return open.length === 1 && root.children.length > 0 && root.texts.length === 0 ? nodeOf(root) : undefined;
}

/** Reads what begins at `<`; where it ends, or null when it is malformed. */
function readMarkup(text: string, tag: number, open: Element[]): number | null {
  if (text.startsWith('<!--', tag)) return after(text, '-->', tag + 4);
  if (text.startsWith('<![CDATA[', tag)) {
    const end = text.indexOf(']]>', tag);
    if (end < 0) return null;
    open.at(-1)!.texts.push(new Spot(text.slice(tag + 9, end), tag + 9, end, 'cdata'));
    return end + 3;
  }
  if (text.startsWith('<!', tag))
    return after(text, '>', text.indexOf('[', tag) < 0 ? tag : endOfSubset(text, tag));
  const end = endOfTag(text, tag);
  if (end < 0) return null;
  const isInstruction = text[tag + 1] === '?';
  if (text[tag + 1] === '/') {
    const closed = open.length > 1 ? open.pop()! : null;
    return closed?.name === text.slice(tag + 2, end).trim() ? close(closed, open.at(-1)!, end) : null;
  }
  const element = readTag(text, tag + 1, isInstruction || text[end - 1] === '/' ? end - 1 : end);
  if (!element) return null;
  if (isInstruction || text[end - 1] === '/') return close(element, open.at(-1)!, end);
  open.push(element);
  return end + 1;
}

function close(element: Element, parent: Element, end: number): number {
  parent.children.push([element.name, nodeOf(element)]);
  return end + 1;
}

function after(text: string, closing: string, from: number): number | null {
  const found = text.indexOf(closing, from);
  return found < 0 ? null : found + closing.length;
}

/** Behind the internal subset of a document type, when it has one before its end. */
function endOfSubset(text: string, tag: number): number {
  const bracket = text.indexOf('[', tag);
  const end = text.indexOf('>', tag);
  return bracket < end ? Math.max(tag, text.indexOf(']', bracket)) : tag;
}

/** The `>` of a tag, at most `limit` on; those in quotes are none. */
export function endOfTag(text: string, tag: number, limit = text.length): number {
  let quote = '';
  for (let at = tag; at < Math.min(text.length, tag + limit); at++) {
    const c = text[at]!;
    if (quote) quote = c === quote ? '' : quote;
    else if (c === '"' || c === "'") quote = c;
    else if (c === '>') return at;
  }
  return -1;
}

function readTag(text: string, start: number, end: number): Element | null {
  const name = /^[^\s/<>=]+/.exec(text.slice(start, end))?.[0];
  if (name === undefined) return null;
  return { name, attributes: readAttributes(text, start + name.length, end), children: [], texts: [] };
}

/** The attributes between two places of a text. */
export function readAttributes(text: string, start: number, end: number): [name: string, value: Spot][] {
  return [...text.slice(start, end).matchAll(ATTRIBUTE)].map((match) => {
    const [from, to] = match.indices![2] ?? match.indices![3] ?? match.indices![4] ?? [0, 0];
    const raw = text.slice(start + from, start + to);
    return [match[1]!, new Spot(decodeEntities(raw), start + from, start + to, 'xml')];
  });
}

function addText(element: Element, text: string, start: number, end: number): void {
  const raw = text.slice(start, end);
  const trimmed = raw.trim();
  if (trimmed === '') return;
  const from = start + raw.indexOf(trimmed);
  element.texts.push(new Spot(decodeEntities(trimmed), from, from + trimmed.length, 'xml'));
}

/** An element without attributes and children is its text. */
function nodeOf({ attributes, children, texts }: Element): TreeNode {
  const text = texts.length === 0 ? null : texts.length === 1 ? texts[0]! : texts;
  if (attributes.length === 0 && children.length === 0) return text ?? '';
  const fields = new Map<string, TreeNode>();
  for (const [name, value] of attributes) fields.set(`@${name}`, value);
  for (const [name, value] of Map.groupBy(children, ([child]) => child))
    fields.set(name, value.length === 1 ? value[0]![1] : value.map(([, child]) => child));
  if (text !== null) fields.set('text()', text);
  return fields;
}

/** `&lt;` and its like as the characters they stand for. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(ENTITY, (whole, decimal, hex, name) => {
    if (name) return NAMED[name as string]!;
    const code = decimal ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
