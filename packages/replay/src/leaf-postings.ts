// Which mocks hold a leaf, for all leaves of all mocks: one sorted array of numbers, so that a million mocks cost 8 bytes a
// leaf and no objects. It tells what is worth comparing and never what is equal. Pure.

/** Leaves kept of a mock: those of the lowest hash, so that two mocks that share most of theirs share most of these. */
const MAX_LEAVES = 32;
/** Mocks that can be told apart; later ones are found by their signature only. */
export const MAX_POSTED_MOCKS = 2 ** 21;
/** What the most telling leaf counts for. */
const TELLING = 1_000;
/** Entries looked at for one question, the rarest leaves first. */
const MAX_CANDIDATES = 4_096;

/** A 32-bit hash of a leaf (FNV-1a). */
export function leafHash(path: string, value: string): number {
  return fnv(value, fnv('=', fnv(path, 0x811c9dc5)));
}

function fnv(text: string, from: number): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Numbers of mocks by leaf hash. Add all, seal, ask. */
export class LeafPostings {
  /** hash × 2²¹ + number of the mock: exact in a double. */
  #entries = new Float64Array(1_024);
  #length = 0;

  /** `telling`: the leaf that decides before all others. */
  add(n: number, hashes: readonly number[], telling: number): void {
    if (n >= MAX_POSTED_MOCKS) return;
    const kept = [telling, ...lowest(hashes)];
    if (this.#length + kept.length > this.#entries.length) {
      const grown = new Float64Array(this.#entries.length * 2);
      grown.set(this.#entries);
      this.#entries = grown;
    }
    for (const hash of kept) this.#entries[this.#length++] = hash * MAX_POSTED_MOCKS + n;
  }

  /** To be called when all are in. */
  seal(): void {
    this.#entries = this.#entries.slice(0, this.#length).sort();
  }

  /** The mocks that share the telling leaf, then those that share most of these, at most `limit`. */
  sharing(hashes: readonly number[], telling: number, limit: number): number[] {
    const ranges = [telling, ...lowest(hashes)]
      .map((hash, i) => ({ ...this.#rangeOf(hash), weight: i === 0 ? TELLING : 1 }))
      .filter(({ from, to }) => to > from)
      .sort((a, b) => a.to - a.from - (b.to - b.from));
    const votes = new Map<number, number>();
    let left = MAX_CANDIDATES;
    for (const { from, to, base, weight } of ranges) {
      const isRare = to - from <= left || votes.size === 0;
      if (isRare) {
        const end = Math.min(to, from + left);
        left -= end - from;
        for (let i = from; i < end; i++) {
          const n = this.#entries[i]! - base;
          votes.set(n, (votes.get(n) ?? 0) + weight);
        }
      } else {
        for (const [n, count] of votes) if (this.#holds(from, to, base + n)) votes.set(n, count + weight);
      }
    }
    return [...votes]
      .sort((a, b) => b[1] - a[1] || a[0] - b[0])
      .slice(0, limit)
      .map(([n]) => n);
  }

  #rangeOf(hash: number): { from: number; to: number; base: number } {
    const base = hash * MAX_POSTED_MOCKS;
    return {
      from: this.#firstFrom(base, 0, this.#length),
      to: this.#firstFrom(base + MAX_POSTED_MOCKS, 0, this.#length),
      base,
    };
  }

  #holds(from: number, to: number, entry: number): boolean {
    return this.#entries[this.#firstFrom(entry, from, to)] === entry;
  }

  /** The first place in [from, to) whose entry is not below `entry`. */
  #firstFrom(entry: number, from: number, to: number): number {
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#entries[middle]! < entry) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

function lowest(hashes: readonly number[]): number[] {
  const distinct = [...new Set(hashes)];
  return distinct.length <= MAX_LEAVES ? distinct : distinct.sort((a, b) => a - b).slice(0, MAX_LEAVES);
}
