// RE2 patterns for those outside this package who must find and cut, not only test: time linear in the text, whatever
// users write. The library stays in here.
import { RE2JS } from 're2js';

/** A stretch that a pattern matched: `[start, end)` of the whole and of each group, null for a group that took no part. */
export interface PatternMatch {
  readonly spans: readonly (readonly [number, number] | null)[];
}

/** Largest compiled program; RE2 takes steps in proportion to text × program. */
const MAX_PROGRAM = 5_000;

export class LinearPattern {
  readonly source: string;
  readonly groups: number;
  readonly #compiled: RE2JS;

  /** Throws an Error that says why `source` is no pattern that can be used. */
  constructor(source: string) {
    try {
      this.#compiled = RE2JS.compile(source);
    } catch (error) {
      const why = (error as Error).message.replace('error parsing regexp: ', '');
      throw new Error(`is not valid RE2 (${why}); there is no look-around and no back-reference`);
    }
    if (this.#compiled.programSize() > MAX_PROGRAM)
      throw new Error('is too large a pattern; use smaller counts in {…}');
    this.source = source;
    this.groups = this.#compiled.groupCount();
  }

  test(text: string): boolean {
    return this.#compiled.test(text);
  }

  /** The matches in order, none inside another; at most `limit`. */
  matches(text: string, limit: number): PatternMatch[] {
    const matcher = this.#compiled.matcher(text);
    const found: PatternMatch[] = [];
    while (found.length < limit && matcher.find()) {
      const spans = Array.from({ length: this.groups + 1 }, (_, group) => {
        const start = matcher.start(group);
        return start < 0 ? null : ([start, matcher.end(group)] as const);
      });
      found.push({ spans });
    }
    return found;
  }
}
