// Things that another request was writing while this one was under way: what an answer says of them is as it was before that
// write or after it, and a replay may fall on the other side. Only such things, told by their ids or, where they show none, by the
// addresses they give of themselves, and only as the recording overlapped: what is otherwise in the answer is compared as ever. Pure.
import type { Test } from '@echoplane/traffic';
import type { Pairing } from './align.ts';
import type { Comparing } from './comparing.ts';
import { requestLeaves, responseLeaves } from './leaves.ts';
import { isWriting } from './test-places.ts';
import { ExactNumber, type Leaf, type TreeNode } from './tree.ts';

const OWN_KEYS = ['id', '_id', 'uid', 'key'];
const IDENTITY = /^(?:_?id|\w*Id|\w*_id|u?uid|guid|key|slug|name)$/;

/** Whether a field of this name says which thing an object is. */
export function isIdentityKey(key: string): boolean {
  return IDENTITY.test(key);
}

/** Whether an object is a thing that was being written, or a list, and an object around lists, is all of such. */
export function isBesideWrite(comparing: Comparing, node: TreeNode): boolean {
  const { test, values } = comparing;
  const { beside } = test;
  if (beside && Array.isArray(node))
    return node.length > 0 && node.every((one) => isBesideWrite(comparing, one));
  if (!beside || typeof node !== 'object' || node === null || node instanceof Map) return false;
  if (isWriting(test) || isEnvelope(node)) return false;
  const address = ownAddress(node);
  if (address !== null && beside.includes(address)) return true;
  const fields = Object.values(node);
  if (fields.every((field) => typeof field === 'object' && field !== null))
    return fields.length > 0 && fields.every((field) => isBesideWrite(comparing, field));
  // Beside its own number those of others are references.
  const isOwned = OWN_KEYS.some((key) => Object.hasOwn(node, key));
  return Object.entries(node).some(([key, value]) => {
    if (typeof value !== 'string' && typeof value !== 'number' && !(value instanceof ExactNumber))
      return false;
    if (isOwned && typeof value !== 'string' && !OWN_KEYS.includes(key)) return false;
    if (!isIdentityKey(key)) return false;
    const name = value instanceof ExactNumber ? value.source : String(value);
    // A live thing has an id that was made anew.
    return isAmong(beside, name) || isAmong(beside, values.recordedOf(name, null) ?? name);
  });
}

/** An answer of JSON-RPC, whose id is that of the call. */
function isEnvelope(node: object): boolean {
  return Object.hasOwn(node, 'id') && (Object.hasOwn(node, 'result') || Object.hasOwn(node, 'error'));
}

/** Shorter names begin others by chance. */
const MIN_FAMILY_CHARS = 5;

/** Whether a name is one of these, or begins with one: `nightly-42-first` is made with `nightly-42`. */
function isAmong(beside: readonly string[], name: string): boolean {
  return beside.some((one) => one === name || isPartOf(one, name));
}

function isPartOf(whole: string, name: string): boolean {
  return (
    whole.length >= MIN_FAMILY_CHARS && name.startsWith(whole) && /^[-_.:/]/.test(name.slice(whole.length))
  );
}

/** The path of an address, without its query and without the placeholders of a template. */
export function pathOfAddress(address: string): string | null {
  return /^(?:https?:\/\/[^/?#]+)?(\/[^?#{]*[^?#{/])/.exec(address)?.[1] ?? null;
}

/** Where a thing says that it is itself: `_links.self.href` of HAL, `links.self` of JSON:API. */
function ownAddress(node: TreeNode): string | null {
  const self = fieldOf(fieldOf(node, '_links') ?? fieldOf(node, 'links'), 'self');
  const address = typeof self === 'string' ? self : fieldOf(self, 'href');
  return typeof address === 'string' ? pathOfAddress(address) : null;
}

function isFields(node: TreeNode | undefined): node is { [key: string]: TreeNode } {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return false;
  return !(node instanceof Map || node instanceof ExactNumber);
}

function fieldOf(node: TreeNode | undefined, key: string): TreeNode | undefined {
  return isFields(node) ? node[key] : undefined;
}

/** What was being written, by its ids and not by its addresses. */
export function idsBeside({ beside = [] }: Test): string[] {
  return beside.filter((name) => !name.startsWith('/'));
}

/** What asks for a page that is not the first one, with a value that is not nought. */
const LATER = /^(?:query|body)[.[].*\b(?:page|offset|start|skip|from|after|cursor)(?!_?size)\w*$/i;
const NOUGHT = /^0*$/;
const NEXT = /\bnext\b/i;

/**
 * Whether a page was moved by what was just being written: that is on it or not, and where it stands before or on the page, so
 * many others are pushed off at the end, or drawn up; all others stand as they stood.
 */
export function isMovedByWrite(
  comparing: Comparing,
  recorded: readonly TreeNode[],
  live: readonly TreeNode[],
  { to, matched, isMoved }: Pairing,
): boolean {
  const { test } = comparing;
  if (!test.beside || isWriting(test) || matched === 0 || isMoved) return false;
  const asked = requestLeaves(test.request);
  const isLater = asked.some(({ path, value }) => LATER.test(path) && !NOUGHT.test(String(value)));
  if (!isLater && !isPage(test, asked, Math.max(recorded.length, live.length))) return false;
  const isLeft = (node: TreeNode) => !isBesideWrite(comparing, node);
  const taken = new Set(to);
  const gone = to.flatMap((j, i) => (j < 0 && isLeft(recorded[i]!) ? [i] : []));
  const come = live.flatMap((node, j) => (!taken.has(j) && isLeft(node) ? [j] : []));
  const most = idsBeside(test).length;
  if (gone.length > most || come.length > most || gone.length + come.length === 0) return false;
  const [firstKept, lastKept] = [to.findIndex((j) => j >= 0), to.findLastIndex((j) => j >= 0)];
  const [wasDrawnUp, isPushedDown] = [
    gone.every((i) => i < firstKept),
    come.every((j) => j < to[firstKept]!),
  ];
  const [wasPushedOff, isDrawnUp] = [gone.every((i) => i > lastKept), come.every((j) => j > to[lastKept]!)];
  // What pushes stands on a page before, or on this one.
  const isPushed = wasPushedOff && (come.length === 0 || (isPushedDown && isLater));
  const isDrawn = isDrawnUp && (gone.length === 0 || (wasDrawnUp && isLater));
  const isFull = recorded.length === live.length;
  if (gone.length > 0 && come.length > 0) return isFull && (isPushed || isDrawn);
  if (isFull) return isPushed || isDrawn;
  // The last page is not full.
  return isLater && (gone.length > 0 ? wasDrawnUp : isPushedDown);
}

/** Whether so many elements were asked for, or the answer says that there are more. */
function isPage({ response }: Test, asked: readonly Leaf[], size: number): boolean {
  const isAsked = asked.some(
    ({ path, value }) => !path.startsWith('path[') && String(value) === String(size),
  );
  return (
    isAsked ||
    responseLeaves(response).some(
      ({ path, value }) =>
        (NEXT.test(path) && typeof value === 'string' && value !== '') ||
        (typeof value === 'number' && value > size && COUNT.test(path.slice(path.lastIndexOf('.') + 1))),
    )
  );
}

const COUNT = /total|count|num|size|pages/i;
/** Where a store stands that counts its writes, also those that another one is under way with: `update_seq`, `X-Store-Serial`. */
const WRITES = /(?:^|[_-])(?:seq(?:uence)?|serial)$/i;

/** So many things a write makes that names one, where an answer shows such as are parts of that. */
const MADE_BY_ONE = 4;

function isWhole(value: unknown): boolean {
  return Number.isInteger(value) || (typeof value === 'string' && /^\d{1,15}$/.test(value));
}

/** Whether a count differs by no more than what was just being written. */
export function isCountBeside(
  { test, live: answer }: Comparing,
  path: string,
  recorded: unknown,
  live: unknown,
): boolean {
  if (!test.beside || !isWhole(recorded) || !isWhole(live)) return false;
  const name = /[\w-]+$/.exec(path)?.[0] ?? '';
  const apart = Math.abs(Number(recorded) - Number(live));
  if (WRITES.test(name.replace(/([a-z])([A-Z])/g, '$1_$2')) && apart <= idsBeside(test).length) return true;
  if (isWriting(test) || typeof recorded !== 'number') return false;
  if (COUNT.test(name)) {
    const ids = idsBeside(test);
    if (apart <= ids.length) return true;
    const isPart = ({ value }: Leaf) => typeof value === 'string' && ids.some((id) => isPartOf(id, value));
    if (
      apart <= MADE_BY_ONE * ids.length &&
      [test.response, answer].some((one) => responseLeaves(one).some(isPart))
    )
      return true;
  }
  // `pets: 8` while `/api/pets/9` was made.
  return apart <= test.beside.filter((one) => one.startsWith('/') && one.split('/').at(-2) === name).length;
}
