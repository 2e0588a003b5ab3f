// Tests that could not be sent, with the reason: counted all, listed up to a bound, and written to a file when asked.
import { writeFile } from 'node:fs/promises';
import { count, type Test } from '@echoplane/traffic';

/** `incomplete-request`: the recording holds only a part of its body. */
export type DeadLetterReason =
  | 'unresolved-token'
  | 'transform-failed'
  | 'incomplete-request'
  | 'unsupported-protocol';

export interface DeadLetter {
  test: string;
  session: string;
  method: string;
  target: string;
  reason: DeadLetterReason;
  /** Which token, which chain, which protocol. */
  detail: string;
}

const MAX_LISTED = 10_000;
/** Different reasons that a summary tells. */
const MAX_WHYS = 20;
const MAX_WHY_CHARS = 300;

export class DeadLetters {
  readonly #counts: Record<string, number> = {};
  readonly #listed: DeadLetter[] = [];
  readonly #whys = new Map<string, { why: string; tests: number }>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** By reason. */
  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  add({ id, session, request: { method, target } }: Test, reason: DeadLetterReason, detail: string): void {
    this.#total++;
    count(this.#counts, reason);
    this.#explain(`${reason} ${detail}`, `${method} ${target}: ${detail}`);
    if (this.#listed.length < MAX_LISTED)
      this.#listed.push({ test: id, session, method, target, reason, detail });
  }

  #explain(kind: string, why: string): void {
    const known = this.#whys.get(kind);
    if (known) known.tests++;
    else if (this.#whys.size < MAX_WHYS) this.#whys.set(kind, { why: why.slice(0, MAX_WHY_CHARS), tests: 1 });
  }

  /** Why tests were not sent: the first test of each reason, and how many there were. */
  whys(): string[] {
    return [...this.#whys.values()].map(({ why, tests }) => (tests === 1 ? why : `${why} (${tests} tests)`));
  }

  /** The first of them. */
  get listed(): readonly DeadLetter[] {
    return this.#listed;
  }
}

/** One JSON object a line. */
export async function writeLetters(path: string, letters: readonly DeadLetter[]): Promise<void> {
  const lines = letters.slice(0, MAX_LISTED).map((letter) => `${JSON.stringify(letter)}\n`);
  await writeFile(path, lines.join(''));
}
