// Bodies of every format as one kind of tree, and the paths of its leaves. Objects are JSON's; a `Map` holds names as they
// are written in paths (fields of forms, elements, field numbers). It must not know formats.
import { createHash } from 'node:crypto';
import type { Scalar } from './kinds.ts';
import { fieldOf, itemOf, type KnownPath, keyStep, knownPath, nameOf } from './known-paths.ts';

/** A value with its place in the text it was read from: [start, end), and how another one is written there. */
export class Spot {
  readonly value: Scalar;
  readonly start: number;
  readonly end: number;
  readonly written: 'json' | 'xml' | 'cdata' | 'form' | 'raw';

  constructor(value: Scalar, start: number, end: number, written: Spot['written']) {
    this.value = value;
    this.start = start;
    this.end = end;
    this.written = written;
  }
}

/** A number that a double cannot hold, beside its digits. */
export class ExactNumber {
  readonly value: number;
  readonly source: string;

  constructor(value: number, source: string) {
    this.value = value;
    this.source = source;
  }
}

export type TreeNode =
  | Scalar
  | Spot
  | ExactNumber
  | TreeNode[]
  | { [key: string]: TreeNode }
  | Map<string, TreeNode>;

/** A value and the path at which it stands. */
export interface Leaf {
  path: string;
  value: Scalar;
  /** Digits of a number that a double does not hold. */
  source?: string;
  /** Stands inside another leaf as well (a claim in a token, a field of a page): for correlation, not compared again. */
  inner?: true;
}

/** Every leaf below `node`, in order; an empty array or object is a leaf `[]` or `{}`. */
export function treeLeaves(path: string, node: TreeNode, into: Leaf[] = []): Leaf[] {
  addLeaves(knownPath(path), node, into);
  return into;
}

function addLeaves(at: KnownPath, node: TreeNode, into: Leaf[]): void {
  const { path } = at;
  if (typeof node !== 'object' || node === null) into.push({ path, value: node });
  else if (Array.isArray(node)) {
    if (node.length === 0) into.push({ path, value: '[]' });
    for (let i = 0; i < node.length; i++) addLeaves(itemOf(at, i), node[i]!, into);
  } else if (node instanceof Spot) into.push({ path, value: node.value });
  else if (node instanceof ExactNumber) into.push({ path, value: node.value, source: node.source });
  else if (node instanceof Map) {
    if (node.size === 0) into.push({ path, value: '{}' });
    for (const [key, child] of node) addLeaves(nameOf(at, key), child, into);
  } else {
    const keys = Object.keys(node);
    if (keys.length === 0) into.push({ path, value: '{}' });
    for (const key of keys) addLeaves(fieldOf(at, key), node[key]!, into);
  }
}

export { keyStep };

const STEP = /\.([A-Za-z_$][\w$-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;

/** The value at `path` below a tree of JSON, `.items[3].id`; undefined when there is none or the path is no JSON path. */
export function valueAt(root: unknown, path: string): unknown {
  let node = root;
  for (let at = 0; at < path.length; at = STEP.lastIndex) {
    STEP.lastIndex = at;
    const step = STEP.exec(path);
    if (!step || typeof node !== 'object' || node === null) return undefined;
    const key = step[1] ?? step[2] ?? (JSON.parse(step[3]!) as string);
    if (!Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}

/** What stands for bytes in comparisons. */
export function digestOf(content: string | Buffer, size: number): string {
  return `${size} bytes, sha256 ${createHash('sha256').update(content).digest('hex')}`;
}

const DIGEST = /^\d+ bytes, sha256 [0-9a-f]{64}$/;

/** Whether a text stands for bytes: it looks generated and is not. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** The spots below `node` with their paths, in order. */
export function* treeSpots(path: string, node: TreeNode): Generator<[path: string, spot: Spot]> {
  if (node instanceof Spot) yield [path, node];
  else if (Array.isArray(node))
    for (const [i, item] of node.entries()) yield* treeSpots(`${path}[${i}]`, item);
  else if (node instanceof Map) for (const [key, child] of node) yield* treeSpots(`${path}.${key}`, child);
  else if (typeof node === 'object' && node !== null && !(node instanceof ExactNumber))
    for (const [key, child] of Object.entries(node)) yield* treeSpots(path + keyStep(key), child);
}
