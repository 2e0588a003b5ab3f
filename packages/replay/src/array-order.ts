// Whether the order of an array is one that a service gives it anew: by what is generated, by the hash of that, or by writes that
// ran at the same time. Every other order is part of the answer. Pure.
import { bodyText, leafPattern, type Test } from '@echoplane/traffic';
import { isAnotherThing, MAX_ALIGNED, type Pairing } from './align.ts';
import { isCutAmongEqual, isCutByHidden, isCutInOneSecond, isSortedAsAsked } from './asked-sorting.ts';
import type { Comparing } from './comparing.ts';
import { hashOrders } from './hash-order.ts';
import { isRedacted, kindOf, type Scalar } from './kinds.ts';
import { insideAt, responseLeaves } from './leaves.ts';
import { type Column, sharedColumns } from './list-columns.ts';
import { byCharacters, isSorted } from './list-order.ts';
import { isAtOnce } from './makers.ts';
import type { Exchange } from './run-clock.ts';
import { isSeededSet } from './seeded-sets.ts';
import { type AnswerLink, numberKey } from './test-places.ts';
import { readTime } from './times.ts';
import { type Leaf, type TreeNode, treeLeaves } from './tree.ts';

/** Arrays so short are sorted by anything half of the time: then only ascending order counts. */
const SHORT = 3;

/**
 * Whether the order of the elements comes from what is generated anew each time: both arrays are sorted by a generated key,
 * alone or among elements that are equal in another key by which both are sorted; or by a time that some share.
 */
function isSortedByGenerated(
  { test, places }: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
): boolean {
  if (recorded.length < 2 || recorded.length !== live.length || recorded.length > MAX_ALIGNED) return false;
  const columns = sharedColumns(recorded, live);
  // Words that are followed as ids, and are all others now, were generated, whatever they look like.
  const areOthers = ({ path: field, before, now }: Column) =>
    places.links.has(leafPattern(`${path}[0]${field}`)) &&
    before.every((value, i) => isWord(value) && isWord(now[i]!) && !now.includes(value));
  const generated = columns.filter(
    (column) =>
      (column.before.every(isGenerated) || areOthers(column)) &&
      column.now.every((value) => typeof value === 'string') &&
      isKey(column.before),
  );
  const others = columns.filter((column) => !generated.includes(column));
  if (others.some(isSortedByTimeWithTies)) return !others.some(isTurned);
  const asked = others.filter((column) => isSortedEitherWay(column.before) && isSortAsked(test, column));
  return generated.some((key) => {
    if (asked.length === 0 && isSortedBoth(key, recorded.length <= SHORT ? [1] : [1, -1])) return true;
    const signs = recorded.length <= SHORT && asked.length === 0 ? [1] : [1, -1];
    const outer = asked.length > 0 ? asked : others;
    return outer.some((other) => signs.some((sign) => isSortedWithin(other, key, sign)));
  });
}

/**
 * Whether elements that all have counterparts may stand as they do: their order is of what is generated anew, of its hashes,
 * or of writes that ran at the same time.
 */
export function mayMove(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  pairs: Pairing,
): boolean {
  if (isSortedByGenerated(comparing, path, recorded, live)) return true;
  if (!pairs.isSame || !pairs.isMoved) return false;
  return (
    isSetOfClaims(path) ||
    isListOfFaults(comparing.test, path, recorded) ||
    isSortedAsAsked(comparing.test, recorded, live, pairs) ||
    isSortedByMaking(comparing, path, recorded, live) ||
    isSeededSet(comparing, path, recorded, live) ||
    isSortedByHidden(recorded, live) ||
    isHashed(recorded, live) ||
    isMadeAtOnce(comparing, recorded, live, pairs.to) ||
    isOrderOfAnother(comparing, recorded, live)
  );
}

/** Whether a list repeats a field of another list of the answer, then and now: `ids` beside `result`, whose order is compared itself. */
function isOrderOfAnother(
  { test, live: answer }: Comparing,
  recorded: TreeNode[],
  live: TreeNode[],
): boolean {
  const now = fieldsOfLists(answer);
  return [...fieldsOfLists(test.response)].some(
    ([field, values]) => areEqual(values, recorded) && areEqual(now.get(field) ?? [], live),
  );
}

const fieldsOf = new WeakMap<Test['response'], ReadonlyMap<string, readonly Scalar[]>>();

/** The fields of the lists of an answer; read once, as an answer may have many lists that moved. */
function fieldsOfLists(response: Test['response']): ReadonlyMap<string, readonly Scalar[]> {
  const known = fieldsOf.get(response);
  if (known) return known;
  const fields = new Map<string, Scalar[]>();
  for (const { path, value } of responseLeaves(response)) {
    const [, array, index, key] = /^(.*)\[(\d+)\]\.(\w+)$/.exec(path) ?? [];
    const field = `${array}.${key}`;
    if (index === '0') fields.set(field, [value]);
    else if (fields.get(field)?.length === Number(index)) fields.get(field)!.push(value);
  }
  fieldsOf.set(response, fields);
  return fields;
}

function areEqual(values: readonly Scalar[], list: readonly TreeNode[]): boolean {
  return values.length === list.length && values.every((value, i) => value === list[i]);
}

/** What a token says its holder is and may: whose order means nothing (RFC 7519 section 4.1.3, RFC 9068 section 2.2.3.1). */
const CLAIMED_SET = /!jwt\.(?:.+\.)?(?:aud|amr|roles|groups|entitlements)$/;

function isSetOfClaims(path: string): boolean {
  return CLAIMED_SET.test(path);
}

/**
 * What is wrong with a request is found in any order: a set of broken rules, of which none comes first. The way to the place of one,
 * `["body", "lines", 0]`, has an order.
 */
function isListOfFaults(
  { response: { status } }: Test,
  path: string,
  recorded: readonly TreeNode[],
): boolean {
  if (status !== 400 && status !== 422) return false;
  const isWord = (one: TreeNode) => typeof one === 'number' || (typeof one === 'string' && !/\s/.test(one));
  return !(/\[\d+\]/.test(path) && recorded.every(isWord));
}

/**
 * Whether both go up, or both down, in a count that goes on, or in a time: writes that ran at the
 * same time have got each other's numbers, or came in another order.
 */
function isSortedByMaking(
  { places, test }: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
): boolean {
  const columns = sharedColumns(recorded, live);
  const linksOf = ({ path: field }: Column) => places.links.get(leafPattern(`${path}[0]${field}`)) ?? [];
  const counted = columns.flatMap((column) =>
    linksOf(column).map(({ inside }) => ({
      before: column.before.map((value) => numberAt(value, inside)),
      now: column.now.map((value) => numberAt(value, inside)),
    })),
  );
  const isCounted = ({ before, now }: Omit<Column, 'path'>) =>
    [before, now].every((list) => isKey(list) && !list.includes(null));
  // Some may have been made in one millisecond.
  const isTime = ({ before, now }: Column) =>
    [before, now].every((list) => list.every(readTime) && new Set(list).size > 1);
  const isMaking = [...counted.filter(isCounted), ...columns.filter(isTime)].some((column) =>
    isSortedBoth(column, [1, -1]),
  );
  const isMadeAnew = (column: Column) => linksOf(column).length > 0 || column.before.every(isGenerated);
  return isMaking && !columns.some((column) => !isMadeAnew(column) && isLost(test, column));
}

/** The serial number that a flow has in a leaf, by itself or as a piece of a text. */
function numberAt(value: Scalar, inside: string): number | null {
  const piece = inside === '' ? String(value) : insideAt(String(value), inside);
  return piece !== undefined && /^\d{1,9}$/.test(piece) ? Number(piece) : null;
}

/**
 * Whether a page differs only by what stands on the next page now, or on the one before: things that are equal in what it was
 * asked to be sorted by, or that writes of the same time made, of which one came first now.
 */
export function isCutElsewhere(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
  pairs: Pairing,
): boolean {
  if (recorded.length !== live.length || pairs.isSame || recorded.length > MAX_CROSSED) return false;
  const taken = new Set(pairs.to);
  const gone = recorded.filter((_, i) => pairs.to[i]! < 0);
  const come = live.filter((_, j) => !taken.has(j));
  // One write may have named several of them.
  const areOthers = () => gone.every((was) => come.every((is) => isAnotherThing(comparing, path, was, is)));
  if (isCutInOneSecond(comparing.test, recorded, live, pairs) && areOthers()) return true;
  const [makers, others] = makersOf(comparing, path, { recorded, live }, { gone, come });
  // What one write made is one thing, of which a value may have been changed.
  const isOther = (i: number, j: number) =>
    makers[i] && others[j] ? makers[i] !== others[j] : isAnotherThing(comparing, path, gone[i]!, come[j]!);
  if (!gone.every((_, i) => come.every((_, j) => isOther(i, j)))) return false;
  if (isCutAmongEqual(comparing.test, recorded, live, pairs)) return true;
  if (isCutByHidden(comparing.test, recorded, live, pairs)) return true;
  if (!isSortedByMaking(comparing, path, recorded, live)) return false;
  const isBeside = (one: Exchange | undefined, beside: readonly (Exchange | undefined)[]) =>
    one !== undefined && beside.some((other) => other !== undefined && isAtOnce(one, other));
  return makers.every((one) => isBeside(one, others)) && others.every((one) => isBeside(one, makers));
}

/**
 * Who made the elements that are on one page only: the writes that gave the numbers by which the list is sorted, when these are
 * known of all; else the last that brought anything of what an element names.
 */
function makersOf(
  comparing: Comparing,
  path: string,
  { recorded, live }: Record<'recorded' | 'live', TreeNode[]>,
  { gone, come }: Record<'gone' | 'come', TreeNode[]>,
): [makers: (Exchange | undefined)[], others: (Exchange | undefined)[]] {
  for (const { path: field, before, now } of sharedColumns(recorded, live)) {
    for (const link of comparing.places.links.get(leafPattern(`${path}[0]${field}`)) ?? []) {
      const numbers = [before, now].map((list) => list.map((value) => numberAt(value, link.inside)));
      if (numbers.some((list) => !isKey(list) || list.includes(null))) continue;
      if (!isSortedBoth({ before: numbers[0]!, now: numbers[1]! }, [1, -1])) continue;
      const givers = (nodes: TreeNode[], side: 'recorded' | 'live') =>
        nodes.map((node) =>
          giverOf(comparing, link, treeLeaves('', node).find((leaf) => leaf.path === field)!, side),
        );
      const [makers, others] = [givers(gone, 'recorded'), givers(come, 'live')];
      if (![...makers, ...others].includes(undefined)) return [makers, others];
    }
  }
  const [was, is] = [sharedTexts(recorded), sharedTexts(live)];
  return [
    gone.map((node) => lastMaker(comparing, node, 'recorded', was)),
    come.map((node) => lastMaker(comparing, node, 'live', is)),
  ];
}

/** The write whose answer showed a number of a flow first. */
function giverOf(
  { values }: Comparing,
  { flow, inside }: AnswerLink,
  { value }: Leaf,
  side: 'recorded' | 'live',
): Exchange | undefined {
  const number = String(numberAt(value, inside));
  const recorded = side === 'live' ? values.recordedOf(number, flow) : number;
  return recorded === undefined ? undefined : values.makerOf(numberKey(flow, recorded));
}

/** Texts that several elements have, a state or an author: by these none of them is told. */
function sharedTexts(list: readonly TreeNode[]): ReadonlySet<Scalar> {
  const [seen, shared] = [new Set<Scalar>(), new Set<Scalar>()];
  for (const node of list)
    for (const text of new Set(treeLeaves('', node).map(({ value }) => value)))
      (seen.has(text) ? shared : seen).add(text);
  return shared;
}

/** The last write that brought anything of what an element alone names, or else of what it names at all: it was made by that one. */
function lastMaker(
  { values }: Comparing,
  node: TreeNode,
  side: 'recorded' | 'live',
  shared: ReadonlySet<Scalar>,
): Exchange | undefined {
  const texts = treeLeaves('', node).flatMap(({ value }) => (typeof value === 'string' ? [value] : []));
  const last = (some: readonly string[]) => {
    const makers = some.flatMap(
      (text) => values.makerOf(side === 'live' ? (values.recordedOf(text, null) ?? text) : text) ?? [],
    );
    return makers.reduce<Exchange | undefined>(
      (latest, one) => (latest && latest.fromUs >= one.fromUs ? latest : one),
      undefined,
    );
  };
  return last(texts.filter((text) => !shared.has(text))) ?? last(texts);
}

/** Whether they have a generated key that was redacted: the order by it cannot be seen. No order that can be seen was lost. */
function isSortedByHidden(recorded: TreeNode[], live: TreeNode[]): boolean {
  const columns = sharedColumns(recorded, live);
  const isHiddenKey = ({ before, now }: Column) =>
    [before, now].every((list) => isKey(list) && list.every((value) => isRedacted(String(value))));
  return columns.some(isHiddenKey) && !columns.some((column) => !isHiddenKey(column) && isTurned(column));
}

/** Fewer rows stand in some order by chance. */
const MIN_HASHED = 4;
/** Whether both stand in the order in which the JVM's hash tables give out generated keys. */
function isHashed(recorded: TreeNode[], live: TreeNode[]): boolean {
  const { length } = recorded;
  if (length < MIN_HASHED || length > MAX_ALIGNED) return false;
  return sharedColumns(recorded, live)
    .filter(({ before, now }) => isKey(before) && before.every(isGenerated) && now.every(isGenerated))
    .some(({ before, now }) => {
      const tables = hashOrders(now);
      return hashOrders(before).some((slots) => tables.includes(slots));
    });
}

/** Longer arrays are not looked through pair by pair. */
const MAX_CROSSED = 500;

/** So few stand in the order of one of their fields by chance. */
const BY_CHANCE = 5;

/** Whether only such elements changed places as were made at the same time, and no order that can be seen was lost. */
function isMadeAtOnce(
  { values, test }: Comparing,
  recorded: TreeNode[],
  live: TreeNode[],
  to: readonly number[],
): boolean {
  if (recorded.length > MAX_CROSSED) return false;
  const keys = sharedColumns(recorded, live).filter(({ before }) => isKey(before));
  if (keys.some((column) => isLost(test, column))) return false;
  const byTime = keys.filter(({ before }) => before.every(readTime) && isSortedEitherWay(before));
  if (byTime.length > 0 && !byTime.some((times) => isSortedBoth(times, [1, -1]))) return false;
  const makers = recorded.map((_, i) =>
    keys.flatMap(({ before }) => {
      const maker = typeof before[i] === 'string' ? values.makerOf(before[i]) : undefined;
      return maker ? [maker] : [];
    }),
  );
  return to.every((j, i) =>
    to
      .slice(i + 1)
      .every((k, n) => k > j || makers[i]!.some((a) => makers[i + 1 + n]!.some((b) => isAtOnce(a, b)))),
  );
}

/** Whether an order was lost that was none by chance. */
function isLost(test: Test, column: Column): boolean {
  return (column.before.length > BY_CHANCE || isSortAsked(test, column)) && isTurned(column);
}

/** Rows of one time that stood in the order of something else, too, and do so no more. */
function isTurned({ before, now }: Column): boolean {
  if (before.length < 3 || !isKey(before) || before.some((value) => readTime(value) !== null)) return false;
  if (before.length <= SHORT && !before.every((value) => typeof value === 'number')) return false;
  return [1, -1].some((sign) => isSorted(before, sign) && !isSorted(now, sign));
}

const SORTING = /order|sort/i;

/** A request that says by what to sort leaves the order of equal ones to the service. */
function isSortAsked({ request }: Test, { path }: Column): boolean {
  const key = /[^.[\]"]+$/.exec(path)?.[0].toLowerCase();
  const asked = `${request.target}\n${bodyText(request.body) ?? ''}`;
  return key !== undefined && SORTING.test(asked) && asked.toLowerCase().includes(key);
}

function isWord(value: Scalar): boolean {
  return typeof value === 'string' && /[A-Za-z]/.test(value);
}

function isGenerated(value: Scalar): boolean {
  const kind = typeof value === 'string' ? kindOf(value) : null;
  return kind === 'uuid' || kind === 'token' || kind === 'hex';
}

/** No two elements share a value of it. */
function isKey(values: readonly Scalar[]): boolean {
  return new Set(values).size === values.length;
}

function isSortedEitherWay(values: readonly Scalar[]): boolean {
  return isSorted(values, 1) || isSorted(values, -1);
}

function isSortedBoth({ before, now }: Omit<Column, 'path'>, signs: readonly number[]): boolean {
  return signs.some((sign) => isSorted(before, sign) && isSorted(now, sign));
}

function isSortedByTimeWithTies({ before, now }: Column): boolean {
  if (new Set(before).size === before.length && new Set(now).size === now.length) return false;
  // Times that are never set, and those of the sample data, are none by which a service sorts anew.
  if (before.every((value, i) => value === now[i])) return false;
  const times = [before, now].map((list) => list.map((value) => readTime(value)?.us ?? null));
  if (times.some((list) => list.includes(null))) return false;
  return isSortedBoth({ before: times[0]!, now: times[1]! }, [1, -1]);
}

/** Both are sorted by `outer`, which has equal values, and where it has, by `inner`. */
function isSortedWithin(outer: Column, inner: Column, sign: number): boolean {
  if (new Set(outer.before).size === outer.before.length || !isSortedBoth(outer, [1, -1])) return false;
  const within = (out: Scalar[], values: Scalar[]) =>
    values.every(
      (value, i) => i === 0 || out[i] !== out[i - 1] || sign * byCharacters(values[i - 1]!, value) <= 0,
    );
  return within(outer.before, inner.before) && within(outer.now, inner.now);
}
