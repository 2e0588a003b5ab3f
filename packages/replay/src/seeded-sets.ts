// Sets of words in a service whose hashes are seeded: each of its lives gives them out in another order. That it is one shows in a
// header which is a set by its standard, or in a long list of names that stands in no order, now in this and now in that. Then a list of words may stand otherwise, too, unless the service is seen to keep
// the order in which a client sent such a list, the order can be seen, or the same words stood as recorded before. Pure.
import { bodyText, type Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { isSorted } from './list-order.ts';
import type { TreeNode } from './tree.ts';

/** Fewer names stand in another order by a mistake. */
const MIN_NAMES = 4;
const MAX_WORDS = 30;
const MAX_WORD_CHARS = 100;
/** Fewer words are in the order of the alphabet by chance. */
const MIN_SORTED = 4;
const SEEDED = 'hashes are seeded';

/** Headers that are sets of names (RFC 9110 sections 10.2.1 and 12.5.5, the Fetch standard), also those of answers inside a batch. */
const NAME_LIST =
  /^header\.(?:allow|vary)$|[.\]](?:"?)access-control-(?:expose-headers|allow-headers|allow-methods)(?:"\])?$/i;

/** Whether what stands at a path is a list of names without an order. */
export function isNameList(path: string): boolean {
  return NAME_LIST.test(path);
}

/** Notes that a set of names stands in an order that is neither the recorded one, nor one that can be seen. */
export function noteShuffled(
  comparing: Comparing,
  was: readonly string[],
  is: readonly string[],
  isShuffled: (was: readonly string[], is: readonly string[]) => boolean,
): void {
  const isSame = was.length === is.length && was.every((name) => is.includes(name));
  if (isSame && was.length >= MIN_NAMES && isShuffled(was, is)) comparing.observe('seen', SEEDED, 'yes');
}

/** Shorter lists in another order tell of themselves alone. */
const MIN_TELLING = 16;

/** Notes that a list of names without any order that can be seen stands otherwise. */
export function noteShuffledList(comparing: Comparing, list: readonly unknown[]): void {
  if (list.length >= MIN_TELLING) comparing.observe('seen', SEEDED, 'yes');
}

/** Whether the run has shown that sets stand in the order of seeded hashes. */
export function areHashesSeeded(comparing: Comparing): boolean {
  return knownOf(comparing, SEEDED) !== undefined;
}

/** Whether a list whose elements all have counterparts is such a set. */
export function isSeededSet(
  comparing: Comparing,
  path: string,
  recorded: readonly TreeNode[],
  live: readonly TreeNode[],
): boolean {
  if (!areWords(recorded) || !areWords(live) || !areHashesSeeded(comparing)) return false;
  if (recorded.length >= MIN_SORTED && [1, -1].some((sign) => isSorted(recorded, sign))) return false;
  if (knownOf(comparing, keptField(path)) !== undefined) return false;
  const [was, is] = [JSON.stringify(recorded), JSON.stringify(live)];
  const due = knownOf(comparing, was);
  if (due === undefined) comparing.observe('seen', was, is);
  return due === undefined || due === is;
}

function knownOf(comparing: Comparing, text: string): string | undefined {
  return comparing.observed('seen', text) ?? comparing.values.seen(text)?.live;
}

/** What a list in an answer tells, as texts that are seen again: how the words stand, and that its field keeps a client's order. */
export function signsOfList(test: Test, path: string, list: readonly unknown[]): string[] {
  if (!areWords(list)) return [];
  const text = JSON.stringify(list);
  return bodyText(test.request.body)?.includes(text) ? [text, keptField(path)] : [text];
}

function keptField(path: string): string {
  return `order kept of ${/[^.[\]]*(?=(?:\[\d*\])*$)/.exec(path)![0]}`;
}

function areWords(list: readonly unknown[]): list is string[] {
  return (
    list.length >= 2 &&
    list.length <= MAX_WORDS &&
    list.every((one) => typeof one === 'string' && one.length <= MAX_WORD_CHARS) &&
    new Set(list).size === list.length
  );
}
