// What of an expression the index can answer: the parts joined by && that compare index fields become a TrafficQuery, a
// coarse selection that never leaves out a pair for which the expression holds; the rest is tested on the pairs.

import { TrafficQuery } from '@echoplane/traffic';
import type { ASTNode } from '@marcbachmann/cel-js';
import type { Expression } from './compile.ts';

export interface IndexPart {
  /** Without `replay` it means live traffic only, as every TrafficQuery. */
  query: TrafficQuery;
  /** What the query does not say; null when the query says all, so that no pair need be fetched. */
  rest: Expression | null;
}

/** The split of an expression. */
export function indexPart(expression: Expression): IndexPart {
  const query: TrafficQuery = {};
  let rest: ASTNode[] = [];
  for (const condition of conjuncts(expression.tree)) {
    const found = conditionOf(condition);
    const isNew =
      found !== null &&
      Object.keys(found.query).every((key) => query[key as keyof TrafficQuery] === undefined);
    if (found && isNew && TrafficQuery.safeParse(found.query).success) Object.assign(query, found.query);
    if (!found || !isNew || !found.exact || !TrafficQuery.safeParse(found.query).success)
      rest.push(condition);
  }
  // A pair without a response has status 0 here and none in the index: an upper bound alone would leave it out there.
  if (query.statusMax !== undefined && (query.statusMin ?? 0) < 1) {
    delete query.statusMax;
    rest = conjuncts(expression.tree);
  }
  return { query, rest: rest.length === 0 ? null : expression.part(rest) };
}

function conjuncts(node: ASTNode): ASTNode[] {
  return node.op === '&&' ? [...conjuncts(node.args[0]), ...conjuncts(node.args[1])] : [node];
}

/** `exact`: the query says just what the condition says, and not only what follows from it. */
interface Found {
  query: TrafficQuery;
  exact: boolean;
}

const EQUAL = new Set(['service', 'host', 'method', 'endpoint', 'session']);

function conditionOf(node: ASTNode): Found | null {
  if (node.op === 'rcall') {
    const [name, of, [prefix]] = node.args;
    const text = prefix && literalOf(prefix);
    return name === 'startsWith' && nameOf(of) === 'path' && typeof text === 'string'
      ? { query: { pathPrefix: text }, exact: true }
      : null;
  }
  if (node.op === '==') {
    const [left, right] = node.args;
    const name = nameOf(left) ?? nameOf(right);
    const value = literalOf(nameOf(left) === null ? left : right);
    return name === null || value === undefined ? null : equalTo(name, value);
  }
  if (node.op !== '>=' && node.op !== '>' && node.op !== '<=' && node.op !== '<') return null;
  const [left, right] = node.args;
  const bound = literalOf(right);
  return typeof bound === 'bigint' || typeof bound === 'number'
    ? within(nameOf(left), node.op, Number(bound))
    : null;
}

function equalTo(name: string, value: unknown): Found | null {
  if (name === 'status' && typeof value === 'bigint' && value > 0n)
    return { query: { statusMin: Number(value), statusMax: Number(value) }, exact: true };
  // An empty text stands for what is null in the index.
  if (typeof value !== 'string' || value === '') return null;
  if (name === 'direction')
    return value === 'IN' || value === 'OUT' ? { query: { direction: value }, exact: true } : null;
  if (name === 'tags.replay') return { query: { replay: value }, exact: true };
  return EQUAL.has(name) ? { query: { [name]: value }, exact: true } : null;
}

function within(name: string | null, operator: string, bound: number): Found | null {
  if (name === 'latencyMs' && operator.startsWith('>') && bound >= 0)
    return { query: { latencyMinMs: bound }, exact: operator === '>=' };
  if (name !== 'status') return null;
  if (operator === '>=' && bound > 0) return { query: { statusMin: Math.ceil(bound) }, exact: true };
  if (operator === '>' && bound >= 0) return { query: { statusMin: Math.floor(bound) + 1 }, exact: true };
  if (operator === '<=') return { query: { statusMax: Math.floor(bound) }, exact: true };
  return operator === '<' ? { query: { statusMax: Math.ceil(bound) - 1 }, exact: true } : null;
}

/** `status`, `tags.replay`: a flat field's name, else null. */
function nameOf(node: ASTNode): string | null {
  if (node.op === 'id') return node.args;
  const tag = node.op === '.' ? node.args[1] : node.op === '[]' ? literalOf(node.args[1]) : null;
  const of = node.op === '.' || node.op === '[]' ? node.args[0] : null;
  return tag === 'replay' && of?.op === 'id' && of.args === 'tags' ? 'tags.replay' : null;
}

function literalOf(node: ASTNode): unknown {
  return node.op === 'value' ? node.args : undefined;
}
