// What a test config asks of the answers: which comparison, by test (`when` is asked of the recorded exchange), and custom
// expectations of the live one. The report asks the same of the results; expressions are compiled once. Pure.
import { type CompareRules, rulesFor, STRICT } from '@echoplane/replay';
import { compileExpression, type Expression, liveViewOf, recordedViewOf } from '@echoplane/rules';
import type { Assertion, HttpResponse, RRPair, Test } from '@echoplane/traffic';

const NOWHERE = { ip: '', port: 0, host: null };

/** A live answer, with when it was asked for and when it was there, µs since the epoch. */
export interface LiveExchange {
  request: Test['request'];
  response: HttpResponse;
  startedUs: number;
  endUs: number;
}

export class AskedAssertions {
  readonly #compared: readonly Assertion[];
  readonly #expected: readonly Extract<Assertion, { type: 'expect' }>[];
  readonly #compiled = new Map<string, Expression>();

  /** Throws FilterError for an expression that cannot be used. */
  constructor(assertions: readonly Assertion[]) {
    this.#compared = assertions.filter(({ type }) => type !== 'expect');
    this.#expected = assertions.filter((assertion) => assertion.type === 'expect');
    for (const { when } of assertions) if (when !== undefined) this.#compile(when);
    for (const { expression } of this.#expected) this.#compile(expression);
  }

  /** How a test's answers are compared. */
  rulesOf(test: Test): CompareRules {
    return this.#compared.length === 0 ? STRICT : rulesFor(this.#compared, this.#holdsFor(test));
  }

  /** Whether an answer can be right although it is the recorded one: expectations may ask for how it came. */
  get hasExpectations(): boolean {
    return this.#expected.length > 0;
  }

  /** Whether every expectation of the test holds for its live answer. */
  isMet(test: Test, live: LiveExchange): boolean {
    if (this.#expected.length === 0) return true;
    const holds = this.#holdsFor(test);
    const view = liveViewOf(test, pairOf(test, live));
    return this.#expected
      .filter(({ when }) => holds(when))
      .every(({ expression }) => this.#compiled.get(expression)!.test(view));
  }

  #holdsFor(test: Test): (when: string | undefined) => boolean {
    const recorded = recordedViewOf(test);
    return (when) => when === undefined || this.#compiled.get(when)!.test(recorded);
  }

  #compile(source: string): void {
    if (!this.#compiled.has(source)) this.#compiled.set(source, compileExpression(source));
  }
}

function pairOf({ id, session, protocol = 'http/1.1' }: Test, live: LiveExchange): RRPair {
  const { request, response, startedUs, endUs } = live;
  const { method, target, headers, body } = request;
  const host = headers.find(([name]) => name.toLowerCase() === 'host')?.[1] ?? '';
  return {
    ...{ v: 1, id, ts: startedUs, durationUs: Math.max(0, endUs - startedUs), ttfbUs: null, direction: 'IN' },
    source: { cluster: '', namespace: '', workload: { kind: '', name: '' }, pod: '', container: '' },
    ...{ protocol, session, client: NOWHERE, server: NOWHERE, tls: null, connection: { id: '', seq: 0 } },
    request: { method, url: `http://${host}${target}`, headers, body },
    ...{ response, error: null, tags: {}, redactions: [] },
  };
}
