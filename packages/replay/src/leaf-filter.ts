// Which leaves are compared at all: patterns to leave out, patterns that alone are asked for. A pattern covers everything below
// it; `[]` stands for any index. Pure.
import { leafPattern } from '@echoplane/traffic';

export class LeafFilter {
  readonly #ignored: ReadonlySet<string>;
  readonly #only: ReadonlySet<string>;
  /** Whether only some leaves are asked for, and none of them holds the place at hand. */
  isUnasked: boolean;

  constructor(ignored: readonly string[], only: readonly string[]) {
    this.#ignored = new Set(ignored);
    this.#only = new Set(only);
    this.isUnasked = only.length > 0;
  }

  /** `ignored`: not this one nor what is below; `asked`: this one and all below. */
  at(path: string): 'ignored' | 'asked' | null {
    const pattern = leafPattern(path);
    if (this.#ignored.has(pattern) || this.#ignored.has(path)) return 'ignored';
    return this.isUnasked && (this.#only.has(pattern) || this.#only.has(path)) ? 'asked' : null;
  }

  /** Runs `compare` below a place that is asked for. */
  within(compare: () => void): void {
    const before = this.isUnasked;
    this.isUnasked = false;
    compare();
    this.isUnasked = before;
  }
}
