// Things that another request was writing while this one was under way: what an answer says of them is as it was before that
// write or after it, and a replay may fall on the other side. Only such things, told by their ids or, where they show none, by the
// addresses they give of themselves, and only as the recording overlapped: what is otherwise in the answer is compared as ever. Pure.
import type { Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { isWriting } from './test-places.ts';
import { ExactNumber, type TreeNode } from './tree.ts';

const OWN_KEYS = ['id', '_id', 'uid', 'key'];
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
  const address = ownAddress(node);
  if (address !== null && beside.includes(address)) return true;
  // Beside its own number those of others are references.
  const isOwned = OWN_KEYS.some((key) => Object.hasOwn(node, key));
  return Object.entries(node).some(([key, value]) => {
    if (typeof value !== 'string' && typeof value !== 'number' && !(value instanceof ExactNumber))
      return false;
    if (isOwned && typeof value !== 'string' && !OWN_KEYS.includes(key)) return false;
    return isIdentityKey(key) && beside.includes(value instanceof ExactNumber ? value.source : String(value));
  });
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

const COUNT = /total|count|num|size|pages/i;

/** Whether a count differs by no more than what was just being written. */
export function isCountBeside({ test }: Comparing, path: string, recorded: unknown, live: unknown): boolean {
  if (!test.beside || !Number.isInteger(recorded) || !Number.isInteger(live)) return false;
  if (isWriting(test)) return false;
  const name = /[\w-]+$/.exec(path)?.[0] ?? '';
  const apart = Math.abs(Number(recorded) - Number(live));
  if (COUNT.test(name) && apart <= idsBeside(test).length) return true;
  // `pets: 8` while `/api/pets/9` was made.
  return apart <= test.beside.filter((one) => one.startsWith('/') && one.split('/').at(-2) === name).length;
}
