// Words that stand beside several ids of one kind: an author's name, the team that things are of. By such a word nobody recognises
// a thing again: numbers of two counters are often equal, and one author stands beside both. Bounded: so many words, of which the
// first count; the others are taken for words of one thing. Pure.

const MAX_MARKS = 10_000;

export class CollectiveMarks {
  /** By kind of thing and word, the first id it stood beside. */
  readonly #first = new Map<string, Map<number, string>>();
  readonly #collective = new Set<number>();
  #size = 0;

  /** The words beside an id of a thing of the kind `space`. */
  observe(space: string, value: string, marks: readonly number[]): void {
    if (marks.length === 0) return;
    let first = this.#first.get(space);
    if (!first) {
      if (this.#size >= MAX_MARKS) return;
      first = new Map();
      this.#first.set(space, first);
    }
    for (const mark of marks) {
      const known = first.get(mark);
      if (known !== undefined) {
        if (known !== value) this.#collective.add(mark);
      } else if (this.#size < MAX_MARKS) {
        this.#size++;
        first.set(mark, value);
      }
    }
  }

  /** The words that are of one thing alone, as far as is known by now. */
  own(marks: readonly number[]): readonly number[] {
    const isCollective = (mark: number) => this.#collective.has(mark);
    return marks.some(isCollective) ? marks.filter((mark) => !isCollective(mark)) : marks;
  }
}
