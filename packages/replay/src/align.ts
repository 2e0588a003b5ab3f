// Which elements of two arrays are the same ones: by the live counterparts of their generated values, as far as they are known,
// and by everything that is not generated. Pure; it compares nothing itself.
import { leafPattern } from '@echoplane/traffic';
import { isAge } from './ages.ts';
import { pairLines } from './align-lines.ts';
import { withAtom } from './atoms-of-text.ts';
import { isNamedAge } from './clock-ages.ts';
import type { Comparing } from './comparing.ts';
import { withLiveIds } from './ids-in-text.ts';
import { atomsIn, isHidden, isRedacted } from './kinds.ts';
import { insideAt } from './leaves.ts';
import { withWholeTimes } from './nanos.ts';
import { knownAddress } from './own-address.ts';
import { isClockSpan } from './spelled-spans.ts';
import { type AnswerLink, mentions } from './test-places.ts';
import { spansAmong } from './time-spans.ts';
import { readTime } from './times.ts';
import { type Leaf, type TreeNode, treeLeaves } from './tree.ts';

/** Longer arrays are compared in the order in which they stand. */
export const MAX_ALIGNED = 5_000;

type Side = 'recorded' | 'live';

export interface Pairing {
  /** Index of the live element that is like each recorded one, or -1. */
  to: number[];
  /** The same, with those of the rest paired in order when the arrays are of one length. */
  paired: number[];
  /** Elements with a counterpart that is like them. */
  matched: number;
  /** All have one. */
  isSame: boolean;
  /** Those that have one do not stand in the recorded order. */
  isMoved: boolean;
}

/** Pairs elements that are the same; of the rest, in an array of equal length, those that are left in order. */
export function pairByIdentity(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
): Pairing {
  const to = recorded.map((_, i) => (i < live.length ? i : -1));
  if (recorded.length > MAX_ALIGNED || live.length > MAX_ALIGNED)
    return { to, paired: to, matched: 0, isSame: false, isMoved: false };
  const queues = new Map<string, number[]>();
  for (const [j, node] of live.entries()) {
    const key = identityOf(comparing, path, node, 'live');
    const queue = queues.get(key);
    if (queue) queue.push(j);
    else queues.set(key, [j]);
  }
  for (const [i, node] of recorded.entries())
    to[i] = queues.get(identityOf(comparing, path, node, 'recorded'))?.shift() ?? -1;
  const found = to.filter((j) => j >= 0);
  const isMoved = found.some((j, n) => n > 0 && j < found[n - 1]!);
  return {
    to,
    paired: recorded.length === live.length ? withRest(to) : to,
    matched: found.length,
    isSame: found.length === recorded.length && recorded.length === live.length,
    isMoved,
  };
}

/** Pairs the lines of two texts in the order in which they stand. */
export function pairByLines(
  comparing: Comparing,
  path: string,
  recorded: TreeNode[],
  live: TreeNode[],
): number[] {
  if (recorded.length > MAX_ALIGNED || live.length > MAX_ALIGNED)
    return pairLines(recorded as string[], live as string[]);
  return pairLines(
    recorded.map((line) => identityOf(comparing, path, line, 'recorded')),
    live.map((line) => identityOf(comparing, path, line, 'live')),
  );
}

function withRest(to: readonly number[]): number[] {
  const taken = new Set(to);
  const free = to.flatMap((_, j) => (taken.has(j) ? [] : [j]));
  return to.map((j) => (j < 0 ? free.shift()! : j));
}

/** A fault of one value, and its own address, make no other thing of an element. */
const MIN_UNLIKE = 2;

/** Whether two elements are different things, and not one of which a value was changed. */
export function isAnotherThing(
  comparing: Comparing,
  path: string,
  recorded: TreeNode,
  live: TreeNode,
): boolean {
  const is = new Set(identityOf(comparing, path, live, 'live').split('\n'));
  const unlike = identityOf(comparing, path, recorded, 'recorded')
    .split('\n')
    .filter((part) => !is.has(part));
  return unlike.length >= MIN_UNLIKE;
}

/** An element as a text that is the same for its counterpart. */
function identityOf(comparing: Comparing, path: string, node: TreeNode, side: Side): string {
  const { values, places, test } = comparing;
  const hosts = side === 'live' ? [] : [values.host(test), knownAddress(comparing)];
  const leaves = withWholeTimes(treeLeaves(`${path}[0]`, node));
  const spans = spansAmong(leaves);
  const parts = leaves.map(({ path: at, value, source }: Leaf) => {
    if (value === null || typeof value === 'boolean') return `${at}=${value}`;
    const text = source ?? String(value);
    const pattern = leafPattern(at);
    const links = places.links.get(pattern) ?? [];
    const link = links.find(({ inside }) => inside === '');
    if (link) return `${at}=${knownNumber(values, link.flow, text, side)}`;
    const isOfClock =
      readTime(value) !== null ||
      spans.has(at) ||
      isNamedAge(at, value) ||
      isClockSpan(value) ||
      isAge(value);
    if (isOfClock || places.learned.has(pattern)) return `${at}={}`;
    if (typeof value !== 'string') return `${at}=${typeof value}:${text}`;
    const named = side === 'recorded' && links.length === 0 ? withLiveIds(text, values) : text;
    const own = hosts.reduce((name, host) => (host ? name.replaceAll(host[0], host[1]) : name), named);
    return `${at}=string:${knownText(comparing, withNumbered(values, own, side, links), side)}`;
  });
  return parts.sort().join('\n');
}

/** A value of a flow in its live form, when that is known, be it as another one's. */
function knownNumber(values: Comparing['values'], flow: string, text: string, side: Side): string {
  const live =
    side === 'live' ? text : (values.flow(flow, text) ?? values.token(text) ?? values.seen(text)?.live);
  if (live === undefined) return '{serial}';
  return (values.recordedOf(live, flow) ?? values.recordedOf(live, null)) === undefined ? '{serial}' : live;
}

/** A text with the values of flows that are pieces of it so: a thing's own address. */
function withNumbered(
  values: Comparing['values'],
  text: string,
  side: Side,
  links: readonly AnswerLink[],
): string {
  return links.reduce((written, { inside, flow }) => {
    const piece = /^#\d+$/.test(inside) ? insideAt(text, inside) : undefined;
    if (piece === undefined) return written;
    return withAtom(written, Number(inside.slice(1)), knownNumber(values, flow, piece, side));
  }, text);
}

/** A text with what is known of it in its live form, and what is not as its kind. */
function knownText({ values, test }: Comparing, text: string, side: Side): string {
  if (isHidden(text) && !isRedacted(text)) return '{token}';
  let known = '';
  let at = 0;
  for (const { kind, value, index } of atomsIn(text)) {
    const live = side === 'live' ? value : (values.token(value) ?? values.seen(value)?.live);
    // The value of a flow stands in its live form already.
    const shown = live ?? value;
    const isKnown = values.recordedOf(shown, null) !== undefined;
    // What the request brought was sent as it was recorded.
    const isOwn = !isKnown && (live === undefined || side === 'live') && mentions(test, value);
    known += `${text.slice(at, index)}${isKnown ? shown : isOwn ? value : `{${kind}}`}`;
    at = index + value.length;
  }
  return known + text.slice(at);
}
