// One chain at work on one message: where it is, what it changed, which secrets it used. Functions are written against
// this; it must not know which functions there are.
import type { TransformContext } from './context.ts';
import type { DataTables } from './data-tables.ts';
import type { Draft } from './message.ts';
import { Miss, sameValue, shownValue, type Value } from './value.ts';

export type Next = (value: Value) => Value;

/** A function of a chain, compiled: hands what it made or opened to `next`, and closes again what comes back. */
export type Step = (value: Value, run: Run, next: Next) => Value;

/** A value that a chain changed; texts are cut, secrets shown as `${{secret:…}}`. */
export interface Change {
  chain: string;
  /** `request.body.items[0].id`. */
  path: string;
  before: string;
  after: string;
}

const SHOWN_CHARS = 2_000;
const MAX_CHANGES = 1_000;

export class Run {
  readonly context: TransformContext;
  readonly draft: Draft;
  readonly tables: DataTables;
  readonly chain: string;
  readonly strict: boolean;
  readonly changes: Change[] = [];
  /** What the innermost window held before anything changed it. */
  original: Value = null;
  /** Names of the secrets that went into the value so far. */
  readonly secrets = new Set<string>();
  #path = '';
  /** Windows whose value changed. */
  #told = 0;
  readonly #afterwards: (() => void)[] = [];

  constructor(
    of: { context: TransformContext; draft: Draft; tables: DataTables },
    chain: string,
    strict: boolean,
  ) {
    this.context = of.context;
    this.draft = of.draft;
    this.tables = of.tables;
    this.chain = chain;
    this.strict = strict;
  }

  /** The same chain looking at another message; what it finds there is not noted. */
  over(draft: Draft): Run {
    const context = { ...this.context, trace: false };
    return new Run({ context, draft, tables: this.tables }, this.chain, false);
  }

  /** What the functions that follow make of `inner`, which stands at `label` inside the value around it. */
  window(label: string, inner: Value, next: Next): Value {
    const [path, original, told] = [this.#path, this.original, this.#told];
    this.#path = path + label;
    this.original = inner;
    const made = next(inner);
    // Inner windows have told of what they changed.
    if (this.#told === told && !sameValue(inner, made)) this.#tell(inner, made);
    this.#path = path;
    this.original = original;
    return made;
  }

  /**
   * Each of several windows in turn; one whose functions find nothing stays as it is. A miss when that goes for all of them.
   */
  windows(inner: readonly { label: string; value: Value }[], next: Next): Value[] {
    const [path, original] = [this.#path, this.original];
    let missed: Miss | null = null;
    let hits = 0;
    const made = inner.map(({ label, value }) => {
      try {
        const after = this.window(label, value, next);
        hits++;
        return after;
      } catch (error) {
        if (!(error instanceof Miss)) throw error;
        missed = error;
        this.#path = path;
        this.original = original;
        return value;
      }
    });
    if (missed !== null && (hits === 0 || this.strict)) throw missed;
    return made;
  }

  /** What a function does to the message besides its value, once the value is back in its place. */
  afterwards(action: () => void): void {
    this.#afterwards.push(action);
  }

  finish(): void {
    for (const action of this.#afterwards) action();
  }

  /** `secret:name/key`, remembered, so that what is made with it is not shown. */
  secret(name: string, key: string): string | undefined {
    const value = this.context.lookups?.secret?.(name, key);
    if (value !== undefined) this.secrets.add(`${name}/${key}`);
    return value;
  }

  /** Names of the secrets that went into the value here, by this chain or one before. */
  taints(): string[] {
    return [...this.secrets, ...this.draft.taints.at(this.#path)];
  }

  #tell(before: Value, after: Value): void {
    this.#told++;
    const earlier = this.draft.taints.at(this.#path);
    const names = new Set([...this.secrets, ...earlier]);
    if (names.size > 0) this.draft.taints.add(this.#path, names);
    if (this.context.trace === false || this.changes.length >= MAX_CHANGES) return;
    this.changes.push({
      chain: this.chain,
      path: this.#path,
      before: earlier.length > 0 ? shownSecrets(new Set(earlier)) : cut(shownValue(before)),
      after: names.size > 0 ? shownSecrets(names) : cut(shownValue(after)),
    });
  }
}

/** What stands for a value into which secrets went: their names only, since the value may hold them in any encoding. */
export function shownSecrets(names: Iterable<string>): string {
  return Array.from(names, (name) => `\${{secret:${name}}}`).join(' ');
}

function cut(text: string): string {
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
