// Things that were made and changed alike, and of which one has what another has not: nothing that was said of them tells why, so
// it is the service's own doing. Reads of one thing each are compared, those with the same writes before them. Bounded. Pure.
import type { Scalar } from '@echoplane/replay';
import type { Write } from './namings.ts';

const MAX_READS = 4_000;
/** Things without it; one could be the exception. */
const MIN_ABSENT = 2;

interface Reading {
  writes: readonly Write[];
  has: ReadonlySet<string>;
}

export class UnlikeHistories {
  readonly #reads = new Map<string, Reading[]>();
  #count = 0;

  /** A read of a thing after writes that named it: `has` are the patterns of its notes. */
  observe(operation: string, writes: readonly Write[], has: ReadonlySet<string>): void {
    if (this.#count++ >= MAX_READS) return;
    const key = [operation, ...writes.map(({ shape }) => shape)].join('\n');
    const reads = this.#reads.get(key) ?? [];
    this.#reads.set(key, reads);
    reads.push({ writes, has });
  }

  /** `operation\tpattern` of what only some things of equal histories have. */
  finish(): Set<string> {
    const found = new Set<string>();
    for (const [key, reads] of this.#reads) {
      const operation = key.slice(0, key.indexOf('\n'));
      for (const path of new Set(reads.flatMap(({ has }) => [...has]))) {
        const present = reads.filter(({ has }) => has.has(path));
        const absent = reads.filter(({ has }) => !has.has(path));
        if (absent.length >= MIN_ABSENT && !isTold(present, absent)) found.add(`${operation}\t${path}`);
      }
    }
    return found;
  }
}

/** Whether something that a request said tells the things apart: a word that only some had, a number that is greater. */
function isTold(present: readonly Reading[], absent: readonly Reading[]): boolean {
  const [first] = present;
  return first!.writes.some(({ said }, n) =>
    [...said.keys()].some((path) => {
      const [here, there] = [present, absent].map((reads) =>
        reads.map(({ writes }) => writes[n]!.said.get(path) ?? null),
      );
      return isWord(here!, there!) || isBound(here!, there!);
    }),
  );
}

/** Values that come again and again, never on both sides. */
function isWord(here: readonly Scalar[], there: readonly Scalar[]): boolean {
  const distinct = new Set([...here, ...there]);
  if (distinct.size < 2 || 2 * distinct.size > here.length + there.length) return false;
  return !here.some((value) => there.includes(value));
}

function isBound(here: readonly Scalar[], there: readonly Scalar[]): boolean {
  if ([...here, ...there].some((value) => value === null || value === '' || Number.isNaN(Number(value))))
    return false;
  const [a, b] = [here.map(Number), there.map(Number)];
  return Math.max(...a) < Math.min(...b) || Math.min(...a) > Math.max(...b);
}
