// Where the analyzer sorts what does not fit its memory: lines go in in any order and come out sorted by their text, as
// often as wanted. Who injects the workspace decides where they lie; here they lie in memory, for tests and small sets.
//
//   push ─▶ … ─▶ push ─▶ reader ─▶ next ─▶ … ─▶ null        reader ─▶ …

/** Reads sorted lines in batches; null at the end. */
export interface LineReader {
  next(): readonly string[] | null | Promise<readonly string[] | null>;
}

/** Sorts lines by the code units of their text: a key that stands first, padded to one width, is the order. */
export interface LineSorter {
  /** A line without a line end; what is returned must be waited for before the next one. Not after `reader`. */
  push(line: string): Promise<void> | undefined;
  /** Lines in order, from the first again with each reader. */
  reader(): LineReader;
  /** Lets go of memory and files. */
  close(): Promise<void> | undefined;
}

export interface Workspace {
  /** `name`, letters and dashes, for whoever looks at the files. */
  sorter(name: string): LineSorter;
}

/** A workspace that keeps everything in memory. */
export function memoryWorkspace(): Workspace {
  return { sorter: () => new MemorySorter() };
}

class MemorySorter implements LineSorter {
  #lines: string[] = [];
  #isSorted = false;

  push(line: string): undefined {
    this.#lines.push(line);
    this.#isSorted = false;
  }

  reader(): LineReader {
    if (!this.#isSorted) this.#lines.sort();
    this.#isSorted = true;
    let rest: string[] | null = this.#lines;
    return {
      next: () => {
        const batch = rest?.length ? rest : null;
        rest = null;
        return batch;
      },
    };
  }

  close(): undefined {
    this.#lines = [];
  }
}

/** A number as a text that sorts as it does: not negative, at most 16 digits. */
export function sortable(n: number): string {
  if (n === latest.n) return latest.text;
  [latest, before] = [n === before.n ? before : { n, text: String(n).padStart(16, '0') }, latest];
  return latest.text;
}
/** Asked for again for each value of a message: a time and the number of a pair, in turn. */
let latest = { n: 0, text: '0'.repeat(16) };
let before = latest;
