// The assertions of a test config on one live answer: which comparison is asked for (`when` is asked of the recorded exchange),
// and the custom expectations, CEL over the live RRPair. Expressions are compiled once. Pure.
import { type CompareRules, rulesFor, STRICT } from '@echoplane/replay';
import {
  compileExpression,
  type EvaluationFailure,
  type Expression,
  liveViewOf,
  recordedViewOf,
} from '@echoplane/rules';
import { type Assertion, type Difference, type RRPair, TAG, type Test } from '@echoplane/traffic';

const WHY: Record<EvaluationFailure, string> = {
  error: 'cannot be evaluated on this answer',
  cost: 'costs more to evaluate than is allowed',
};

export class Expectations {
  readonly #assertions: readonly Assertion[];
  readonly #compiled = new Map<string, Expression>();

  /** Throws FilterError for an expression that cannot be used. */
  constructor(assertions: readonly Assertion[] = []) {
    this.#assertions = assertions;
    for (const assertion of assertions) {
      if (assertion.when !== undefined) this.#compile(assertion.when);
      if (assertion.type === 'expect') this.#compile(assertion.expression);
    }
  }

  /** The comparison asked for, and a difference at `expect` for each expectation that does not hold. */
  judge(test: Test, live: RRPair): { rules: CompareRules; differences: Difference[] } {
    if (this.#assertions.length === 0) return { rules: STRICT, differences: [] };
    const recorded = recordedViewOf(test);
    const view = liveViewOf(test, live);
    const holds = (when: string | undefined) =>
      when === undefined || this.#compiled.get(when)!.test(recorded);
    const differences: Difference[] = [];
    for (const assertion of this.#assertions) {
      if (assertion.type !== 'expect' || !holds(assertion.when)) continue;
      const { expression, message } = assertion;
      let actual = 'does not hold';
      const failed = (why: EvaluationFailure) => {
        actual = WHY[why];
      };
      if (this.#compiled.get(expression)!.test(view, failed)) continue;
      differences.push({ path: 'expect', problem: 'value', expected: message ?? expression, actual });
    }
    // Expectations alone are asked beside the comparison, not instead of it.
    const compared = this.#assertions.filter(({ type }) => type !== 'expect');
    return { rules: rulesFor(compared, holds), differences };
  }

  #compile(source: string): void {
    if (!this.#compiled.has(source)) this.#compiled.set(source, compileExpression(source));
  }
}

/** A difference when a strict transform found nothing to work on in an answer. */
export function strictFindings({ tags }: Pick<RRPair, 'tags'>): Difference[] {
  const said = tags[TAG.transform];
  if (said === undefined) return [];
  return [{ path: 'transform', problem: 'value', expected: 'strict transform', actual: said }];
}
