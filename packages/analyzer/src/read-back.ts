// What the answer to a write shows of another thing that the client had just written to, a repository beside the pull request that was
// made in it, while its next read of the same shows the other thing otherwise. The service was still at work with the write before
// when it answered: how soon it is done is its own doing, so the answer may show that already. Told by numbers and times that
// rose, while the rest is as it was; not where another client wrote to it meanwhile. Bounded: the latest
// writes of so many clients. Pure.
import { isIdentityKey, type Leaf, readTime, type Scalar } from '@echoplane/replay';
import { holderOf } from './object-facts.ts';

const MAX_CLIENTS = 500;
const MAX_WRITES = 256;
const MAX_NAMES = 40;
const MIN_NAME_CHARS = 4;
/** Longer is what was written, a file or a text, and not kept. */
const MAX_NAME_CHARS = 200;
/** What was written longer before is done with. */
const MAX_WORK_US = 1_000_000;
/** Much that changed is another thing, or what the write did. */
const MAX_CHANGES = 6;
const MIN_SAME = 4;
/** `body.repo`, not `body`. */
const NESTED = 2;
const NAMING = /^(?:path|query|body)/;
const NOTHING: ReadonlySet<string> = new Set();

/** An exchange of a client; `leaves`: those of its answer that may be a state. */
export interface Shown {
  client: string;
  operation: string;
  isWrite: boolean;
  fromUs: number;
  toUs: number;
  asked: readonly Leaf[];
  leaves: ReadonlyMap<string, Scalar>;
}

interface Written extends Pick<Shown, 'client' | 'operation' | 'fromUs' | 'toUs' | 'leaves'> {
  /** What its request named. */
  names: ReadonlySet<string>;
  /** What the client's write just before named, when that had hardly ended. */
  before: ReadonlySet<string>;
}

type LaterLeaf = readonly [path: string, later: Scalar];

/** Leaves that the answer to a write of an operation showed as they had been. */
export interface Late {
  operation: string;
  paths: readonly string[];
}

export class ReadBack {
  /** The latest exchange of a client, when it was a write. */
  readonly #last = new Map<string, Written>();
  #writes: Pick<Written, 'client' | 'names' | 'fromUs' | 'toUs'>[] = [];

  /** The next exchange. Gives the operation of the write before it, and the leaves that the client reads otherwise now. */
  observe(shown: Shown): Late | null {
    const last = this.#last.get(shown.client);
    this.#last.delete(shown.client);
    if (shown.isWrite) {
      this.#write(shown, last);
      return null;
    }
    if (!last || last.before.size === 0 || last.toUs > shown.fromUs) return null;
    const both = [...shown.leaves].filter(([path]) => last.leaves.has(path));
    const all = both.filter(([path, value]) => last.leaves.get(path) !== value);
    if (all.length === 0 || all.length > MAX_CHANGES || both.length < all.length + MIN_SAME) return null;
    const changes = all.filter((change) => this.#isOfWorkBefore(last, change, shown.toUs));
    return changes.length === 0 ? null : { operation: last.operation, paths: changes.map(([path]) => path) };
  }

  #write(shown: Shown, last: Written | undefined): void {
    const { client, operation, fromUs, toUs, leaves } = shown;
    const isSoon = last !== undefined && last.toUs <= fromUs && last.toUs >= fromUs - MAX_WORK_US;
    const written: Written = {
      client,
      operation,
      fromUs,
      toUs,
      leaves,
      names: namesOf(shown),
      before: NOTHING,
    };
    if (isSoon) written.before = last.names;
    this.#writes.push({ client, names: written.names, fromUs, toUs });
    if (this.#writes.length > MAX_WRITES) this.#writes = this.#writes.slice(MAX_WRITES / 2);
    if (this.#last.size >= MAX_CLIENTS) this.#last.delete(this.#last.keys().next().value!);
    this.#last.set(client, written);
  }

  /** Whether what rose is of a thing that the write before named, and another client did not meanwhile. */
  #isOfWorkBefore(last: Written, [path, later]: LaterLeaf, untilUs: number): boolean {
    const holder = holderOf(path);
    if (holder.split('.').length < NESTED || !hasRisen(last.leaves.get(path)!, later)) return false;
    const own = ownNames(last.leaves, holder);
    const isSaid = last.before.has(String(later)) || last.names.has(String(later));
    if (isSaid || !own.some((name) => last.before.has(name))) return false;
    return !this.#writes.some(
      ({ client, names, fromUs, toUs }) =>
        client !== last.client &&
        toUs >= last.fromUs &&
        fromUs <= untilUs &&
        own.some((name) => names.has(name)),
    );
  }
}

/** What a request names: in its path, its query and its body. */
function namesOf({ asked }: Shown): Set<string> {
  const names = asked.flatMap(({ path, value, inner }) =>
    !inner && NAMING.test(path) && String(value).length <= MAX_NAME_CHARS ? [String(value)] : [],
  );
  return new Set(names.slice(0, MAX_NAMES));
}

/** What an object calls itself. */
function ownNames(leaves: ReadonlyMap<string, Scalar>, holder: string): string[] {
  return [...leaves].flatMap(([path, value]) => {
    const isOwn = holderOf(path) === holder && isIdentityKey(path.slice(holder.length + 1));
    const isName = typeof value === 'number' || (typeof value === 'string' && value.length >= MIN_NAME_CHARS);
    return isOwn && isName ? [String(value)] : [];
  });
}

function hasRisen(before: Scalar, after: Scalar): boolean {
  if (typeof before === 'number' && typeof after === 'number') return after > before;
  const [was, is] = [readTime(before), readTime(after)];
  return was !== null && is !== null && was.form === is.form && is.us > was.us;
}
