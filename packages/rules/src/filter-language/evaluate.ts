// From a checked syntax tree to a closure that evaluates it. cel-js parses and checks types; evaluating is done here, for
// speed (flat conditions are a property read and a comparison), for the bound on cost, and so that `matches` runs on RE2.
// The meaning is CEL's: a test holds it against the evaluator of cel-js on random expressions and pairs.
//
// Conditions are three-valued: true, false, FAIL. `false && FAIL` is false, `true || FAIL` is true.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Scope } from './cost.ts';
import { FUNCTIONS } from './fields.ts';
import { type Call, FREE, METHODS } from './functions.ts';
import {
  type Compiling,
  messageOf,
  messagePart,
  numberOf,
  type Run,
  unsupported,
  variable,
} from './leaves.ts';
import { compileLoop, isLoop } from './loops.ts';
import { compilePattern } from './pattern.ts';
import {
  type Arithmetic,
  calculate,
  contains,
  equal,
  FAIL,
  memberOf,
  numberOrder,
  type Order,
  orderOf,
} from './values.ts';

/** The closure of a node. Throws FilterError for what the language leaves out. */
export function compileNode(node: ASTNode, at: Compiling): Run {
  switch (node.op) {
    case 'value':
      return constant(node.args, node, at);
    case 'id':
      return variable(node.args, node, at);
    case '.':
      return member(node.args[0], node.args[1], at);
    case '[]':
      return index(node.args[0], node.args[1], at);
    case '&&':
    case '||':
      return join(node.op === '||', compileNode(node.args[0], at), compileNode(node.args[1], at));
    case '!_':
      return not(compileNode(node.args, at));
    case '-_':
      return negate(compileNode(node.args, at));
    case '?:':
      return choose(node.args.map((part) => compileNode(part, at)) as [Run, Run, Run]);
    case '==':
    case '!=':
      return equality(node.op === '==', node.args, at);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return order(node.op, node.args, at);
    case 'in':
      return membership(node.args, at);
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(node.op, node.args, at);
    case 'list':
      return list(node.args.map((item) => compileNode(item, at)));
    case 'call':
      return freeCall(node.args, node, at);
    case 'rcall':
      return methodCall(node.args, node, at);
    default:
      throw unsupported(
        node,
        at,
        `${node.op === 'map' ? '{…}' : node.op} is not part of the filter language; leave it out`,
      );
  }
}

function constant(value: unknown, node: ASTNode, at: Compiling): Run {
  if (typeof value === 'object' && value !== null)
    throw unsupported(
      node,
      at,
      'bytes and unsigned numbers are not part of the filter language; use a text or a plain number',
    );
  return () => value;
}

function member(of: ASTNode, name: string, at: Compiling): Run {
  const message = messageOf(of, at);
  if (message) return messagePart(message, name, at);
  const value = compileNode(of, at);
  return (scope) => memberOf(value(scope), name);
}

function index(of: ASTNode, key: ASTNode, at: Compiling): Run {
  if (messageOf(of, at) && of.op === 'id')
    throw unsupported(of, at, `write ${of.args}.NAME instead of ${of.args}["NAME"]`);
  const value = compileNode(of, at);
  const keyOf = compileNode(key, at);
  return (scope) => memberOf(value(scope), keyOf(scope));
}

/** `a && b` (decided by false) and `a || b` (decided by true). */
function join(deciding: boolean, left: Run, right: Run): Run {
  return (scope) => {
    const a = left(scope);
    if (a === deciding) return deciding;
    const b = right(scope);
    if (b === deciding) return deciding;
    return a === !deciding && b === !deciding ? !deciding : FAIL;
  };
}

function not(operand: Run): Run {
  return (scope) => {
    const value = operand(scope);
    return typeof value === 'boolean' ? !value : FAIL;
  };
}

function negate(operand: Run): Run {
  return (scope) => {
    const value = operand(scope);
    return typeof value === 'bigint' || typeof value === 'number' ? -value : FAIL;
  };
}

function choose([condition, yes, no]: [Run, Run, Run]): Run {
  return (scope) => {
    const value = condition(scope);
    if (typeof value !== 'boolean') return FAIL;
    return value ? yes(scope) : no(scope);
  };
}

type Pair = readonly [ASTNode, ASTNode];
type Both = (scope: Scope, a: unknown, b: unknown) => unknown;

/** Evaluates both sides, and combines them unless one fails. */
function both(pair: Pair, at: Compiling, combine: Both): Run {
  const left = compileNode(pair[0], at);
  const right = compileNode(pair[1], at);
  return (scope) => {
    const a = left(scope);
    if (a === FAIL) return FAIL;
    const b = right(scope);
    return b === FAIL ? FAIL : combine(scope, a, b);
  };
}

function bothNumbers(pair: Pair, at: Compiling, combine: (a: number, b: number) => boolean): Run | null {
  const left = numberOf(pair[0], at);
  const right = left && numberOf(pair[1], at);
  return right && (({ view }) => combine(left(view), right(view)));
}

function equality(wanted: boolean, pair: Pair, at: Compiling): Run {
  const numbers = bothNumbers(pair, at, (a, b) => (a === b) === wanted);
  if (numbers) return numbers;
  const [left, right] = pair;
  const literal = right.op === 'value' ? right.args : undefined;
  if (typeof literal !== 'string') return both(pair, at, (scope, a, b) => equal(scope, a, b) === wanted);
  const value = compileNode(left, at);
  return (scope) => {
    const a = value(scope);
    return a === FAIL ? FAIL : (a === literal) === wanted;
  };
}

function order(operator: Order, pair: Pair, at: Compiling): Run {
  const compare = orderOf(operator);
  return bothNumbers(pair, at, numberOrder(operator)) ?? both(pair, at, (_scope, a, b) => compare(a, b));
}

function membership(pair: Pair, at: Compiling): Run {
  const [left, right] = pair;
  const items = right.op === 'list' ? right.args.map((item) => (item.op === 'value' ? item.args : null)) : [];
  if (items.length === 0 || !items.every((item) => typeof item === 'string')) return both(pair, at, contains);
  const known = new Set<unknown>(items);
  const value = compileNode(left, at);
  return (scope) => {
    const a = value(scope);
    return a === FAIL ? FAIL : known.has(a);
  };
}

function arithmetic(operator: Arithmetic, pair: Pair, at: Compiling): Run {
  return both(pair, at, (scope, a, b) => calculate(scope, operator, a, b));
}

function list(items: readonly Run[]): Run {
  return (scope) => {
    const values = items.map((item) => item(scope));
    return values.includes(FAIL) ? FAIL : values;
  };
}

function freeCall([name, args]: readonly [string, ASTNode[]], node: ASTNode, at: Compiling): Run {
  if (name === 'has') return has(args[0]!, at);
  const call = Object.hasOwn(FREE, name) ? FREE[name] : undefined;
  if (!call) throw unsupported(node, at, noFunction(name));
  return callWith(call, args, at);
}

function methodCall(
  [name, of, args]: readonly [string, ASTNode, ASTNode[]],
  node: ASTNode,
  at: Compiling,
): Run {
  if (isLoop(name)) return compileLoop({ name, of, args, node, at, compile: compileNode });
  if (name === 'matches') return compilePattern(compileNode(of, at), args[0]!, at);
  const call = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (!call) throw unsupported(node, at, noFunction(name));
  return callWith(call, [of, ...args], at);
}

function callWith(call: Call, nodes: readonly ASTNode[], at: Compiling): Run {
  const runs = nodes.map((node) => compileNode(node, at));
  return (scope) => {
    const args: unknown[] = [];
    for (const run of runs) {
      const value = run(scope);
      if (value === FAIL) return FAIL;
      args.push(value);
    }
    return call(scope, args);
  };
}

/** Whether the last part of a path is there; FAIL when a part before it is not. */
function has(path: ASTNode, at: Compiling): Run {
  const value = compileNode(path, at);
  const before = path.op === '.' && !messageOf(path.args[0], at) ? compileNode(path.args[0], at) : null;
  return (scope) => {
    if (before && before(scope) === FAIL) return FAIL;
    return value(scope) !== FAIL;
  };
}

function noFunction(name: string): string {
  return `${name}() is not part of the filter language; there are ${Object.keys(FUNCTIONS).join(', ')}`;
}
