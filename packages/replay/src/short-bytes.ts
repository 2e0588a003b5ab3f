// Bytes and words that a service makes anew and shows again, as ids are in messages: what stands for them is another text in each
// run, but the same one in one run, whether or not it looks generated. Of bytes only short ones: of a file that is made twice nothing says that it is the same. Pure.
import type { Comparing, Judgement } from './comparing.ts';
import { isRandomWord, type Scalar } from './kinds.ts';
import { isDigest } from './tree.ts';

/** Ids, hashes, nonces. */
const MAX_BYTES = 64;
/** Fewer bytes are equal by chance. */
const MIN_BYTES = 8;

/** One live counterpart for recorded bytes, and the reverse; null when nothing is known of them yet, which is noted, or they are none. */
export function judgeShortBytes(comparing: Comparing, recorded: Scalar, live: Scalar): Judgement | null {
  if (!isShort(recorded) || !isShort(live)) return null;
  const { values } = comparing;
  const here = comparing.observed('seen', recorded);
  if (here !== undefined) return here === live ? 'strict' : 'differs';
  const seen = values.seen(recorded);
  if (seen?.live === live) return 'strict';
  if (seen && !seen.isHint) return 'differs';
  const owner = comparing.observedOf('seen', live) ?? values.recordedOf(live, null);
  if (owner !== undefined && owner !== recorded) return 'differs';
  comparing.observe('seen', recorded, live);
  return null;
}

/** Shorter words come again by chance. */
const MIN_WORD_CHARS = 8;

/** Whether a word stands again for which this one stood before, as nothing in it shows that it was made anew. */
export function isSeenAgain({ values }: Comparing, recorded: Scalar, live: Scalar): boolean {
  const areWords = [recorded, live].every((value) => isWord(value) || isRandomOne(value));
  return areWords && values.seen(String(recorded))?.live === live;
}

/** Notes a word of a place where such are made anew. */
export function noteMade(comparing: Comparing, recorded: Scalar, live: Scalar): void {
  if (isWord(recorded) && isWord(live) && comparing.values.seen(recorded) === undefined)
    comparing.observe('seen', recorded, live);
}

function isWord(value: Scalar): value is string {
  return typeof value === 'string' && value.length >= MIN_WORD_CHARS && /^[\w-]*\d[\w-]*$/.test(value);
}

/** Chance may have left out all digits. */
function isRandomOne(value: Scalar): boolean {
  return typeof value === 'string' && isRandomWord(value);
}

function isShort(value: Scalar): value is string {
  if (typeof value !== 'string' || !isDigest(value)) return false;
  const size = Number.parseInt(value, 10);
  return size >= MIN_BYTES && size <= MAX_BYTES;
}
