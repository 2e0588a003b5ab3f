// Two texts that differ: equal but for values whose live counterparts are known and for generated pieces, each of which keeps
// its kind and stands for one recorded value only. Pure.
import { isCountOfWritten, withNamedIds } from './compare-page.ts';
import { judgeLink } from './compare-serial.ts';
import { judgeTime } from './compare-time.ts';
import type { Comparing, Judgement } from './comparing.ts';
import { judgeDrawn } from './drawn-images.ts';
import { isEchoOfIds } from './echoed-ids.ts';
import { withHiddenOf } from './hidden-words.ts';
import { withLiveIds } from './ids-in-text.ts';
import { openValue } from './inner-leaves.ts';
import {
  type Atom,
  atomsIn,
  isHidden,
  isNearly,
  isRandomWord,
  isRedacted,
  kindOf,
  mayBeHidden,
  shapePattern,
  shapeWith,
} from './kinds.ts';
import { withLiveDurations } from './measured.ts';
import { isMintedAnew } from './minted-anew.ts';
import { knownAddress, newAddress, noteAddress } from './own-address.ts';
import { openPage } from './page-json.ts';
import { withPageTimesOf } from './page-times.ts';
import { isSamePeer } from './peers.ts';
import { withNoncesOf } from './policies.ts';
import { percentEncoded, type Replacement, replaceValues } from './replace-values.ts';
import { isNameList, noteShuffled } from './seeded-sets.ts';
import { isShuffled, linkedPlaces, mentions, ownTimesOf } from './test-places.ts';
import { readTime } from './times.ts';
import { isDigest } from './tree.ts';

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

export function compareText(comparing: Comparing, path: string, recorded: string, live: string): Judgement {
  const due = withNoncesOf(recorded, live);
  const judged = due === recorded ? 'strict' : compareAddressed(comparing, path, recorded, due);
  return judged === 'strict' && due !== live ? { kind: 'token' } : judged;
}

function compareAddressed(comparing: Comparing, path: string, recorded: string, live: string): Judgement {
  const address = newAddress(comparing, recorded, live);
  if (!address) return compareWhole(comparing, path, recorded, live);
  const mark = comparing.mark();
  noteAddress(comparing, address);
  const judged = compareWhole(comparing, path, recorded, live);
  if (judged !== 'differs') return judged === 'strict' ? { kind: 'text' } : judged;
  comparing.back(mark);
  return compareWhole(comparing, path, recorded, live);
}

function compareWhole(comparing: Comparing, path: string, recorded: string, live: string): Judgement {
  if (isDigest(recorded)) return 'differs';
  const known = withNamedIds(comparing, expectedText(comparing, recorded), live);
  if (known === live || withLiveIds(known, comparing.values) === live) return 'strict';
  if (isCountOfWritten(comparing, known, live)) return { kind: 'measure' };
  const drawn = judgeDrawn(comparing, recorded, live);
  if (drawn) return drawn;
  const linked = judgeLink(comparing, recorded, known, live);
  if (linked && linked !== 'differs') return linked;
  const expected = withLiveDurations(comparing, known, live);
  if (expected === live) return { kind: 'measure' };
  // An address that the client says is none from which it comes.
  if (isSamePeer(expected, live) && !mentions(comparing.test, recorded)) return { kind: 'measure' };
  if (isEchoOfIds(comparing, expected, live)) return 'strict';
  if (SCOPE.test(path) && isSameSet(expected, live, ' ')) return 'strict';
  if (isNameList(path) && isSameSet(expected, live, /\s*,\s*/)) {
    const [was, is] = [expected, live].map((text) => text.split(/\s*,\s*/)) as [string[], string[]];
    noteShuffled(comparing, was, is, isShuffled);
    return 'strict';
  }
  const opened =
    compareOpened(comparing, path, recorded, live) ?? comparePage(comparing, path, recorded, live);
  if (opened) return opened;
  const timed = withPageTimesOf(comparing, expected, live);
  if (timed === expected) return 'time';
  const pieces = maskedPieces(expected, timed ?? live) ?? piecesOf(expected, timed ?? live);
  // Of words of which redaction took some pieces nothing can be told but that they are such.
  if (isPartly(recorded) !== isPartly(live) && mayBeHidden(recorded) && mayBeHidden(live))
    return { kind: 'token' };
  if (!pieces && withHiddenOf(expected, live) === live) return { kind: 'token' };
  if (!pieces)
    return isOpaque(recorded) && isOpaque(live) && isNearLength(recorded, live)
      ? { kind: 'token' }
      : 'differs';
  let weakest: Judgement = timed === null ? 'strict' : 'time';
  for (const { atom, live: piece } of pieces) {
    const judged = judgePiece(comparing, path, atom, piece);
    if (judged === 'differs') return 'differs';
    if (judged !== 'strict' && typeof weakest === 'string') weakest = judged;
  }
  if (typeof weakest === 'string') return weakest;
  const [{ atom }] = pieces as [Piece];
  return { kind: (atom.value === recorded ? atom.kind : kindOf(recorded)) ?? weakest.kind };
}

/** Scopes of OAuth: their order means nothing (RFC 6749 section 3.3). */
const SCOPE = /[.!]sc(?:ope|p)$/;

function isSameSet(recorded: string, live: string, between: string | RegExp): boolean {
  const sorted = (text: string) => text.split(between).sort().join(' ');
  return sorted(recorded) === sorted(live);
}

/** The recorded text with everything in it that is known to be another value now. */
function expectedText(comparing: Comparing, recorded: string): string {
  const { values, test } = comparing;
  // With its port an address may be percent-encoded. In one pass: the new one may be what another one was.
  const addresses = [values.host(test), knownAddress(comparing)].filter(
    (one) => one !== null && recorded.includes(one[0].replace(/:\d+$/, '')),
  );
  const named =
    addresses.length > 0 ? replaceValues(recorded, addresses as Replacement[], 'plain') : recorded;
  const applied = values.apply(named);
  const sent = [...values.consumedBy(test), ...namedBy(comparing), ...ownTimesBy(comparing)];
  const rest = sent.filter(([value]) => applied.includes(value) || applied.includes(percentEncoded(value)));
  return rest.length === 0 ? applied : replaceValues(applied, rest, 'plain');
}

/** Tokens by their claims, base64 by what is behind it; null when not both hold something. */
function compareOpened(comparing: Comparing, path: string, recorded: string, live: string): Judgement | null {
  const [was, is] = [openValue(recorded), openValue(live)];
  if (!was || !is || was.step !== is.step) return null;
  const mark = comparing.mark();
  comparing.nested(comparing, path + was.step, was.root, is.root);
  const counted = comparing.leaves;
  const isSame = comparing.differences.length === mark.differences;
  comparing.leaves = mark.leaves;
  comparing.volatile.length = mark.volatile;
  if (!isSame) return 'differs';
  if (was.step === '!jwt') {
    if (comparing.values.token(recorded) !== undefined) comparing.observe('token', recorded, live);
    return { kind: 'jwt' };
  }
  return counted.kind > mark.leaves.kind
    ? { kind: 'mixed' }
    : counted.time > mark.leaves.time
      ? 'time'
      : 'strict';
}

/** A page by the JSON that it holds for its scripts, and what stands around that; null when it holds none, then or now. */
function comparePage(comparing: Comparing, path: string, recorded: string, live: string): Judgement | null {
  const [was, is] = [openPage(recorded), openPage(live)];
  if (!was || !is || was.roots.length !== is.roots.length) return null;
  const around = compareWhole(comparing, path, was.around, is.around);
  if (around === 'differs') return 'differs';
  const mark = comparing.mark();
  for (const [n, root] of was.roots.entries())
    comparing.nested(comparing, `${path}#${n}!json`, root, is.roots[n]!);
  const isSame = comparing.differences.length === mark.differences;
  // Of what differs in the recording itself the differences inside tell nothing.
  if (!isSame && comparing.places.learned.has(path)) {
    comparing.back(mark);
    return null;
  }
  const isLoose = comparing.leaves.kind > mark.leaves.kind || comparing.leaves.time > mark.leaves.time;
  comparing.leaves = mark.leaves;
  comparing.volatile.length = mark.volatile;
  if (!isSame) return 'differs';
  return isLoose && around === 'strict' ? { kind: 'mixed' } : around;
}

/** Shorter values of flows stand in texts by chance, numbers as well. */
const MIN_NAMED = 8;

/** What the request named by values of flows that are other ones now: a file, a key. */
function namedBy({ values, test }: Comparing): [recorded: string, live: string][] {
  return linkedPlaces(test).flatMap(({ flow, recorded }): [string, string][] => {
    if (recorded.length < MIN_NAMED || !/[A-Za-z]/.test(recorded)) return [];
    const live = values.flow(flow, recorded);
    return live === undefined || live === recorded ? [] : [[recorded, live]];
  });
}

/** The times of its own that the client sent: a link to the next page repeats them. */
function ownTimesBy({ values, test }: Comparing): [recorded: string, live: string][] {
  return ownTimesOf(test).flatMap(({ recorded }): [string, string][] => {
    const live = values.sentTime(recorded);
    return live === undefined || live === recorded ? [] : [[recorded, live]];
  });
}

/** Of more pieces no pattern can be made. */
const MAX_SLOTS = 1_000;

interface Piece {
  atom: Atom;
  live: string;
}

/** The generated pieces of a text and what stands in their places; null when the text around them differs. */
function piecesOf(recorded: string, live: string): Piece[] | null {
  const atoms = atomsIn(recorded);
  if (atoms.length === 0) {
    const whole: Atom = { kind: 'token', value: recorded, index: 0 };
    return isWordLike(recorded, live) ? [{ atom: whole, live }] : wordsOf(recorded, live);
  }
  const shape = shapeWith(recorded, atoms);
  const liveAtoms = atomsIn(live);
  if (shape === shapeWith(live, liveAtoms))
    return liveAtoms.map(({ value }, i) => ({ atom: atoms[i]!, live: value }));
  // An address is not taken to pieces.
  if (atoms.some(({ kind }) => kind === 'email')) return null;
  const groups = atoms.length <= MAX_SLOTS ? shapePattern(shape).exec(live)?.slice(1) : undefined;
  if (groups?.length !== atoms.length || !groups.every((group, i) => isAlike(atoms[i]!, group)))
    return wordsOf(recorded, live);
  return groups.map((group, i) => ({ atom: atoms[i]!, live: group }));
}

/** What is left to be seen of a secret: `sk-9f2A****`, `U1QU0Z****************`. */
const MASKED = /[A-Za-z0-9+/_=.-]{0,12}(?:\*{3,}|[•●]{3,})[A-Za-z0-9+/_=.-]{0,12}/g;
const MASK = /[*•●]/g;

/** The seen parts of secrets, not of card or telephone numbers; null when anything else differs. */
function maskedPieces(recorded: string, live: string): Piece[] | null {
  const [was, is] = [recorded.match(MASKED), live.match(MASKED)];
  if (!was || was.length !== is?.length) return null;
  if (recorded.replace(MASKED, '') !== live.replace(MASKED, '')) return null;
  const pieces: Piece[] = [];
  for (const [i, value] of was.entries()) {
    if (value === is[i]) continue;
    const isAlikeMasked = value.replace(/[^*•●]/g, ' ') === is[i]!.replace(/[^*•●]/g, ' ');
    if (!isAlikeMasked || !/[A-Za-z]/.test(value + is[i]) || value.replace(MASK, '').length < 4) return null;
    pieces.push({ atom: { kind: 'token', value, index: 0 }, live: is[i]! });
  }
  return pieces;
}

/** The digits of `%3A` belong to no word: those of an encoded time would look like one. */
const WORDS = /(?<!%(?=[\dA-Fa-f]{2})[\dA-Fa-f]?)[A-Za-z0-9_-]+/g;
const EPOCH = /^\d{10,16}$/;
/** Share of the places at which two random words differ, at least; an id that was counted up differs at fewer. */
const RANDOM_SHARE = 0.6;
const MIN_WORD = 5;

/** Words in equal surroundings, of a longer text: each pair is equal, generated, a time, or of two short random words. */
function wordsOf(recorded: string, live: string): Piece[] | null {
  if (recorded.replace(WORDS, '') !== live.replace(WORDS, '')) return null;
  const [was, is] = [recorded.match(WORDS) ?? [], live.match(WORDS) ?? []];
  if (isShortHashes(recorded, live)) return [{ atom: { kind: 'token', value: recorded, index: 0 }, live }];
  if (was.length !== is.length || was.length < 2) return null;
  const pieces: Piece[] = [];
  const lastLive = new Map(was.map((word, i) => [word, is[i]!]));
  const ambiguous = new Set(was.filter((word, i) => lastLive.get(word) !== is[i]));
  for (const [i, value] of was.entries()) {
    if (value === is[i]) continue;
    const kind = kindOf(value);
    if (kind !== null && kind === kindOf(is[i]!)) {
      const lives = atomsIn(is[i]!);
      for (const [n, atom] of atomsIn(value).entries()) pieces.push({ atom, live: lives[n]!.value });
    } else if (EPOCH.test(value) && EPOCH.test(is[i]!))
      pieces.push({ atom: { kind: 'timestamp', value, index: 0 }, live: is[i]! });
    else if (ambiguous.has(value)) return null;
    else if (isRandomPair(value, is[i]!) || isHalfRedacted(value, is[i]!))
      pieces.push({ atom: { kind: 'token', value, index: 0 }, live: is[i]! });
    else return null;
  }
  return pieces;
}

/** Of words that stand alone more is asked: hexadecimal digits, of which some are letters, and a hash's length. */
function isShortHashes(recorded: string, live: string): boolean {
  const isHash = (text: string) => /^[0-9a-f]{7,15}$/.test(text);
  if (!isHash(recorded) || !isHash(live) || recorded.length !== live.length) return false;
  return /\d/.test(recorded + live) && /[a-f]/.test(recorded + live) && isOtherMostly(recorded, live);
}

/** A random word that was redacted, or was not: by what it happens to look like. */
function isHalfRedacted(recorded: string, live: string): boolean {
  if (isRedacted(recorded) === isRedacted(live)) return false;
  return isRandomWord(isRedacted(recorded) ? live : recorded);
}

/** Short random words: of one length and alphabet, with digits, and different nearly everywhere. */
export function isRandomPair(recorded: string, live: string): boolean {
  if (recorded.length !== live.length || recorded.length < MIN_WORD) return false;
  const areRandom = isRandomWord(recorded) && isRandomWord(live);
  if (areRandom && (isMixed(recorded) || isMixed(live)))
    return isOtherMostly(recorded.toLowerCase(), live.toLowerCase());
  if (!(/\d/.test(recorded + live) && /[A-Za-z]/.test(recorded) && /[A-Za-z]/.test(live))) return false;
  if (/[a-z]/.test(recorded) !== /[a-z]/.test(live) || /[A-Z]/.test(recorded) !== /[A-Z]/.test(live))
    return false;
  return isOtherMostly(recorded, live);
}

/** Of ten random letters and digits chance may have left out all digits, or all capitals; words in camel case have few in a row. */
function isMixed(text: string): boolean {
  return /\d|[A-Z]{2}/.test(text);
}

function isOtherMostly(recorded: string, live: string): boolean {
  const differing = [...recorded].filter((char, i) => char !== live[i]).length;
  return differing >= recorded.length * RANDOM_SHARE;
}

function isPartly(text: string): boolean {
  return isHidden(text) && !isRedacted(text);
}

const OPAQUE = /^[\w+/=%.:~$*-]{16,200}$/;

/** One long word of letters, digits and the signs of base64, percent-encoding and hashes, as random as a token. */
function isOpaque(text: string): boolean {
  if (!OPAQUE.test(text)) return false;
  const bare = text.replace(/[^A-Za-z0-9]/g, '');
  return /\d/.test(bare) && /[A-Z]/.test(bare) && /[a-z]/.test(bare) && isRandomWord(bare);
}

function isNearLength(recorded: string, live: string): boolean {
  return Math.abs(live.length - recorded.length) <= recorded.length / 4;
}

/** A random word need not look random, but it looks like its counterpart. */
function isAlike({ kind, value }: Atom, live: string): boolean {
  if (kind !== 'token' && kind !== 'hex') return true;
  if (live.length === value.length) return true;
  if (isHalfRedacted(value, live)) return true;
  return isNearLength(value, live) && isRandomWord(live);
}

/** A word without a digit may be random all the same when a random one of its length stands in its place. */
function isWordLike(recorded: string, live: string): boolean {
  const isAlikeLong = recorded.length === live.length || isRedacted(live);
  return isAlikeLong && isRandomWord(recorded) && kindOf(live) === 'token';
}

function judgePiece(comparing: Comparing, path: string, atom: Atom, live: string): Judgement {
  if (atom.value === live) return 'strict';
  if (atom.kind === 'timestamp') return judgeTimePiece(comparing, atom.value, live);
  if (atom.kind === 'jwt' && comparing.values.token(atom.value) === live) return 'strict';
  if (atom.kind === 'jwt') return compareOpened(comparing, path, atom.value, live) ?? 'differs';
  // An address is a person's: another one is a fault, unless the service makes addresses here.
  if (atom.kind === 'email') return 'differs';
  if (recordedAs(comparing, atom.value).some((one) => isMintedAnew(comparing, path, one, live)))
    return { kind: 'token' };
  return isKeptAlike(atom, live) ? judgeGenerated(comparing, atom, live) : 'differs';
}

/** What a value was in the recording; tokens of two seconds may have got the one of a second. */
function recordedAs({ values, places }: Comparing, live: string): string[] {
  const recorded = values.recordedOf(live, null);
  const others = places.spotted.filter(({ value }) => values.token(value) === live);
  return [...(recorded === undefined ? [] : [recorded]), ...others.map(({ value }) => value)];
}

/** What a service does not change of its generated values: their length, prefix and version. */
function isKeptAlike({ kind, value }: Atom, live: string): boolean {
  if (isNearly(value, live)) return false;
  if (kind === 'uuid') return value[14] === live[14] && (value === NIL_UUID) === (live === NIL_UUID);
  if (kind === 'hex') return value.length === live.length;
  // Only what looks like a credential was redacted, and of two random values one may not.
  if (isRedacted(value) !== isRedacted(live))
    return [value, live].every((text) => kindOf(text) === 'token' || isRandomWord(text));
  return prefixOf(value) === prefixOf(live);
}

/** Random words in base64 begin like that by chance, but then nothing as long stands behind it. */
function prefixOf(value: string): string | undefined {
  return /^([a-z]{1,12}_)[^_]{10,}/.exec(value)?.[1];
}

/** One recorded value has one live counterpart, and no other value has the same. */
function judgeGenerated(comparing: Comparing, { kind, value }: Atom, live: string): Judgement {
  const { values } = comparing;
  if (values.producedBy(comparing.test).has(value)) {
    const here = comparing.observed('seen', value);
    if (here !== undefined) return here === live ? 'strict' : 'differs';
    comparing.observe('seen', value, live);
    return { kind };
  }
  // What is a live value already was put here because it is known.
  if (
    values.recordedOf(value, null) !== undefined &&
    values.token(value) === undefined &&
    values.seen(value) === undefined
  )
    return 'differs';
  const due = values.token(value) ?? comparing.observed('seen', value);
  if (due !== undefined) return due === live ? 'strict' : 'differs';
  const seen = values.seen(value);
  if (seen && !seen.isHint) return seen.live === live ? 'strict' : 'differs';
  const owner = comparing.observedOf('seen', live) ?? values.recordedOf(live, null);
  if (owner !== undefined && owner !== value) return 'differs';
  // What the request brought was sent as it was recorded.
  if (!seen && mentions(comparing.test, value)) return 'differs';
  comparing.observe('seen', value, live);
  return seen?.live === live ? 'strict' : { kind };
}

/** A time that cannot be read is a time all the same. */
function judgeTimePiece(comparing: Comparing, recorded: string, live: string): Judgement {
  return judgeTime(comparing, recorded, live) ?? (readTime(recorded) ? 'differs' : { kind: 'timestamp' });
}
