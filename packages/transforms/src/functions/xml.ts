// Functions on XML by XPath 1.0. A document that changes is written anew from its tree; one that does not, stays as it was.
import { DOMParser, type Document, type Node, XMLSerializer } from '@xmldom/xmldom';
import xpath from 'xpath';
import { z } from 'zod';
import { defineFunction, defineMaker } from '../function-kind.ts';
import { miss, sameValue, textOf, type Value } from '../value.ts';

const MAX_NODES = 10_000;
const path = () =>
  z.string().min(1).max(1_000).describe("XPath 1.0: `//order/@id`, `//*[local-name()='Id']`.");
const namespaces = () =>
  z.record(z.string(), z.string()).default({}).describe('Prefixes the path uses, with their namespaces.');

export const xml = defineFunction(
  'xml',
  'Opens the text of an element, an attribute or a text of an XML document.',
  {
    path: path(),
    namespaces: namespaces(),
    all: z.boolean().default(false).describe('Every node instead of the first.'),
  },
  ({ path, namespaces, all }) => {
    const select = compileXpath(path, namespaces);
    return (value, run, next) => {
      const document = parseXml(value);
      const nodes = select(document).slice(0, all ? MAX_NODES : 1);
      if (nodes.length === 0) miss(`there is nothing at ${path}`);
      const found = nodes.map((node, i) => ({
        label: `.${path}${all ? `[${i}]` : ''}`,
        value: node.textContent ?? '',
      }));
      const made = run.windows(found, next);
      if (made.every((after, i) => sameValue(after, found[i]!.value))) return value;
      for (const [i, after] of made.entries()) setText(nodes[i]!, textOf(after));
      return written(document, textOf(value));
    };
  },
);

export const xmlDelete = defineMaker(
  'xml-delete',
  'Removes elements and attributes of an XML document.',
  { path: path(), namespaces: namespaces() },
  ({ path, namespaces }) => {
    const select = compileXpath(path, namespaces);
    return (value) => {
      const document = parseXml(value);
      const nodes = select(document);
      if (nodes.length === 0) miss(`there is nothing at ${path}`);
      for (const node of nodes) remove(node);
      return written(document, textOf(value));
    };
  },
);

const ATTRIBUTE = 2;

interface Attribute extends Node {
  value: string;
  ownerElement: { removeAttributeNode(attribute: Attribute): void } | null;
}

/** Throws an Error that says what is wrong with the path. */
function compileXpath(path: string, namespaces: Record<string, string>): (document: Document) => Node[] {
  const select = xpath.useNamespaces(namespaces);
  const nodesIn = (document: Document) => select(path, document);
  try {
    nodesIn(new DOMParser().parseFromString('<none/>', 'text/xml'));
  } catch (error) {
    throw new Error(`"${path}" is no XPath: ${(error as Error).message}`);
  }
  return (document) => {
    let nodes: unknown;
    try {
      nodes = nodesIn(document);
    } catch {
      // Types that do not go together show on data only.
    }
    return Array.isArray(nodes) ? (nodes as Node[]) : miss(`${path} selects no nodes`);
  };
}

function parseXml(value: Value): Document {
  const stop = () => miss('the value is not XML');
  try {
    const parser = new DOMParser({ onError: (level) => (level === 'warning' ? undefined : stop()) });
    return parser.parseFromString(textOf(value), 'text/xml');
  } catch {
    return stop();
  }
}

function setText(node: Node, text: string): void {
  if (node.nodeType === ATTRIBUTE) (node as Attribute).value = text;
  else node.textContent = text;
}

function remove(node: Node): void {
  if (node.nodeType === ATTRIBUTE) (node as Attribute).ownerElement?.removeAttributeNode(node as Attribute);
  else node.parentNode?.removeChild(node);
}

/** What stood before the root (declaration, line breaks) is kept by the tree, what stood after the last bracket is not. */
function written(document: Document, before: string): string {
  const text = new XMLSerializer().serializeToString(document);
  return text.trimEnd() + before.slice(before.trimEnd().length);
}
