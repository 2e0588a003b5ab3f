// Serial numbers that nobody sends and no flow is learned of: `id: 8` beside `…/issues/1#issuecomment-8`, `redirect:
// "/issues/2#issuecomment-47"`. Writes that overlap may swap theirs. Told from a changed number by what agrees with it: the
// object names itself by it twice, or a write makes a new one; and one recorded number has one live one. Pure.
import type { Comparing, Judgement } from './comparing.ts';
import { openValue } from './inner-leaves.ts';
import type { Scalar } from './kinds.ts';
import { leafAt } from './leaves.ts';
import { mentions } from './test-places.ts';
import type { TreeNode } from './tree.ts';

/** A link that ends with a number, or with a template behind it, with the word before it. */
const NUMBERED = /^(.*?[/#?&])([A-Za-z][A-Za-z_]*[-_=/])(\d{1,9})(?:\{[?&/#][^{}]*\})?$/s;
const OWN_ID = /\.(?:id|ID|_id)$/;
const MAX_FIELDS = 100;

type Fields = { [key: string]: TreeNode };
/** The object around a leaf, recorded and live. */
export interface Holder {
  recorded: Fields;
  live: Fields;
  /** What of the recorded one is compared at the moment. */
  at?: TreeNode;
  /** The object that holds this one as a field. */
  around?: Holder | undefined;
}

/** A number that an object is named by: its links must name it by the same. Null: it is no such number. */
export function judgeOwnId(
  comparing: Comparing,
  path: string,
  recorded: Scalar,
  live: Scalar,
): Judgement | null {
  const { holder } = comparing;
  if (!holder || !OWN_ID.test(path) || !isSerial(recorded) || !isSerial(live)) return null;
  for (const [key, link] of Object.entries(holder.recorded).slice(0, MAX_FIELDS)) {
    const was = numberedIn(link);
    const is = numberedIn(holder.live[key]);
    if (was?.number !== String(recorded) || is?.number !== String(live) || was.word !== is.word) continue;
    return isOwn(comparing, was.word, was.number, is.number) ? { kind: 'serial' } : 'differs';
  }
  return null;
}

/** A link that ends with a number; `known`: the recorded one, with what is known to be another value now in it. */
export function judgeLink(
  comparing: Comparing,
  recorded: string,
  known: string,
  live: string,
): Judgement | null {
  const [was, is] = [numberedIn(known), numberedIn(live)];
  if (!was || !is || was.head !== is.head || was.word !== is.word) return null;
  const { holder, values, test } = comparing;
  const space = spaceOf(was.word);
  const due = comparing.observed(space, was.number) ?? values.flow(space.flow, was.number);
  if (due !== undefined) return due === is.number ? 'strict' : 'differs';
  const own = [holder?.recorded.id, holder?.live.id].map(String);
  const isNamed = own[0] === was.number && own[1] === is.number;
  const isMade = test.request.method !== 'GET' && test.request.method !== 'HEAD' && !mentions(test, recorded);
  if (!isNamed && !(isMade && !isAsked(comparing, was.number))) return 'differs';
  return isOwn(comparing, was.word, was.number, is.number) ? { kind: 'serial' } : 'differs';
}

const NUMBER = /\d{1,9}/g;

/**
 * Whether a value was counted up or down by as much as a flow's serial number in the same object: `id: "WyJUb3BpYyIsNF0="`, which
 * is `["Topic",4]`, or `ticket: "T-1004"`, beside `rowId: 4`.
 */
export function isCountedBeside({ places, live }: Comparing, path: string, was: Scalar, is: Scalar): boolean {
  const shift = shiftBetween(readable(was), readable(is));
  if (shift === 0) return false;
  const object = objectOf(path);
  return places.spotted.some(
    ({ path: beside, space, value }) =>
      typeof space === 'object' &&
      beside !== path &&
      objectOf(beside) === object &&
      isSerial(value) &&
      Number(leafAt(live, beside)) - Number(value) === shift,
  );
}

/** By how much the one number differs in which two texts do; 0 when they differ in anything else. */
function shiftBetween(was: string, is: string): number {
  if (was.replace(NUMBER, '0') !== is.replace(NUMBER, '0')) return 0;
  const [before, after] = [was.match(NUMBER) ?? [], is.match(NUMBER) ?? []];
  const shifts = before.map((number, i) => Number(after[i]) - Number(number)).filter((shift) => shift !== 0);
  return shifts.length === 1 ? shifts[0]! : 0;
}

/** A value, or what is behind its encoding. */
function readable(value: Scalar): string {
  const opened = typeof value === 'string' ? openValue(value) : null;
  return opened?.step === '!b64' ? JSON.stringify(opened.root) : String(value);
}

/** The path of the object that holds a leaf, or the text in which the leaf is. */
function objectOf(path: string): string {
  const leaf = path.split('!')[0]!;
  return leaf.slice(0, leaf.lastIndexOf('.'));
}

function isSerial(value: Scalar): boolean {
  return /^\d{1,9}$/.test(String(value));
}

function numberedIn(text: TreeNode | undefined): { head: string; word: string; number: string } | null {
  const found = typeof text === 'string' ? NUMBERED.exec(text) : null;
  return found ? { head: found[1]!, word: found[2]!, number: found[3]! } : null;
}

/** Whether the request names the number: then it was sent as it was. */
function isAsked({ test }: Comparing, number: string): boolean {
  return test.request.target.split(/[/?&=#]/).includes(number);
}

/** One live number for a recorded one, and the reverse; noted. */
function isOwn(comparing: Comparing, word: string, was: string, is: string): boolean {
  const space = spaceOf(word);
  const due = comparing.observed(space, was) ?? comparing.values.flow(space.flow, was);
  if (due !== undefined) return due === is;
  const owner = comparing.observedOf(space, is) ?? comparing.values.recordedOf(is, space.flow);
  if (owner !== undefined && owner !== was) return false;
  comparing.observe(space, was, is);
  return true;
}

function spaceOf(word: string): { flow: string } {
  return { flow: `link ${word}` };
}
