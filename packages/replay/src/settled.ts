// Reads that a client repeated until the answer had changed: `state: queued`, again, `state: done`, and writes behind which it read
// otherwise what their answers had shown. How soon it changes is the service's doing, so an answer may say what a later one of
// the recording said, and nothing else. Pure.
import { judgeTime } from './compare-time.ts';
import type { Comparing } from './comparing.ts';
import { kindOf, type Scalar } from './kinds.ts';
import { isLiveSpan } from './time-spans.ts';
import { readTime } from './times.ts';
import { ExactNumber } from './tree.ts';

type LeafValue = Scalar | ExactNumber;

/** Whether a leaf is as a later answer to the same request had it: that value, between two such numbers, or generated alike. */
export function hasSettled(
  comparing: Comparing,
  path: string,
  recorded: LeafValue,
  live: LeafValue,
): boolean {
  const leaf = comparing.test.settling?.find((one) => one.path === path);
  if (!leaf || recorded instanceof ExactNumber || live instanceof ExactNumber) return false;
  if (leaf.later.includes(live)) return true;
  if (typeof recorded === 'number' && typeof live === 'number') {
    const numbers = [recorded, ...leaf.later.filter((value) => typeof value === 'number')];
    return Math.min(...numbers) <= live && live <= Math.max(...numbers);
  }
  if (recorded === null && typeof live === 'number')
    return leaf.later.some((value) => typeof value === 'number') && isLiveSpan(comparing, path, live);
  if (readTime(recorded)) return leaf.later.some((value) => isTimeOf(comparing, value, live));
  const kind = kindOf(live);
  return kind !== null && leaf.later.some((value) => kindOf(value) === kind);
}

/** Whether a live time stands to this run as the one that was read later stood to the recording. */
function isTimeOf(comparing: Comparing, later: Scalar, live: Scalar): boolean {
  const judged = judgeTime(comparing, later, live);
  return judged === 'time' || judged === 'strict';
}
