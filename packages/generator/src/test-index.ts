// Where every test of a file stands and when it was recorded, in columns of numbers: some thirty bytes a test, whatever its
// size. Pure; it must not know files.

/** What the index keeps of a test. */
export interface TestPlace {
  /** Byte offset of its line. */
  at: number;
  sizeBytes: number;
  /** µs from the start of the recording. */
  startUs: number;
  durationUs: number;
  /** Number of its session, from 0. */
  session: number;
  /** Position in its session. */
  order: number;
}

const FIRST_ROOM = 1024;
/** A longer request is kept as this long: over an hour, so that it blocks nothing less. */
const MAX_U32 = 0xffff_ffff;

export class TestIndex {
  #count = 0;
  #sessions = 0;
  #at = new Float64Array(FIRST_ROOM);
  #startUs = new Float64Array(FIRST_ROOM);
  #sizeBytes = new Uint32Array(FIRST_ROOM);
  #durationUs = new Uint32Array(FIRST_ROOM);
  #session = new Uint32Array(FIRST_ROOM);
  #order = new Uint32Array(FIRST_ROOM);

  get count(): number {
    return this.#count;
  }
  /** How many sessions there are; they are numbered from 0. */
  get sessions(): number {
    return this.#sessions;
  }

  add({ at, sizeBytes, startUs, durationUs, session, order }: TestPlace): void {
    const i = this.#count++;
    if (i >= this.#at.length) this.#grow();
    this.#at[i] = at;
    this.#startUs[i] = startUs;
    this.#sizeBytes[i] = sizeBytes;
    this.#durationUs[i] = Math.min(durationUs, MAX_U32);
    this.#session[i] = session;
    this.#sessions = Math.max(this.#sessions, session + 1);
    this.#order[i] = order;
  }

  at(i: number): number {
    return this.#at[i]!;
  }
  sizeBytes(i: number): number {
    return this.#sizeBytes[i]!;
  }
  startUs(i: number): number {
    return this.#startUs[i]!;
  }
  endUs(i: number): number {
    return this.#startUs[i]! + this.#durationUs[i]!;
  }
  session(i: number): number {
    return this.#session[i]!;
  }

  /** The tests that `isWanted`, in the order in which their requests began. */
  byStart(isWanted: (i: number) => boolean): Uint32Array {
    const [start, order] = [this.#startUs, this.#order];
    return this.#chosen(isWanted).sort((a, b) => start[a]! - start[b]! || order[a]! - order[b]! || a - b);
  }

  /** The tests that `isWanted` by session: those of each in order, the sessions by their first request. */
  bySession(isWanted: (i: number) => boolean): SessionList {
    const [start, order, session] = [this.#startUs, this.#order, this.#session];
    const all = this.#chosen(isWanted).sort(
      (a, b) => session[a]! - session[b]! || order[a]! - order[b]! || a - b,
    );
    const begins = all.map((_, n) => n).filter((n) => session[all[n]!] !== session[all[n - 1]!]);
    const byStart = begins.sort((a, b) => start[all[a]!]! - start[all[b]!]! || a - b);
    return new SessionList(all, byStart, (i) => session[i]!);
  }

  #chosen(isWanted: (i: number) => boolean): Uint32Array {
    const chosen = new Uint32Array(this.#count);
    let count = 0;
    for (let i = 0; i < this.#count; i++) if (isWanted(i)) chosen[count++] = i;
    return chosen.subarray(0, count);
  }

  #grow(): void {
    const room = this.#at.length * 2;
    const wider = <C extends Float64Array | Uint32Array>(column: C, to: C): C => {
      to.set(column);
      return to;
    };
    this.#at = wider(this.#at, new Float64Array(room));
    this.#startUs = wider(this.#startUs, new Float64Array(room));
    this.#sizeBytes = wider(this.#sizeBytes, new Uint32Array(room));
    this.#durationUs = wider(this.#durationUs, new Uint32Array(room));
    this.#session = wider(this.#session, new Uint32Array(room));
    this.#order = wider(this.#order, new Uint32Array(room));
  }
}

/** Sessions as stretches of one column, so that a million of them are no million objects. */
export class SessionList {
  readonly #tests: Uint32Array;
  /** Where each begins in `#tests`. */
  readonly #begins: Uint32Array;
  readonly #sessionOf: (i: number) => number;

  constructor(tests: Uint32Array, begins: Uint32Array, sessionOf: (i: number) => number) {
    this.#tests = tests;
    this.#begins = begins;
    this.#sessionOf = sessionOf;
  }

  get count(): number {
    return this.#begins.length;
  }

  /** Where the tests of the `n`-th session begin. */
  first(n: number): number {
    return this.#begins[n]!;
  }

  /** Where they end: one past the last. */
  end(n: number): number {
    const first = this.#begins[n]!;
    const session = this.#sessionOf(this.#tests[first]!);
    let end = first + 1;
    while (end < this.#tests.length && this.#sessionOf(this.#tests[end]!) === session) end++;
    return end;
  }

  /** Position of the test that stands at `i`, between the first and the end of a session. */
  test(i: number): number {
    return this.#tests[i]!;
  }
}
