// Expressions of the filter language: from text to something that tests pairs. What cannot be evaluated on a pair (a key
// that is not there, a text where a number is needed, too high a cost) does not hold for it.
import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import { LIMITS, OUT_OF_FUEL } from './cost.ts';
import { compileNode } from './evaluate.ts';
import { declareFields } from './fields.ts';
import { type CelError, explain, FilterError } from './filter-error.ts';
import type { Compiling, Run } from './leaves.ts';
import { FAIL } from './values.ts';
import type { ExpressionView } from './view.ts';

/** Why an expression could not be evaluated: `error` on this pair's data, `cost` above the bound. */
export type EvaluationFailure = 'error' | 'cost';

export class Expression {
  readonly source: string;
  /** Whether it looks at the text or JSON of a body; without it the flat fields and headers are enough. */
  readonly needsBody: boolean;
  /** The checked syntax tree, for those who split an expression. */
  readonly tree: ASTNode;
  readonly #run: Run;

  /** `conditions`: what must hold of `tree`, when it is not all of it. */
  constructor(source: string, tree: ASTNode, conditions: readonly ASTNode[] = [tree]) {
    const compiling: Compiling = { source, locals: [], needsBody: false };
    this.source = source;
    this.tree = tree;
    this.#run = allOf(conditions.map((node) => compileNode(node, compiling)));
    this.needsBody = compiling.needsBody;
  }

  /** The expression that holds where all these conditions of it hold. */
  part(conditions: readonly ASTNode[]): Expression {
    return new Expression(this.source, this.tree, conditions);
  }

  /** Whether the expression holds for a pair; `failed` hears when that could not be found out, and it counts as no. */
  test(view: ExpressionView, failed?: (why: EvaluationFailure) => void): boolean {
    let value: unknown = FAIL;
    try {
      value = this.#run({ view, fuel: LIMITS.fuel, locals: [] });
    } catch (error) {
      // Besides the fuel only the stack can run out, by JSON nested thousands deep.
      if (error !== OUT_OF_FUEL && !(error instanceof RangeError)) throw error;
      failed?.('cost');
      return false;
    }
    if (typeof value !== 'boolean') failed?.('error');
    return value === true;
  }
}

function allOf(conditions: readonly Run[]): Run {
  if (conditions.length === 1) return conditions[0]!;
  return (scope) => conditions.every((condition) => condition(scope) === true);
}

let environment: Environment | null = null;

/** The expression, checked. Throws FilterError, which says where and what to do. */
export function compileExpression(source: string): Expression {
  if (source.length > LIMITS.length) {
    const reason = `an expression has ${LIMITS.length} characters at most; split it into several rules`;
    throw new FilterError('too_large', reason, source, LIMITS.length);
  }
  const { ast, type } = parseAndCheck(source);
  if (type !== 'bool' && type !== 'dyn') {
    const reason = `the whole expression is a ${type} and must be true or false; compare it with something`;
    throw new FilterError('type', reason, source, ast.start);
  }
  return new Expression(source, ast);
}

function parseAndCheck(source: string): { ast: ASTNode; type: string } {
  environment ??= declareFields();
  let parsed: ParseResult;
  try {
    parsed = environment.parse(source);
  } catch (error) {
    if (error instanceof RangeError)
      throw new FilterError('too_large', 'nested too deeply; split it', source, 0);
    throw explain(error as CelError, source);
  }
  const checked = parsed.check();
  if (!checked.valid) throw explain(checked.error as CelError, source);
  return { ast: parsed.ast, type: checked.type! };
}
