// What a failure most likely follows from: a request that failed before and whose values this one needed (a login), a write
// that was answered but is not there afterwards, an outbound request that found no mock. Told tests in the order in which
// their answers ended. A cause explains; it never hides a failure. Bounded; pure.
import { type AssertionResult, headerValues, type Test } from '@echoplane/traffic';
import { idOf } from './finding-book.ts';
import type { Incident } from './outbound.ts';

const MAX_TOKENS = 200_000;
const MAX_SESSIONS = 100_000;
const MAX_WRITES = 5_000;
/** A write is lost when reads of so many endpoints do not find it, and at most this share of those that need it pass. */
const LOST_ENDPOINTS = 2;
const LOST_PASSING = 0.2;
const REFUSALS = new Set([401, 403]);
const GONE = new Set([404, 410]);
const READS = new Set(['GET', 'HEAD']);
const LOST = 'lost ';

interface Producer {
  name: string;
  /** Key of the cause when the answer lacked the token. */
  broken: string | null;
}

interface Write {
  missedBy: Set<string>;
  missed: number;
  found: number;
}

export class Causes {
  /** By token. */
  readonly #producers = new Map<string, Producer>();
  /** By session: the cause of refusals. */
  readonly #entrances = new Map<string, string>();
  /** By name of the endpoint that made the value. */
  readonly #writes = new Map<string, Write>();
  /** Sentences by key. */
  readonly #words = new Map<string, string>();

  /** The key of what this failure follows from; null when it stands for itself. Takes what later ones follow from. */
  ofFailure(test: Test, assertion: AssertionResult, during: readonly Incident[]): string | null {
    const cause = this.#causeOf(test, assertion, during);
    const root = cause ?? idOf(assertion, assertion.differences[0]!);
    const name = nameOf(test);
    const isWhole = !assertion.differences.some(({ path }) => path === 'status');
    for (const { token, path } of test.produces) {
      const broken = isWhole && !assertion.differences.some((one) => one.path === path.split('#')[0]);
      this.#remember(token, { name, broken: broken ? null : root });
    }
    if (!isWhole && isEntrance(test) && this.#entrances.size < MAX_SESSIONS)
      if (!this.#entrances.has(test.session)) this.#entrances.set(test.session, root);
    if (cause === null) this.#words.set(root, sentenceOf(name, assertion));
    return cause;
  }

  passed(test: Test): void {
    const name = nameOf(test);
    for (const { token } of test.produces) this.#remember(token, { name, broken: null });
    const write = READS.has(test.request.method) ? this.#writeNeeded(test) : null;
    if (write !== null) this.#writeOf(write).found++;
  }

  /** The sentence of a cause; null when later tests showed that it is none. */
  wordsOf(key: string): string | null {
    if (!key.startsWith(LOST)) return this.#words.get(key) ?? null;
    const name = key.slice(LOST.length);
    const { missedBy, missed, found } = this.#writes.get(name)!;
    if (missedBy.size < LOST_ENDPOINTS || found > (found + missed) * LOST_PASSING) return null;
    return `what ${name} made was not there afterwards, although it was answered as recorded`;
  }

  /** Gives the sentence of a cause that is found elsewhere, such as a mock miss. */
  name(key: string, sentence: string): void {
    this.#words.set(key, sentence);
  }

  #causeOf(test: Test, { actualStatus }: AssertionResult, during: readonly Incident[]): string | null {
    for (const token of test.consumes) {
      const broken = this.#producers.get(token)?.broken;
      if (broken) return broken;
    }
    const entrance = this.#entrances.get(test.session);
    if (entrance !== undefined && REFUSALS.has(actualStatus ?? 0)) return entrance;
    const miss = during.find(({ kind }) => kind === 'miss');
    if (miss) return miss.what;
    if (!GONE.has(actualStatus ?? 0) || GONE.has(test.response.status)) return null;
    const write = this.#writeNeeded(test);
    if (write === null) return null;
    const { missedBy } = this.#writeOf(write);
    missedBy.add(nameOf(test));
    this.#writeOf(write).missed++;
    return `${LOST}${write}`;
  }

  /** The endpoint that made the value this request needs: the last of those it names. */
  #writeNeeded({ consumes }: Test): string | null {
    const makers = consumes.flatMap((token) => this.#producers.get(token)?.name ?? []);
    const last = makers.findLast((name) => !READS.has(name.split(' ')[0]!));
    return last !== undefined && (this.#writes.has(last) || this.#writes.size < MAX_WRITES) ? last : null;
  }

  #writeOf(name: string): Write {
    const known = this.#writes.get(name);
    if (known) return known;
    const made = { missedBy: new Set<string>(), missed: 0, found: 0 };
    this.#writes.set(name, made);
    return made;
  }

  #remember(token: string, producer: Producer): void {
    this.#producers.delete(token);
    if (this.#producers.size >= MAX_TOKENS) this.#producers.delete(this.#producers.keys().next().value!);
    this.#producers.set(token, producer);
  }
}

/** Something that lets a session in: its answer holds values that later requests carry. */
function isEntrance({ produces, response }: Test): boolean {
  return produces.length > 0 || headerValues(response.headers, 'set-cookie').length > 0;
}

function nameOf({ request: { method }, endpoint }: Test): string {
  return `${method} ${endpoint}`;
}

function sentenceOf(name: string, { differences, expectedStatus, actualStatus }: AssertionResult): string {
  const { path } = differences[0]!;
  if (actualStatus === null) return `${name} was not answered`;
  if (path === 'status') return `${name} was answered with ${actualStatus} instead of ${expectedStatus}`;
  return `${name} answered another ${path} than recorded`;
}
