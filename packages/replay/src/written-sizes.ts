// Sizes of what clients wrote. A recording holds a body without its secrets, which is a few bytes longer or shorter than what was
// recorded, and that is sent in a replay: a service that says how large the thing is says another number then, and always the
// same one. Bounded; what else the numbers of an answer mean it does not know. Pure.
import { type Body, bodyText, type HttpResponse, leafPattern, type Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import type { Scalar } from './kinds.ts';
import { responseLeaves } from './leaves.ts';
import { remembered } from './test-places.ts';

/** Beyond it the oldest goes. */
const MAX_SIZES = 5_000;
const MAX_FOLDERS = 500;
/** Sizes that bodies of one recorded size are sent with. */
const MAX_SENT = 32;
/** Two parts make any sum by chance. */
const MIN_PARTS = 3;

/** Both sizes, as recorded and as sent. */
interface Sizes {
  was: number;
  is: number;
}

interface Folder extends Sizes {
  inside: Map<string, Sizes>;
}

/** Of every body that is sent with another size than it was recorded with, both. */
export class WrittenSizes {
  readonly #sent = new Map<number, Set<number>>();
  /** What was put into each folder and is in it still, by the folder's path and the thing's. */
  readonly #folders = new Map<string, Folder>();

  add(test: Test): void {
    const { body } = test.request;
    if (test.response.status < 300) this.#file(test);
    if (body.size === 0 || body.encoding !== 'identity' || body.base64 !== undefined) return;
    const size = sentSize(body);
    if (size === body.size) return;
    const sent = this.#sent.get(body.size);
    if (sent) {
      if (sent.size < MAX_SENT) sent.add(size);
      return;
    }
    if (this.#sent.size >= MAX_SIZES) this.#sent.delete(this.#sent.keys().next().value!);
    this.#sent.set(body.size, new Set([size]));
  }

  /** Whether what was written with one size is sent with the other; `isSum`: or all that is in a folder makes it so much larger. */
  has(recorded: number, live: number, isSum: boolean): boolean {
    return (this.#sent.get(recorded)?.has(live) ?? false) || (isSum && this.#isFolder(recorded, live));
  }

  #isFolder(recorded: number, live: number): boolean {
    for (const { was, is } of this.#folders.values())
      if (is !== was && live - recorded === is - was && recorded >= was) return true;
    return false;
  }

  #file({ request: { method, target, body } }: Test): void {
    const [, path = '', folder = ''] = /^(([^?]*\/)[^?/]+\/?)(?:\?|$)/.exec(target) ?? [];
    const isPut = method === 'PUT' && body.size > 0;
    if (!isPut && method !== 'DELETE') return;
    const known = this.#folders.get(folder);
    if (known) takeOut(known, path);
    if (!isPut) return void this.#folders.delete(path);
    if (!known && this.#folders.size >= MAX_FOLDERS) this.#folders.delete(this.#folders.keys().next().value!);
    const into = known ?? { inside: new Map<string, Sizes>(), was: 0, is: 0 };
    this.#folders.set(folder, into);
    if (into.inside.size < MAX_SIZES) putIn(into, path, { was: body.size, is: sentSize(body) });
  }
}

function putIn(folder: Folder, path: string, sizes: Sizes): void {
  folder.inside.set(path, sizes);
  folder.was += sizes.was;
  folder.is += sizes.is;
}

function takeOut(folder: Folder, path: string): void {
  const { was, is } = folder.inside.get(path) ?? { was: 0, is: 0 };
  folder.inside.delete(path);
  folder.was -= was;
  folder.is -= is;
}

function sentSize(body: Body): number {
  const text = bodyText(body);
  return text === undefined ? body.size : Buffer.byteLength(text);
}

/** The end of the path of a leaf that says how large something is. */
const SIZE = /(?:size|length|bytes|quota|used|usage).{0,24}$/i;

/** Whether a number is the size of what was written before, then and now, or both times the sum of all others of its list. */
export function isWrittenSize(comparing: Comparing, path: string, recorded: Scalar, live: Scalar): boolean {
  const [was, is] = [wholeOf(recorded), wholeOf(live)];
  if (was === null || is === null) return false;
  return comparing.values.isWrittenSize(was, is, SIZE.test(path)) || isSum(comparing, path, was, is);
}

interface Sum {
  count: number;
  total: number;
}

const sums = new WeakMap<HttpResponse, ReadonlyMap<string, Sum>>();

function isSum({ test, live }: Comparing, path: string, was: number, is: number): boolean {
  const pattern = leafPattern(path);
  const [then, now] = [test.response, live].map((answer) => remembered(sums, answer, sumsOf).get(pattern));
  if (!then || !now || then.count <= MIN_PARTS || then.count !== now.count) return false;
  return then.total === 2 * was && now.total === 2 * is;
}

/** Of all numbers of an answer that stand at places of one kind; no number where another value is among them. */
function sumsOf(answer: HttpResponse): ReadonlyMap<string, Sum> {
  const made = new Map<string, Sum>();
  for (const { path, value } of responseLeaves(answer)) {
    const pattern = leafPattern(path);
    const { count, total } = made.get(pattern) ?? { count: 0, total: 0 };
    made.set(pattern, { count: count + 1, total: total + (wholeOf(value) ?? Number.NaN) });
  }
  return made;
}

/** A whole number, also one in digits; else null. */
function wholeOf(value: Scalar): number | null {
  if (typeof value !== 'number' && !(typeof value === 'string' && /^\d{1,15}$/.test(value))) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
