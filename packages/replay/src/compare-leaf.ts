// One recorded leaf against the live one, in this order: equal; a flow or token whose live value is known; a time; a learned
// or visibly generated value, one to one; else a difference. Pure.
import { leafPattern, type ValueKind, type VolatileLeaf } from '@echoplane/traffic';
import { isSameAge } from './ages.ts';
import { withAtom } from './atoms-of-text.ts';
import { isClockAge } from './clock-ages.ts';
import { judgeClocked } from './clocked-numbers.ts';
import { areCoinedAlike } from './coined-names.ts';
import { isCountBeside } from './compare-beside.ts';
import { isRemaining, isSameLifetime } from './compare-remaining.ts';
import { isCountedBeside, judgeOwnId } from './compare-serial.ts';
import { compareText, isRandomPair } from './compare-text.ts';
import { isMadeInOneMoment, isOfOneSecond, isSameMoment, isTimeOfRun, judgeTime } from './compare-time.ts';
import { type Comparing, type Judgement, print } from './comparing.ts';
import { judgeHexTimes } from './hex-times.ts';
import { areSameIds } from './id-lists.ts';
import { openValue } from './inner-leaves.ts';
import { isJwt, isNearly, kindOf, type Scalar, shapePattern } from './kinds.ts';
import { insideAt, leafAt } from './leaves.ts';
import { isEdgeOfList } from './list-edges.ts';
import { isOwnDuration, isTimeTaken } from './measured.ts';
import { isMintedAnew } from './minted-anew.ts';
import { isNanosOfRun } from './nanos.ts';
import { isNumberedAtOnce, isPartNumberedAtOnce, isSwappedAtOnce } from './numbered-at-once.ts';
import { namesAddress } from './own-address.ts';
import { isOwnNote } from './own-notes.ts';
import { isUptime, judgeSince } from './running-clocks.ts';
import { isSaidInToken } from './said-in-tokens.ts';
import { isSeenAgain, judgeShortBytes, noteMade } from './short-bytes.ts';
import { isSignedAnew } from './signed-times.ts';
import { isSameSpan } from './spelled-spans.ts';
import { isOneSum } from './summed.ts';
import { judgeTempFolders } from './temp-folders.ts';
import { type AnswerLink, isClaim, isWriting, linkedPlaces } from './test-places.ts';
import { judgeTimeParts } from './time-parts.ts';
import { isSpanOfTimes } from './time-spans.ts';
import { readTime, taggedTimes } from './times.ts';
import { ExactNumber } from './tree.ts';
import { isWrittenSize } from './written-sizes.ts';

type LeafValue = Scalar | ExactNumber;

const NO_LINKS: readonly AnswerLink[] = [];
/** What a thing is numbered by. */
const IDENTITY = /\.(?:id|ID|_id)$/;

/** Compares two leaves that stand at one path. */
export function compareLeaf(comparing: Comparing, path: string, recorded: LeafValue, live: LeafValue): void {
  const before = comparing.differences.length;
  const judged = judge(comparing, path, recorded, live);
  if (judged === 'strict') comparing.leaves.strict++;
  else if (judged === 'time') comparing.leaves.time++;
  else if (judged !== 'differs') comparing.loose(path, judged.kind);
  else {
    comparing.leaves.strict++;
    // Claims of a token name themselves.
    if (comparing.differences.length > before) return;
    const problem = typeOf(recorded) === typeOf(live) ? 'value' : 'type';
    comparing.differ(path, problem, print(recorded), print(live));
  }
}

function judge(comparing: Comparing, path: string, recorded: LeafValue, live: LeafValue): Judgement {
  const isEqual = recorded === live || isSameNumber(recorded, live);
  const { links, learned } = comparing.places;
  if (isEqual && links.size === 0) return 'strict';
  const pattern = leafPattern(path);
  const asked = linksOf(links.get(pattern), recorded, live);
  if (isEqual) return isOthers(comparing, asked, plain(recorded)) ? 'differs' : 'strict';
  if (typeOf(recorded) !== typeOf(live))
    return isOwnNote(comparing, path, plain(recorded), plain(live)) ? { kind: 'timestamp' } : 'differs';
  if (comparing.isShapeOnly) return { kind: 'text' };
  if (isEdgeOfList(comparing, path, plain(recorded), plain(live))) return 'strict';
  if (typeof recorded === 'string' && areSameIds(comparing, pattern, asked, [recorded, live as string]))
    return 'strict';
  const linked =
    asked.length > 0
      ? judgeLinked(comparing, asked, { path, recorded: plain(recorded), live: plain(live) })
      : null;
  if (linked === 'differs' && isSignedAnew(comparing, recorded, live)) return 'time';
  if (linked) return linked;
  if (typeOf(recorded) === 'number' && isOneSum(comparing.test, path, digitsOf(recorded), digitsOf(live)))
    return 'strict';
  const pair = { path, recorded: plain(recorded), live: plain(live) };
  const isExact = recorded instanceof ExactNumber || live instanceof ExactNumber;
  const judged = isExact
    ? 'differs'
    : ((asked.length === 0 ? judgeOwnId(comparing, path, pair.recorded, pair.live) : null) ??
      judgeUnlinked(comparing, pair, learned.get(pattern)));
  if (judged !== 'differs') return judged;
  const isBeside =
    isClaimOfBeside(comparing, pair) ||
    isCountedBeside(comparing, path, pair.recorded, pair.live) ||
    isWrittenSize(comparing, path, pair.recorded, pair.live) ||
    isSaidInToken(comparing, pair.recorded, pair.live);
  if (isBeside) return 'strict';
  if (IDENTITY.test(path) && asked.length === 0 && isOfWritesAtOnce(comparing, pair))
    return { kind: 'serial' };
  return byTolerance(comparing, recorded, live);
}

function isOfWritesAtOnce(comparing: Comparing, { path, recorded, live }: Pair): boolean {
  return (
    isNumberedAtOnce(comparing, recorded, live) ||
    isSwappedAtOnce(comparing, path, recorded, live) ||
    isPartNumberedAtOnce(comparing, path, recorded, live)
  );
}

/** The links that hold for two values: some are of coined names alone. */
function linksOf(
  links: readonly AnswerLink[] | undefined,
  recorded: LeafValue,
  live: LeafValue,
): readonly AnswerLink[] {
  if (!links?.some(({ isCoined }) => isCoined)) return links ?? NO_LINKS;
  const areNames = areCoinedAlike(String(recorded), String(live));
  return areNames ? links : links.filter(({ isCoined }) => !isCoined);
}

const CLAIM = /!jwt\.[\w-]+$/;

/** A claim of a token that names what the answer hands out beside it: a user's id, which is another one now. */
function isClaimOfBeside(comparing: Comparing, { path, recorded, live }: Pair): boolean {
  if (!CLAIM.test(path)) return false;
  return comparing.places.spotted.some(
    ({ path: beside, space, value }) =>
      typeof space === 'object' &&
      value === String(recorded) &&
      leafAt(comparing.live, beside) === String(live),
  );
}

interface Pair {
  path: string;
  recorded: Scalar;
  live: Scalar;
}

/** Of a place that holds one word, made anew each time. */
const WORD = /^\{(?:token|hex)\}$/;

function judgeUnlinked(comparing: Comparing, pair: Pair, learned: VolatileLeaf | undefined): Judgement {
  const tagged = taggedTimes(pair.recorded, pair.live);
  if (tagged)
    return judgeUnlinked(comparing, { path: pair.path, recorded: tagged[0], live: tagged[1] }, learned);
  const { recorded, live, path } = pair;
  const token = String(recorded);
  if (learned?.clocked && typeof recorded === 'number')
    return judgeClocked(comparing, recorded, live as number);
  if (learned?.since !== undefined && typeof recorded === 'number')
    return judgeSince(comparing, path, [recorded, live as number], learned.since);
  if (learned?.tookUs !== undefined && typeof recorded === 'number')
    return isTimeTaken(comparing, live as number, learned.tookUs) ? { kind: 'measure' } : 'differs';
  const isProduced = comparing.values.producedBy(comparing.test).has(token);
  const due = isProduced ? undefined : comparing.values.token(token);
  if (due === String(live)) return 'strict';
  // Written at one moment, and by chance not in one millisecond: of two that were alike the client sends the first.
  if (due !== undefined && isSameMoment(comparing, recorded, due, live)) {
    comparing.observe('time', token, String(live));
    return 'time';
  }
  if (due !== undefined && isMadeInOneMoment(comparing, recorded, live)) return 'time';
  if (due !== undefined && isOfOneSecond(comparing, recorded, due, live)) return 'time';
  if (due !== undefined && isMintedAnew(comparing, path, token, live)) return { kind: 'token' };
  // Two tokens of one second are one token; a second later they are two, which agree but for their times.
  if (due !== undefined && !isJwt(token)) return learned ? judgeLearned(pair, learned) : 'differs';
  if (isProduced && kindOf(recorded) === null && readTime(recorded) === null) return { kind: 'token' };
  const time = judgeTimeParts(comparing, path, recorded, live) ?? judgeTime(comparing, recorded, live);
  if (time && time !== 'differs') return time;
  const inHex = judgeHexTimes(comparing, recorded, live);
  if (inHex && inHex !== 'differs') return inHex;
  if (isRemaining(comparing, recorded, live) || isSpanOfTimes(comparing, path, recorded, live)) return 'time';
  if (learned?.cut) return isSameLifetime(recorded, live) ? { kind: 'measure' } : 'differs';
  if (isClockAge(comparing, path, recorded, live)) return 'time';
  if (isSameAge(comparing, recorded, live) || isSameSpan(comparing, recorded, live)) return 'time';
  const folders = judgeTempFolders(comparing, recorded, live);
  if (folders) return folders;
  if (isNanosOfRun(comparing, path, recorded, live)) return 'time';
  if (isCountBeside(comparing, path, recorded, live)) return { kind: 'measure' };
  if (typeof recorded === 'number' && isOwnDuration(comparing, path, recorded, live as number))
    return { kind: 'measure' };
  if (typeof recorded === 'number' && isUptime(comparing, path, recorded, live as number)) return 'time';
  const before = comparing.differences.length;
  const judged =
    typeof recorded === 'string' && !time
      ? compareText(comparing, path, recorded, live as string)
      : 'differs';
  if (judged !== 'differs' || comparing.differences.length > before) return judged;
  if (isProduced && isAlikeLong(recorded, live) && !isNearly(token, String(live)))
    return { kind: kindOf(recorded) ?? 'token' };
  if (isSeenAgain(comparing, recorded, live)) return 'strict';
  if (!learned || (typeof recorded === 'string' && isKnownOrNear(comparing, recorded, live as string)))
    return 'differs';
  if (time === 'differs' && !isTimeOfRun(comparing, recorded, live)) return 'differs';
  const bytes = judgeShortBytes(comparing, recorded, live);
  const made = bytes ?? judgeLearned(pair, learned);
  if (!bytes && made !== 'differs' && WORD.test(learned.shape ?? '')) noteMade(comparing, recorded, live);
  return made;
}

/** A generated value whose counterpart is another one, or that was changed and not made anew. */
function isKnownOrNear({ values }: Comparing, recorded: string, live: string): boolean {
  const kind = kindOf(recorded);
  if (kind !== 'uuid' && kind !== 'token' && kind !== 'hex') return false;
  const known = values.seen(recorded);
  return (known !== undefined && !known.isHint) || isNearly(recorded, live);
}

/** Of what an answer hands out anew only the length can be told when it is no word: signed cookies. */
function isAlikeLong(recorded: Scalar, live: Scalar): boolean {
  const kind = kindOf(recorded);
  if ((kind === 'uuid' || kind === 'hex') && kindOf(live) !== kind) return false;
  const [was, is] = [String(recorded).length, String(live).length];
  return Math.abs(was - is) <= was / 2;
}

function judgeLinked(
  comparing: Comparing,
  links: readonly AnswerLink[],
  { path, recorded, live }: Pair,
): Judgement | null {
  let expected = String(recorded);
  let hasNew = false;
  for (const { inside, flow } of links) {
    // The token is opened, and compared with all its claims.
    if (isClaim(inside)) continue;
    const was = insideAt(String(recorded), inside);
    const is = insideAt(String(live), inside);
    if (was === undefined || is === undefined) continue;
    const due = dueOf(comparing, flow, was);
    // A link of a service is compared as a text: by its address and by all that it asks for.
    if (due === undefined && inside === '' && namesAddress(comparing, was)) return null;
    if (due === undefined) {
      const isFree = () => !isTaken(comparing, flow, was, is);
      // What the request named as it was recorded is the same here, too.
      const isKept = was === is && isFree();
      const isCounted = () => isFree() && isCountedBeside(comparing, path, was, is);
      if (!isKept && !mayStandFor(comparing, flow, was, is) && !isCounted()) return 'differs';
      comparing.observe({ flow }, was, is);
      hasNew = !isKept;
    }
    if (inside === '') return due === undefined ? { kind: 'serial' } : due === is ? 'strict' : 'differs';
    if (/^#\d+$/.test(inside)) expected = withLinked(expected, Number(inside.slice(1)), was, due ?? is);
    else if ((due ?? is) !== is) return 'differs';
    else return { kind: 'serial' };
  }
  if (expected === String(recorded)) return null;
  const rest =
    expected === live ? 'strict' : judgeUnlinked(comparing, { path, recorded: expected, live }, undefined);
  return rest === 'strict' && hasNew ? { kind: 'serial' } : rest;
}

/** What stands for a value of a flow; one that looks generated may be known from places of which no flow is learned. */
function dueOf(comparing: Comparing, flow: string, was: string): string | undefined {
  const { test, values } = comparing;
  const known = comparing.observed({ flow }, was) ?? values.flow(flow, was);
  if (known !== undefined || values.producedBy(test).has(was)) return known;
  const seen = values.seen(was);
  return values.token(was) ?? (seen?.isHint ? undefined : seen?.live);
}

/** Shorter words stand elsewhere in a text by chance, numbers as well. */
const MIN_WORD = 8;

/** A text with a value of a flow at its place; a page names it in other places, too. */
function withLinked(text: string, n: number, recorded: string, live: string): string {
  const isName = recorded.length >= MIN_WORD && /^[\w-]*[A-Za-z][\w-]*$/.test(recorded);
  if (!isName) return withAtom(text, n, live);
  return text.replaceAll(new RegExp(`(?<![\\w-])${recorded}(?![\\w-])`, 'g'), live);
}

/** Whether a live value stands for another recorded one already. */
function isTaken(comparing: Comparing, flow: string, was: string, is: string): boolean {
  const owner = comparing.observedOf({ flow }, is) ?? comparing.values.recordedOf(is, flow);
  return owner !== undefined && owner !== was;
}

/** A new value of a flow: written alike, of nobody else, and not one that the request itself named as it was recorded. */
function mayStandFor(comparing: Comparing, flow: string, was: string, is: string): boolean {
  if (isTaken(comparing, flow, was, is)) return false;
  if (/^\d+$/.test(was) !== /^\d+$/.test(is) || isMisspelt(was, is)) return false;
  // What looks generated (sample data of a fresh database) is another one in each life; a serial id is not.
  const isMadeAnew = kindOf(was) !== null && kindOf(was) === kindOf(is);
  const isHeld = !isWriting(comparing.test) && comparing.values.isSteady(flow) && !isMadeAnew;
  if (isHeld && !isRecorded(comparing, flow, is) && !isNumberedAtOnce(comparing, was, is)) return false;
  return !linkedPlaces(comparing.test).some((place) => place.flow === flow && place.recorded === was);
}

/** Digits of a number that was counted up; longer ones are no count. */
const MAX_COUNT_DIGITS = 5;

/** Changed in one or two characters, or cut: a count may grow by a digit. */
function isMisspelt(was: string, is: string): boolean {
  if (was === is || !isNearly(was, is)) return false;
  // `T3JkZXI6NA==` is `Order:4`, and `T3JkZXI6NQ==` the next one.
  const [opened, liveOpened] = [openValue(was), openValue(is)];
  if (opened?.step === '!b64' && liveOpened?.step === '!b64' && opened.text !== liveOpened.text)
    return isMisspelt(opened.text, liveOpened.text);
  const [less, more] = [was, is].sort((a, b) => a.length - b.length) as [string, string];
  if (less.length === more.length) return true;
  return /\d*$/.exec(more)![0].length > MAX_COUNT_DIGITS && !/^\d+$/.test(more);
}

/** A value that the recording knows in a flow, here or before: overlapping writes may have swapped two. */
function isRecorded({ places, values }: Comparing, flow: string, value: string): boolean {
  if (values.flow(flow, value) !== undefined) return true;
  return places.spotted.some(
    ({ space, value: other }) => typeof space === 'object' && space.flow === flow && other === value,
  );
}

/** An unchanged value that now is another one's: 17 where 17 has become 18, and 16 has become 17. */
function isOthers(comparing: Comparing, links: readonly AnswerLink[], value: Scalar): boolean {
  return links.some(({ inside, flow }) => {
    const was = value === null ? undefined : insideAt(String(value), inside);
    if (was === undefined) return false;
    const due = comparing.values.flow(flow, was);
    const owner = comparing.values.recordedOf(was, flow);
    return due !== undefined && due !== was && owner !== undefined && owner !== was;
  });
}

const NUMBERS: ReadonlySet<ValueKind> = new Set(['sequence', 'serial', 'measure', 'epoch']);

/** A size that was allotted may be so many times another one, or differ by so many units. */
const MAX_UNITS_RATIO = 2;
const MAX_UNITS = 4;

/** Shorter words do not look generated. */
const MIN_WORD_CHARS = 12;

/** Whether a value is of the kind that was learned. */
function judgeLearned({ recorded, live }: Pair, { kind, shape, unit }: VolatileLeaf): Judgement {
  if (unit !== undefined) return isAllotted(Number(recorded), Number(live), unit) ? { kind } : 'differs';
  if (typeof recorded === 'number') return NUMBERS.has(kind) || kind === 'text' ? { kind } : 'differs';
  if (typeof recorded !== 'string' || typeof live !== 'string') return kind === 'text' ? { kind } : 'differs';
  if ((recorded === '') !== (live === '')) return 'differs';
  if (shape !== undefined) {
    const pattern = shapePattern(shape);
    // Of a short code that does not look generated nothing else can be told.
    if (shape === '{token}' && recorded.length < MIN_WORD_CHARS && !isRandomPair(recorded, live))
      return 'differs';
    return pattern.test(recorded) && pattern.test(live) ? { kind } : 'differs';
  }
  if (kind === 'text' || kind === 'mixed') return { kind };
  if (NUMBERS.has(kind)) return /\d/.test(recorded) === /\d/.test(live) ? { kind } : 'differs';
  if (kind === 'timestamp') return readTime(live) ? { kind } : 'differs';
  return kindOf(live) === kind || kindOf(recorded) !== kind ? { kind } : 'differs';
}

function isAllotted(recorded: number, live: number, unit: number): boolean {
  const [less, more] = [recorded, live].sort((a, b) => a - b) as [number, number];
  if (!(less > 0) || less % unit !== 0 || more % unit !== 0) return false;
  return more <= less * MAX_UNITS_RATIO || more - less <= MAX_UNITS * unit;
}

function byTolerance(comparing: Comparing, recorded: LeafValue, live: LeafValue): Judgement {
  const share = comparing.rules.body?.tolerance ?? 0;
  const [was, is] = [plain(recorded), plain(live)];
  if (share === 0 || typeof was !== 'number' || typeof is !== 'number') return 'differs';
  return Math.abs(is - was) <= Math.abs(was) * share ? { kind: 'measure' } : 'differs';
}

/** Numbers by their digits where a double does not hold them. */
function isSameNumber(recorded: LeafValue, live: LeafValue): boolean {
  if (!(recorded instanceof ExactNumber || live instanceof ExactNumber)) return false;
  return digitsOf(recorded) === digitsOf(live);
}

function digitsOf(value: LeafValue): string {
  return value instanceof ExactNumber ? value.source : String(value);
}

function plain(value: LeafValue): Scalar {
  return value instanceof ExactNumber ? value.source : value;
}

/** `null` is a type of its own: a value that vanished is not a changed value. */
function typeOf(value: LeafValue): string {
  return value === null ? 'null' : value instanceof ExactNumber ? 'number' : typeof value;
}
