// Seconds since the epoch in hexadecimal digits: `timestamp: "0x6b038663"`, as JSON-RPC writes numbers, and as a word of 32 bytes
// among others, as the calls of contracts encode what they say. Only those of this run, and only where all digits around them are
// the same. Pure. https://ethereum.org/en/developers/docs/apis/json-rpc/#hex-encoding
import { judgeTime } from './compare-time.ts';
import type { Comparing, Judgement } from './comparing.ts';
import type { Scalar } from './kinds.ts';

const QUANTITY = /^0x[0-9a-f]{8}$/i;
const WORDS = /^0x(?:[0-9a-f]{8})?(?:[0-9a-f]{64})+$/i;
/** A number of four bytes in a word. */
const SMALL = /^0{56}[0-9a-f]{8}$/i;
const WORD_DIGITS = 64;

/** Null: not both are digits that differ in such times alone. */
export function judgeHexTimes(comparing: Comparing, recorded: Scalar, live: Scalar): Judgement | null {
  if (typeof recorded !== 'string' || typeof live !== 'string' || recorded.length !== live.length)
    return null;
  const [was, is] = [wordsOf(recorded), wordsOf(live)];
  if (!was || !is || !comparing.own) return null;
  const mark = comparing.mark();
  let weakest: Judgement = 'strict';
  for (const [i, word] of was.entries()) {
    const judged = word === is[i] ? 'strict' : judgeWord(comparing, word, is[i]!);
    if (judged === null || judged === 'differs') {
      comparing.back(mark);
      return judged;
    }
    if (judged !== 'strict') weakest = judged;
  }
  return weakest;
}

/** A number as a word, or the words behind what names a call. */
function wordsOf(text: string): string[] | null {
  if (QUANTITY.test(text)) return [text.slice(2).padStart(WORD_DIGITS, '0')];
  if (!WORDS.test(text)) return null;
  const words: string[] = [];
  const first = 2 + ((text.length - 2) % WORD_DIGITS);
  if (first > 2) words.push(text.slice(2, first));
  for (let at = first; at < text.length; at += WORD_DIGITS) words.push(text.slice(at, at + WORD_DIGITS));
  return words;
}

function judgeWord(comparing: Comparing, recorded: string, live: string): Judgement | null {
  if (!SMALL.test(recorded) || !SMALL.test(live)) return null;
  return judgeTime(comparing, Number.parseInt(recorded, 16), Number.parseInt(live, 16));
}
