// Two bodies in step: objects by key, arrays by the order or identity of their elements, leaves by value. What is missing or
// new is named once, at the top of what is. Pure.
import { leafPattern } from '@echoplane/traffic';
import { type Pairing, pairByIdentity, pairByLines } from './align.ts';
import { isCutElsewhere, mayMove } from './array-order.ts';
import { isBesideWrite, isMovedByWrite } from './compare-beside.ts';
import { compareLeaf } from './compare-leaf.ts';
import type { Holder } from './compare-serial.ts';
import { type Comparing, print } from './comparing.ts';
import { isCutByKey } from './cut-by-key.ts';
import { liveKeys } from './generated-keys.ts';
import { keepsOrders } from './list-order.ts';
import { areHashesSeeded, noteShuffledList } from './seeded-sets.ts';
import { hasSettled } from './settled.ts';
import { isSetOfNames, isShuffled } from './test-places.ts';
import { ExactNumber, isDigest, keyStep, Spot, type TreeNode } from './tree.ts';

type Fields = Map<string, TreeNode> | { [key: string]: TreeNode };
type LeafNode = string | number | boolean | null | ExactNumber;

/** Compares what stands at `path` in both answers. */
export function compareTree(comparing: Comparing, path: string, recorded: TreeNode, live: TreeNode): void {
  const { filter } = comparing;
  if (filter) {
    const said = filter.at(path);
    if (said === 'ignored') return void comparing.ignore(countLeaves(recorded));
    if (said === 'asked') return void filter.within(() => compareNodes(comparing, path, recorded, live));
  }
  compareNodes(comparing, path, recorded, live);
}

function compareNodes(comparing: Comparing, path: string, recordedNode: TreeNode, liveNode: TreeNode): void {
  const recorded = recordedNode instanceof Spot ? recordedNode.value : recordedNode;
  const live = liveNode instanceof Spot ? liveNode.value : liveNode;
  if ((recorded === null) !== (live === null) && isOptional(comparing, path))
    return void optional(comparing, path, recorded);
  if (isBytesAnew(comparing, path, recorded, live)) return void optional(comparing, path, recorded);
  if (isLeaf(recorded)) {
    if (comparing.filter?.isUnasked) comparing.leaves.ignored++;
    else if (isLeaf(live)) compareSettling(comparing, path, recorded, live);
    else differ(comparing, path, 'type', recorded, live);
  } else if (Array.isArray(recorded)) {
    // One element of a name is no array in XML, forms and protobuf.
    if (Array.isArray(live)) compareArrays(comparing, path, recorded, live);
    else if (comparing.isNamed) compareArrays(comparing, path, recorded, [live]);
    else differ(comparing, path, 'type', recorded, live);
  } else if (Array.isArray(live) && comparing.isNamed) compareArrays(comparing, path, [recorded], live);
  else if (isLeaf(live) || Array.isArray(live)) differ(comparing, path, 'type', recorded, live);
  else if (isBesideWrite(comparing, recorded)) compareBeside(comparing, path, recorded, live);
  else compareFields(comparing, path, recorded, live);
}

/** Whether bytes of a field that is made anew happen to read as a message, recorded or live (protobuf does not tell them apart). */
function isBytesAnew({ places }: Comparing, path: string, recorded: TreeNode, live: TreeNode): boolean {
  const isBytes = (node: TreeNode) => typeof node === 'string' && isDigest(node);
  const isEither = (recorded instanceof Map && isBytes(live)) || (live instanceof Map && isBytes(recorded));
  return isEither && places.learned.has(leafPattern(path));
}

/** A leaf as it was, or, when it settles, as it was at another time. */
function compareSettling(comparing: Comparing, path: string, recorded: LeafNode, live: LeafNode): void {
  const mark = comparing.mark();
  compareLeaf(comparing, path, recorded, live);
  if (!comparing.test.settling || comparing.differences.length === mark.differences) return;
  const found = comparing.differences.slice(mark.differences);
  comparing.back(mark);
  if (hasSettled(comparing, path, recorded, live)) return void comparing.loose(path, 'text');
  comparing.leaves.strict++;
  comparing.differences.push(...found);
}

/** A thing that was just being written: when it is another one, it is what it was before, or after. */
function compareBeside(comparing: Comparing, path: string, recorded: Fields, live: Fields): void {
  const mark = comparing.mark();
  compareFields(comparing, path, recorded, live);
  if (comparing.differences.length === mark.differences) return;
  comparing.back(mark);
  optional(comparing, path, recorded);
}

function compareFields(comparing: Comparing, path: string, recorded: Fields, live: Fields): void {
  if (recorded instanceof Map || live instanceof Map)
    return void compareMaps(comparing, path, asMap(recorded), asMap(live));
  const keys = Object.keys(recorded);
  const theirs = Object.keys(live);
  const renamed = keys.every((key) => Object.hasOwn(live, key)) ? null : liveKeys(comparing, keys, theirs);
  const around = comparing.holder?.at === recorded ? comparing.holder : undefined;
  const holder: Holder = { recorded, live, around };
  let shared = 0;
  for (const key of keys) {
    const at = path + keyStep(key);
    const theirKey = renamed?.get(key) ?? key;
    if (Object.hasOwn(live, theirKey)) {
      shared++;
      if (theirKey !== key) comparing.moves.push([at, path + keyStep(theirKey)]);
      holder.at = recorded[key]!;
      comparing.holder = holder;
      compareTree(comparing, at, recorded[key]!, live[theirKey]!);
    } else missing(comparing, at, recorded[key]!);
  }
  if (keys.length === 0 && theirs.length === 0) countContainer(comparing);
  else if (keys.length === 0) comparing.leaves.strict++;
  if (theirs.length === shared) return;
  const taken = new Set(renamed?.values());
  for (const key of theirs)
    if (!Object.hasOwn(recorded, key) && !taken.has(key))
      unexpected(comparing, path + keyStep(key), live[key]!);
}

function compareMaps(
  comparing: Comparing,
  path: string,
  recorded: Map<string, TreeNode>,
  live: Map<string, TreeNode>,
): void {
  if (recorded.size === 0) countContainer(comparing);
  const message = { recorded, live };
  for (const [key, node] of recorded) {
    const other = live.get(key);
    if (other === undefined) missing(comparing, `${path}.${key}`, node);
    else {
      comparing.message = message;
      compareTree(comparing, `${path}.${key}`, node, other);
    }
  }
  for (const [key, node] of live) if (!recorded.has(key)) unexpected(comparing, `${path}.${key}`, node);
}

function asMap(fields: Fields): Map<string, TreeNode> {
  return fields instanceof Map ? fields : new Map(Object.entries(fields));
}

/** An empty array or object is a leaf of its own. */
function countContainer({ leaves, filter }: Comparing): void {
  if (filter?.isUnasked) leaves.ignored++;
  else leaves.strict++;
}

function compareArrays(comparing: Comparing, path: string, recorded: TreeNode[], live: TreeNode[]): void {
  if (recorded.length === 0) countContainer(comparing);
  if (comparing.isShapeOnly) return void compareShapes(comparing, path, recorded, live);
  const mark = comparing.mark();
  if (recorded.length === live.length && compareInOrder(comparing, path, recorded, live, mark.differences))
    return;
  comparing.back(mark);
  if (isSameSet(comparing, recorded, live)) {
    comparing.leaves.strict += recorded.length - 1;
    return void comparing.loose(path, 'text');
  }
  const pairs = pairByIdentity(comparing, path, recorded, live);
  const isMoved =
    isMovedByWrite(comparing, recorded, live, pairs) || isCutByKey(comparing, recorded, live, pairs);
  if (!isMoved && compareWithoutBeside(comparing, path, recorded, live, pairs)) return;
  if (isMoved || isCutElsewhere(comparing, path, recorded, live, pairs))
    return void compareCut(comparing, path, recorded, live, pairs);
  const isFree =
    comparing.isSaidFree(path) ||
    (keepsOrders(comparing.test, path, recorded, live) &&
      (comparing.places.unordered.has(leafPattern(path)) || mayMove(comparing, path, recorded, live, pairs)));
  if (isFree) return void comparePairs(comparing, path, recorded, live, pairs.paired);
  if (pairs.isSame && pairs.isMoved) return void outOfOrder(comparing, path, recorded, live, pairs);
  if (comparing.isLines && path === 'body')
    return void comparePairs(comparing, path, recorded, live, pairByLines(comparing, path, recorded, live));
  const isShifted = recorded.length !== live.length || pairs.to.some((j, i) => j >= 0 && j !== i);
  const inPlace = recorded.map((_, i) => (i < live.length ? i : -1));
  const isRun = !pairs.isMoved && pairs.matched > 0 && isShifted;
  comparePairs(comparing, path, recorded, live, isRun ? pairs.to : inPlace);
}

/** Compares what is left of two lists without what was just being written and stands in one of them only; false: nothing was. */
function compareWithoutBeside(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  { to }: Pairing,
): boolean {
  if (!comparing.test.beside) return false;
  const taken = new Set(to);
  const isOnly = (isPaired: boolean, node: TreeNode) => !isPaired && isBesideWrite(comparing, node);
  const was = recorded.flatMap((node, i) => (isOnly(to[i]! >= 0, node) ? [] : [i]));
  const is = live.flatMap((node, j) => (isOnly(taken.has(j), node) ? [] : [j]));
  if (was.length === recorded.length && is.length === live.length) return false;
  for (const [i, node] of recorded.entries())
    if (!was.includes(i)) optional(comparing, `${path}[${i}]`, node);
  const from = comparing.moves.length;
  compareArrays(
    comparing,
    path,
    was.map((i) => recorded[i]!),
    is.map((j) => live[j]!),
  );
  const moved = comparing.moves.splice(from);
  const whole = new Map(moved);
  const renumbered = (one: string, at: readonly number[]) => {
    const end = one.indexOf(']', path.length);
    return `${path}[${at[Number(one.slice(path.length + 1, end))]}${one.slice(end)}`;
  };
  for (const [n, i] of was.entries())
    if (!whole.has(`${path}[${n}]`) && is[n] !== undefined && is[n] !== i)
      comparing.moves.push([`${path}[${i}]`, `${path}[${is[n]}]`]);
  for (const [one, other] of moved) comparing.moves.push([renumbered(one, was), renumbered(other, is)]);
  return true;
}

/** Less of a list of rows is moved by a mistake. */
const MOVED_SHARE = 4;

/** The same names in another order, which a service keeps once it has one. */
function isSameSet(comparing: Comparing, recorded: TreeNode[], live: TreeNode[]): boolean {
  if (recorded.length !== live.length || !isSetOfNames(comparing.test, recorded)) return false;
  const [before, now] = [recorded, live].map((list) => list.map((one) => JSON.stringify(one))) as [
    string[],
    string[],
  ];
  const names = new Set(now);
  if (names.size !== live.length || !before.every((name) => names.has(name))) return false;
  if (!isShuffled(before, now)) return false;
  const moved = before.filter((name, i) => name !== now[i]).length;
  const isFew = Array.isArray(recorded[0]) && moved * MOVED_SHARE < before.length;
  if (isFew && !areHashesSeeded(comparing)) return false;
  const [was, is] = [JSON.stringify(recorded), JSON.stringify(live)];
  const due = comparing.observed('seen', was) ?? comparing.values.seen(was)?.live;
  if (due === undefined) {
    comparing.observe('seen', was, is);
    noteShuffledList(comparing, recorded);
  }
  return due === undefined || due === is;
}

/** Elements one by one; stops, and says so, at the first difference. */
function compareInOrder(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  before: number,
): boolean {
  for (let i = 0; i < recorded.length; i++) {
    compareTree(comparing, `${path}[${i}]`, recorded[i]!, live[i]!);
    if (comparing.differences.length > before) return false;
  }
  return true;
}

/** Elements that have their counterparts on this page by them; the others are somebody else's now. */
function compareCut(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  { to }: Pairing,
): void {
  for (const [i, j] of to.entries()) {
    if (i !== j && j >= 0) comparing.moves.push([`${path}[${i}]`, `${path}[${j}]`]);
    if (j < 0) optional(comparing, `${path}[${i}]`, recorded[i]!);
    else compareTree(comparing, `${path}[${i}]`, recorded[i]!, live[j]!);
  }
}

/** `to`: index of the live counterpart of each recorded element, or -1. */
function comparePairs(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  to: readonly number[],
): void {
  const taken = new Set(to);
  for (let i = 0; i < recorded.length; i++) {
    const j = to[i]!;
    if (j < 0) {
      i = missingRun(comparing, path, recorded, to, i);
      continue;
    }
    if (i !== j) comparing.moves.push([`${path}[${i}]`, `${path}[${j}]`]);
    compareTree(comparing, `${path}[${i}]`, recorded[i]!, live[j]!);
  }
  const rest = live.flatMap((_, j) => (taken.has(j) ? [] : [j]));
  for (let n = 0; n < rest.length; n++) {
    const first = rest[n]!;
    while (rest[n + 1] === rest[n]! + 1) n++;
    unexpected(comparing, `${path}[${first}]`, live[first]!, rest[n]! - first);
  }
}

/** Elements lost in a row are one difference; gives the index of the last. */
function missingRun(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  to: readonly number[],
  first: number,
): number {
  let last = first;
  while (last + 1 < to.length && to[last + 1]! < 0) last++;
  const more = recorded.slice(first + 1, last + 1).reduce<number>((sum, node) => sum + countLeaves(node), 0);
  if (!comparing.filter?.isUnasked) comparing.leaves.strict += more;
  else comparing.leaves.ignored += more;
  missing(comparing, `${path}[${first}]`, recorded[first]!, last - first);
  return last;
}

/** One difference, and what is known of the elements from then on is known of the same ones. */
function outOfOrder(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  { to }: Pairing,
): void {
  const mark = comparing.mark();
  comparePairs(comparing, path, recorded, live, to);
  comparing.differences.length = mark.differences;
  comparing.volatile.length = mark.volatile;
  comparing.leaves = mark.leaves;
  comparing.leaves.strict += countLeaves(recorded);
  comparing.differ(path, 'order', print(recorded), print(live));
}

/** Types only: the array may have grown or shrunk, its elements are as one of the recorded. */
function compareShapes(comparing: Comparing, path: string, recorded: TreeNode[], live: TreeNode[]): void {
  const shared = Math.min(recorded.length, live.length);
  for (let i = 0; i < shared; i++) compareTree(comparing, `${path}[${i}]`, recorded[i]!, live[i]!);
  for (const node of recorded.slice(shared)) comparing.leaves.ignored += countLeaves(node);
}

function missing(comparing: Comparing, path: string, node: TreeNode, more = 0): void {
  const leaves = countLeaves(node);
  const said = comparing.filter?.at(path);
  if (said === 'ignored' || (comparing.filter?.isUnasked && said !== 'asked'))
    return void comparing.ignore(leaves);
  if (isOptional(comparing, path) || (more === 0 && isBesideWrite(comparing, node)))
    return void optional(comparing, path, node);
  comparing.leaves.strict += leaves;
  comparing.differ(path, 'missing', `${print(node)}${more > 0 ? ` and ${more} more` : ''}`, null);
}

function unexpected(comparing: Comparing, path: string, node: TreeNode, more = 0): void {
  const said = comparing.filter?.at(path);
  if (
    said === 'ignored' ||
    (comparing.filter?.isUnasked && said !== 'asked') ||
    comparing.rules.body?.allowNew ||
    isOptional(comparing, path) ||
    (more === 0 && isBesideWrite(comparing, node))
  )
    return;
  comparing.differ(path, 'unexpected', null, `${print(node)}${more > 0 ? ` and ${more} more` : ''}`);
}

/** What the service makes by itself, sooner or later. */
function isOptional({ places }: Comparing, path: string): boolean {
  return places.optional.size > 0 && places.optional.has(leafPattern(path));
}

function optional(comparing: Comparing, path: string, node: TreeNode): void {
  comparing.loose(path, 'text');
  comparing.leaves.kind += countLeaves(node) - 1;
}

function differ(
  comparing: Comparing,
  path: string,
  problem: 'type',
  recorded: TreeNode,
  live: TreeNode,
): void {
  const leaves = countLeaves(recorded);
  if (comparing.filter?.isUnasked) return void comparing.ignore(leaves);
  comparing.leaves.strict += leaves;
  comparing.differ(path, problem, print(recorded), print(live));
}

function isLeaf(node: TreeNode): node is LeafNode {
  return typeof node !== 'object' || node === null || node instanceof ExactNumber;
}

/** Leaves below a node, as `treeLeaves` gives them. */
export function countLeaves(node: TreeNode): number {
  if (isLeaf(node) || node instanceof Spot) return 1;
  const children = Array.isArray(node)
    ? node
    : node instanceof Map
      ? [...node.values()]
      : Object.values(node);
  return children.length === 0 ? 1 : children.reduce<number>((sum, child) => sum + countLeaves(child), 0);
}
