// Things that another request was writing while this one was under way: what an answer says of them is as it was before that
// write or after it, and a replay may fall on the other side. Only such things, told by their ids, and only as the recording
// overlapped: what is otherwise in the answer is compared as ever. Pure.
import type { Comparing } from './comparing.ts';
import { isWriting } from './test-places.ts';
import { ExactNumber, type TreeNode } from './tree.ts';

const IDENTITY = /^(?:_?id|\w*Id|\w*_id|u?uid|guid|key|slug|name)$/;

/** Whether a field of this name says which thing an object is. */
export function isIdentityKey(key: string): boolean {
  return IDENTITY.test(key);
}

/** Whether an object is a thing that was being written. */
export function isBesideWrite({ test }: Comparing, node: TreeNode): boolean {
  const { beside } = test;
  if (!beside || typeof node !== 'object' || node === null || node instanceof Map || Array.isArray(node))
    return false;
  if (isWriting(test)) return false;
  return Object.entries(node).some(([key, value]) => {
    if (typeof value !== 'string' && typeof value !== 'number' && !(value instanceof ExactNumber))
      return false;
    return isIdentityKey(key) && beside.includes(value instanceof ExactNumber ? value.source : String(value));
  });
}

const COUNT = /total|count|num|size|pages/i;

/** Whether a count differs by no more than what was just being written. */
export function isCountBeside({ test }: Comparing, path: string, recorded: unknown, live: unknown): boolean {
  if (!test.beside || !Number.isInteger(recorded) || !Number.isInteger(live)) return false;
  if (isWriting(test)) return false;
  const most = test.beside.length;
  return Math.abs(Number(recorded) - Number(live)) <= most && COUNT.test(/[\w-]+$/.exec(path)?.[0] ?? '');
}
