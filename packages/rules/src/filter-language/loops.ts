// The loops of the filter language (`exists`, `all`, `exists_one`, `filter`, `map`), with their bound on nesting and cost.
import type { ASTNode } from '@marcbachmann/cel-js';
import { LIMITS, type Scope, spend } from './cost.ts';
import { FilterError } from './filter-error.ts';
import type { Compiling, Run } from './leaves.ts';
import { FAIL, keysOf } from './values.ts';

/** Goes through the items; `each(i)` evaluates the loop's nth body for the item that is current. */
type Loop = (
  scope: Scope,
  items: readonly unknown[],
  enter: (item: unknown) => void,
  bodies: readonly Run[],
) => unknown;

const LOOPS: Readonly<Record<string, Loop>> = {
  exists: (scope, items, enter, [body]) => quantify(true, scope, items, enter, body!),
  all: (scope, items, enter, [body]) => quantify(false, scope, items, enter, body!),
  exists_one: (scope, items, enter, [body]) => {
    let found = 0;
    for (const item of items) {
      enter(item);
      const value = body!(scope);
      if (typeof value !== 'boolean') return FAIL;
      if (value) found++;
    }
    return found === 1;
  },
  filter: (scope, items, enter, [body]) => {
    const kept: unknown[] = [];
    for (const item of items) {
      enter(item);
      const value = body!(scope);
      if (typeof value !== 'boolean') return FAIL;
      if (value) kept.push(item);
    }
    return kept;
  },
  map: (scope, items, enter, bodies) => {
    const [condition, body] = bodies.length === 1 ? [null, bodies[0]!] : [bodies[0]!, bodies[1]!];
    const made: unknown[] = [];
    for (const item of items) {
      enter(item);
      const isMeant = condition ? condition(scope) : true;
      if (typeof isMeant !== 'boolean') return FAIL;
      if (!isMeant) continue;
      const value = body(scope);
      if (value === FAIL) return FAIL;
      made.push(value);
    }
    return made;
  },
};

/** `exists` is decided by true, `all` by false; an item that fails counts only when no other decides. */
function quantify(
  deciding: boolean,
  scope: Scope,
  items: readonly unknown[],
  enter: (item: unknown) => void,
  body: Run,
): unknown {
  let failed = false;
  for (const item of items) {
    enter(item);
    const value = body(scope);
    if (value === deciding) return deciding;
    if (value !== !deciding) failed = true;
  }
  return failed ? FAIL : !deciding;
}

export function isLoop(name: string): boolean {
  return Object.hasOwn(LOOPS, name);
}

export interface LoopCall {
  name: string;
  of: ASTNode;
  /** The variable, then the bodies. */
  args: readonly ASTNode[];
  node: ASTNode;
  at: Compiling;
  compile: (node: ASTNode, at: Compiling) => Run;
}

/** The closure of a loop. Throws FilterError when it stands too deep in others. */
export function compileLoop({ name, of, args, node, at, compile }: LoopCall): Run {
  const depth = at.locals.length;
  if (depth >= LIMITS.loopDepth) {
    const reason = `${LIMITS.loopDepth} loops inside each other are the most; take this one out`;
    throw new FilterError('too_large', reason, at.source, node.start);
  }
  const range = compile(of, at);
  const inside: Compiling = {
    source: at.source,
    locals: [...at.locals, String(args[0]!.args)],
    needsBody: at.needsBody,
  };
  const bodies = args.slice(1).map((body) => compile(body, inside));
  at.needsBody = inside.needsBody;
  const loop = LOOPS[name]!;
  // What a turn costs beside the work of functions, which charge for themselves: about one unit for four characters of source.
  const turnCost = 2 + Math.ceil((node.end - args[0]!.start) / 4);
  return (scope) => {
    const value = range(scope);
    const items = Array.isArray(value)
      ? value
      : typeof value === 'object' && value !== null
        ? keysOf(value)
        : null;
    if (items === null) return FAIL;
    const result = loop(
      scope,
      items,
      (item) => {
        spend(scope, turnCost);
        scope.locals[depth] = item;
      },
      bodies,
    );
    return result;
  };
}
