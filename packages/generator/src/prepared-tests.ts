// Tests by position, prepared: read from the file when they are due, and kept, up to a bound in bytes of their lines, for the
// next time. The oldest goes first: a load runs through all tests in turn, so that there is no better guess.
import type { Test } from '@echoplane/traffic';
import type { PreparedTest } from './prepared-test.ts';
import type { TestFile } from './test-file.ts';

/** A parsed test takes some five times its line. */
const KEPT_BYTES = 4 << 20;

export class PreparedTests {
  readonly #file: TestFile;
  readonly #prepare: (test: Test, sizeBytes: number) => PreparedTest;
  readonly #kept = new Map<number, PreparedTest>();
  #keptBytes = 0;

  constructor(file: TestFile, prepare: (test: Test, sizeBytes: number) => PreparedTest) {
    this.#file = file;
    this.#prepare = prepare;
  }

  /** At once when it is kept. */
  get(position: number): PreparedTest | Promise<PreparedTest> {
    return this.#kept.get(position) ?? this.#read(position);
  }

  async #read(position: number): Promise<PreparedTest> {
    const sizeBytes = this.#file.index.sizeBytes(position);
    const test = await this.#file.read(position);
    // Somebody else may have read it meanwhile.
    const kept = this.#kept.get(position) ?? this.#prepare(test, sizeBytes);
    if (!this.#kept.has(position)) this.#keptBytes += sizeBytes;
    this.#kept.set(position, kept);
    for (const [oldest, { sizeBytes: bytes }] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) break;
      this.#kept.delete(oldest);
      this.#keptBytes -= bytes;
    }
    return kept;
  }
}
