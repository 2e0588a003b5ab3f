// The leaves of an expression: fields of the pair, parts of its messages. Also what all that compiles syntax trees shares.
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Scope } from './cost.ts';
import { FilterError, type FilterErrorCode } from './filter-error.ts';
import { FAIL } from './values.ts';
import type { ExpressionView, MessageView } from './view.ts';

/** Evaluates to a value or FAIL. */
export type Run = (scope: Scope) => unknown;

/** What is known while compiling. */
export interface Compiling {
  readonly source: string;
  /** Variables of the loops around, the outermost first. */
  readonly locals: readonly string[];
  /** Set when the text or JSON of a body is looked at. */
  needsBody: boolean;
}

/** An error at the node. */
export function unsupported(
  node: ASTNode,
  at: Compiling,
  reason: string,
  code: FilterErrorCode = 'unsupported',
): FilterError {
  return new FilterError(code, reason, at.source, node.start);
}

const FLAT: Readonly<Record<string, (view: ExpressionView) => unknown>> = {
  direction: (view) => view.direction,
  protocol: (view) => view.protocol,
  method: (view) => view.method,
  path: (view) => view.path,
  host: (view) => view.host,
  endpoint: (view) => view.endpoint,
  latencyMs: (view) => view.latencyMs,
  error: (view) => view.error,
  service: (view) => view.service,
  cluster: (view) => view.cluster,
  ns: (view) => view.ns,
  workload: (view) => view.workload,
  session: (view) => view.session,
  tags: (view) => view.tags,
};

/** Integer fields, as plain numbers: compared as such where both sides are numbers, else turned into CEL's integers. */
const NUMBERS: Readonly<Record<string, (view: ExpressionView) => number>> = {
  status: (view) => view.status,
  grpcStatus: (view) => view.grpcStatus,
};

/** The closure of a name. Throws FilterError when it is none of a value. */
export function variable(name: string, node: ASTNode, at: Compiling): Run {
  const local = at.locals.lastIndexOf(name);
  if (local >= 0) return ({ locals }) => locals[local];
  const flat = FLAT[name];
  if (flat) return ({ view }) => flat(view);
  const number = NUMBERS[name];
  if (number) return ({ view }) => BigInt(number(view));
  if (name === 'request' || name === 'response')
    throw unsupported(
      node,
      at,
      `${name} is not a value; write ${name}.json, ${name}.text or ${name}.headers["…"]`,
    );
  throw unsupported(node, at, `${name} cannot be used like this`);
}

/** Which message a node names, if it names one. */
export function messageOf(node: ASTNode, at: Compiling): ((view: ExpressionView) => MessageView) | null {
  if (node.op !== 'id' || at.locals.includes(node.args)) return null;
  if (node.args === 'request') return (view) => view.request;
  return node.args === 'response' ? (view) => view.response : null;
}

/** The closure of a part of a message, whose name was checked. */
export function messagePart(
  message: (view: ExpressionView) => MessageView,
  name: string,
  at: Compiling,
): Run {
  if (name === 'json' || name === 'text') at.needsBody = true;
  switch (name) {
    case 'headers':
      return ({ view }) => message(view).headers;
    case 'trailers':
      return ({ view }) => message(view).trailers;
    case 'query':
      return ({ view }) => message(view).query;
    case 'size':
      return ({ view }) => BigInt(message(view).size);
    case 'text':
      return ({ view }) => message(view).text;
    default:
      return ({ view }) => {
        const { json } = message(view);
        return json === undefined ? FAIL : json;
      };
  }
}

/** A node that is a plain number for every pair, or null. */
export function numberOf(node: ASTNode, at: Compiling): ((view: ExpressionView) => number) | null {
  if (node.op === 'value') {
    const { args } = node;
    if (typeof args !== 'number' && (typeof args !== 'bigint' || !Number.isSafeInteger(Number(args))))
      return null;
    const number = Number(args);
    return () => number;
  }
  if (node.op === 'id' && !at.locals.includes(node.args))
    return node.args === 'latencyMs' ? (view) => view.latencyMs : (NUMBERS[node.args] ?? null);
  const message = node.op === '.' && node.args[1] === 'size' ? messageOf(node.args[0], at) : null;
  return message && ((view) => message(view).size);
}
