// An HTML page that names things by numbers which are other ones now: what stands in the place of each number is learned, as far
// as pages of equal form tell, and the recorded page is compared as it would read with them. Pure.
import { header } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { isNeighbour, type LinkedId, linkedIds } from './page-ids.ts';
import { byLabel } from './page-labels.ts';
import {
  inLiveOrder,
  type LiveOf,
  type Shown,
  type ShownId,
  type Slice,
  withoutOthers,
} from './page-lists.ts';
import { isWriting, linkedPlaces } from './test-places.ts';

/** The page of a redirect says where to, as its Location does. */
function withLiveLocation({ test, live }: Comparing, recorded: string): string {
  const [was, is] = [test.response, live].map(({ headers }) => header(headers, 'location'));
  if (!was || !is || was === is || live.status < 300 || live.status >= 400) return recorded;
  return recorded.replaceAll(escaped(was), () => escaped(is)).replaceAll(was, () => is);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
}

/**
 * The recorded page with the numbers in it that are known to be other ones now, and the live one; notes those that it tells. Without
 * the things that were just being written and stand in one of them only.
 */
export function pagesToCompare(comparing: Comparing, recorded: string, live: string): [string, string] {
  const moved = withLiveLocation(comparing, recorded);
  if (moved !== recorded) return [moved, live];
  const { places, test, values } = comparing;
  const shown = (text: string, host: string | undefined): Shown => ({
    text,
    ids: linkedIds(text, places.links, host),
  });
  const host = header(test.request.headers, 'host');
  const liveHost = values.host(test)?.[1].replace('//', '') ?? host;
  const [was, is] = [shown(recorded, host), shown(live, liveHost)];
  if (was.ids.length === 0) return [recorded, live];
  const theirs = Map.groupBy(is.ids, ({ pattern }) => pattern);
  for (const [pattern, ids] of Map.groupBy(was.ids, (id) => id.pattern))
    note(comparing, { text: recorded, ids }, { text: live, ids: theirs.get(pattern) ?? [] });
  const liveOf: LiveOf = ({ space, value }) => knownOf(comparing, space, value);
  const most = test.beside && !isWriting(test) ? test.beside.length : 0;
  const [left, right] = most > 0 ? withoutOthers(was, is, liveOf, most) : [recorded, live];
  const [own, other] = most > 0 ? [shown(left, host), shown(right, liveHost)] : [was, is];
  comparing.named = new Set(own.ids.map(({ value }) => value));
  const sorted = [...own.ids, ...saidIds(test.request.target, own)].sort((a, b) => a.at - b.at);
  const slices = inLiveOrder(own, other, liveOf);
  return [slices.map((slice) => withIds(own.text, slice, sorted, liveOf)).join(''), other.text];
}

/** Whether lines differ in nothing but how many things there are, by no more than were just being written. */
export function isCountOfWritten({ test, isPage }: Comparing, recorded: string, live: string): boolean {
  if (!isPage || !test.beside || isWriting(test)) return false;
  const [was, is] = [recorded.split(NUMBERS), live.split(NUMBERS)];
  if (was.length !== is.length || recorded.length > MAX_CHARS) return false;
  const steps = new Set<number>();
  let text = '';
  for (const [i, piece] of was.entries()) {
    if (piece !== is[i]) {
      const isCount = i % 2 === 1 && !NAMING.test(before(text)) && !isPartOfNumber(was, i);
      if (!isCount) return false;
      steps.add(Number(is[i]) - Number(piece));
    }
    text += piece;
  }
  const [step = 0] = steps;
  return steps.size === 1 && Math.abs(step) <= test.beside.length;
}

/** A price, a date or a time of day is no count. */
function isPartOfNumber(pieces: readonly string[], at: number): boolean {
  return /[-.,:/]$/.test(pieces[at - 1]!) || /^[-.,:/](?:$|\S)/.test(pieces[at + 1]!);
}

/** A piece of the recorded page with the live numbers of the things in it. */
function withIds(recorded: string, [from, to]: Slice, ids: readonly ShownId[], liveOf: LiveOf): string {
  let text = '';
  let done = from;
  for (const id of ids) {
    if (id.at < from || id.at >= to) continue;
    const known = liveOf(id);
    if (known === undefined || known === id.value) continue;
    text += recorded.slice(done, id.at) + known;
    done = id.at + id.value.length;
  }
  return text + recorded.slice(done, to);
}

/** A number behind a word, `Issue 5`, in a link's text as well. */
const SHOWN = /(?<=^|[^\w.-]|%[\dA-F]{2})([A-Za-z]{2,40})(?: #?|#|%20)?([1-9]\d{0,8})(?![\w.%])/g;

/** Numbers in the text of a page behind the words by which its addresses name things. */
function saidIds(target: string, { text, ids }: Shown): ShownId[] {
  const spaces = new Map(ids.map(({ word, space }) => [word.toLowerCase(), space]));
  const taken = new Set(ids.map(({ at }) => at));
  const said = formDecoded(target);
  return [...text.matchAll(SHOWN)].flatMap(({ 0: whole, 1: word, 2: value, index }) => {
    const space = spaces.get(word!.toLowerCase());
    const at = index + whole.length - value!.length;
    // What a request says is said again as it was sent.
    const isFree = !taken.has(at) && !said.includes(whole) && !isNeighbour(text, at);
    return space && isFree ? [{ space, value: value!, at }] : [];
  });
}

function formDecoded(target: string): string {
  return target
    .replaceAll('+', ' ')
    .replace(/(?:%[\dA-F]{2})+/gi, (part) => Buffer.from(part.replaceAll('%', ''), 'hex').toString());
}

/** What is called alike is the same thing; where little is called anything, in lists of one length the n-th is the n-th. */
function note(comparing: Comparing, own: Shown, theirs: Shown): void {
  const { space } = own.ids[0]!;
  const told = new Set<string>();
  for (const from of ['element', 'row'] as const) {
    const was = byLabel(own.text, own.ids, from, (label) => comparing.values.apply(label));
    const is = byLabel(theirs.text, theirs.ids, from);
    for (const [label, value] of is.size > 0 ? was : []) {
      const live = is.get(label);
      told.add(value);
      if (live !== undefined && knownOf(comparing, space, value) === undefined)
        noteOne(comparing, space, value, live);
    }
  }
  const all = new Set(own.ids.map(({ value }) => value));
  if (2 * told.size <= all.size) noteInOrder(comparing, own.ids, theirs.ids);
}

/** As long as nothing that is known says otherwise. */
function noteInOrder(comparing: Comparing, own: readonly LinkedId[], theirs: readonly LinkedId[]): void {
  if (own.length !== theirs.length) return;
  const isElsewhere = own.some(({ space, value }, i) => {
    const known = knownOf(comparing, space, value);
    return known !== undefined && known !== theirs[i]!.value;
  });
  if (isElsewhere) return;
  for (const [i, { space, value }] of own.entries()) noteOne(comparing, space, value, theirs[i]!.value);
}

function noteOne(comparing: Comparing, space: { flow: string }, value: string, live: string): void {
  const owner = comparing.observedOf(space, live) ?? comparing.values.recordedOf(live, space.flow);
  if (owner === undefined || owner === value) comparing.observe(space, value, live);
}

function knownOf(comparing: Comparing, space: { flow: string }, value: string): string | undefined {
  return comparing.values.flow(space.flow, value) ?? comparing.observed(space, value);
}

/** Attributes that name elements and things; a `data-` one by its name. And the ids of objects in a script. */
const NAMING =
  /\s(?:id|for|name|value|href|src|action|aria-[\w-]+|data-(?:[\w-]*-)?(?:id|ids|pk|url|href|target|ref|for|key))=(?:"[^"<>]*|'[^'<>]*)$|["'](?:\w*_)?id["']\s*:\s*["']?$/i;
const NUMBERS = /(?<![A-Za-z\d])(\d+)(?![A-Za-z\d])/;
const MAX_BEFORE = 512;
const MAX_CHARS = 1 << 20;
/** Numbers of one piece of a page. */
const MAX_NUMBERS = 1_000;

/**
 * Recorded markup with the numbers that name things and are known to be other ones now: in
 * attributes, in the text of a link to one, or alone in an element where the page links to it.
 */
export function withNamedIds(comparing: Comparing, recorded: string, live: string): string {
  if (!comparing.isPage || !/[=>]/.test(recorded) || recorded.length > MAX_CHARS) return recorded;
  const [was, is] = [recorded.split(NUMBERS), live.split(NUMBERS)];
  if (was.length !== is.length || was.length > 2 * MAX_NUMBERS) return recorded;
  let text = '';
  let at = 0;
  for (const [i, piece] of was.entries()) {
    const now = is[i]!;
    const isOther = i % 2 === 1 && piece !== now;
    const isNaming = () => NAMING.test(before(text)) || isOfLink(text, now) || isAlone(comparing, was, i);
    const isMeant = isOther && isKnown(comparing, piece, now) && isNaming();
    const isNext = isOther && !isMeant && isNeighbour(recorded, at);
    text += isMeant || (isNext && isAsFar(comparing, Number(piece), Number(now))) ? now : piece;
    at += piece.length;
  }
  return text;
}

/** Whether a number is as far from that of a thing that was asked for as it was. */
function isAsFar({ values, test }: Comparing, recorded: number, live: number): boolean {
  return linkedPlaces(test).some(
    ({ flow, recorded: asked }) => live - recorded === Number(values.flow(flow, asked)) - Number(asked),
  );
}

function before(text: string): string {
  return ` ${text.slice(-MAX_BEFORE)}`;
}

/** Whether the text ends inside a link, to what has the number: `<a href="/orders/5">Order `. */
function isOfLink(text: string, number: string): boolean {
  const [, href] = /<a\s[^<>]*?href=["']([^"'<>]*)["'][^<>]*>[^<>]*$/.exec(before(text)) ?? [];
  return href?.split(NUMBERS).includes(number) ?? false;
}

/** Whether a number is all that an element says, `<td>5</td>`, and the page links to what has it. */
function isAlone({ named }: Comparing, pieces: readonly string[], at: number): boolean {
  return !!named?.has(pieces[at]!) && />\s*#?$/.test(pieces[at - 1]!) && /^\s*</.test(pieces[at + 1]!);
}

function isKnown({ values, observations, places }: Comparing, recorded: string, live: string): boolean {
  const isSeen = observations.some(
    (one) => typeof one.space === 'object' && one.recorded === recorded && one.live === live,
  );
  // Of another user as well, whose numbers may be those of other things here.
  const isLinked = () =>
    [...places.links.values()].flat().some(({ flow }) => values.flow(flow, recorded) === live);
  return isSeen || values.inFlows(recorded).includes(live) || isLinked();
}
