// Comparing a replayed answer with the recorded one, leaf by leaf. Strict, except where a value is generated: then its
// kind must agree, and where the live value is known from an earlier answer, the value itself. Pure.
import { atomsIn, kindOf, type Scalar, shapeOf, shapePattern } from './kinds.ts';
import { type Leaf, leafPattern, responseLeaves } from './leaves.ts';
import type { Difference } from './report.ts';
import type { HttpResponse } from './rrpair.ts';
import type { ValueKind, VolatileLeaf } from './snapshot.ts';
import type { Substitution } from './substitution.ts';

/** Response headers that say nothing about the answer's meaning. */
const IGNORED = new Set([
  'header.etag',
  'header.last-modified',
  'header.x-powered-by',
  'header.x-echoplane-match',
]);
/** Differences kept per answer; more would only repeat themselves. */
const MAX_DIFFERENCES = 100;

export interface Comparison {
  differences: Difference[];
  /** Leaves whose values differ as generated values may. */
  volatile: { path: string; kind: ValueKind }[];
}

export interface CompareOptions {
  /** Leaf patterns the analyzer learned to be volatile. */
  volatile: readonly VolatileLeaf[];
  /** Recorded values and their live counterparts, as far as they are known in this session. */
  known: Substitution;
}

/** The differences between two answers; an empty list is a passed assertion. */
export function compareResponses(
  expected: HttpResponse,
  actual: HttpResponse,
  options: CompareOptions,
): Comparison {
  const result: Comparison = { differences: [], volatile: [] };
  const learned = new Map(options.volatile.map((leaf) => [leaf.path, leaf]));
  const live = byPath(responseLeaves(actual));
  const recorded = responseLeaves(expected);
  for (const leaf of recorded) {
    if (IGNORED.has(leaf.path)) continue;
    compareLeaf(leaf, live.get(leaf.path), learned.get(leafPattern(leaf.path)), options.known, result);
    live.delete(leaf.path);
  }
  for (const leaf of live.values()) {
    if (IGNORED.has(leaf.path)) continue;
    result.differences.push({
      path: leaf.path,
      problem: 'unexpected',
      expected: null,
      actual: print(leaf.value),
    });
  }
  result.differences = withoutEchoes(result.differences).slice(0, MAX_DIFFERENCES);
  return result;
}

function compareLeaf(
  expected: Leaf,
  actual: Leaf | undefined,
  learned: VolatileLeaf | undefined,
  known: Substitution,
  result: Comparison,
): void {
  const { path, value } = expected;
  const differ = (problem: Difference['problem']) =>
    result.differences.push({
      path,
      problem,
      expected: print(value),
      actual: actual ? print(actual.value) : null,
    });
  if (!actual) return void differ('missing');
  if (actual.value === value) return;
  if (typeOf(actual.value) !== typeOf(value)) return void differ('type');
  const kind =
    typeof value === 'string'
      ? textKind(value, actual.value as string, learned, known)
      : (learned?.kind ?? numberKind(value, actual.value));
  if (kind === 'same') return;
  if (kind) result.volatile.push({ path, kind });
  else differ('value');
}

/**
 * The kind as which two texts agree: equal but for generated pieces, and each piece whose live value is known has that
 * value. `same` when every piece is known; null when they differ.
 */
function textKind(
  recorded: string,
  actual: string,
  learned: VolatileLeaf | undefined,
  known: Substitution,
): ValueKind | 'same' | null {
  const due = known.get(recorded);
  if (due !== undefined) return due === actual ? 'same' : null;
  if (shapeOf(recorded) !== shapeOf(actual)) return learnedKind(recorded, actual, learned);
  const live = atomsIn(actual);
  let unknown = 0;
  for (const [i, atom] of atomsIn(recorded).entries()) {
    const piece = known.get(atom.value);
    if (piece !== undefined && piece !== live[i]!.value) return null;
    if (piece !== undefined || atom.value === live[i]!.value) continue;
    // An address is a person's: another one is a fault, unless the service makes addresses here.
    if (atom.kind === 'email' && !learned) return null;
    unknown++;
  }
  return unknown === 0 ? 'same' : kindOf(recorded);
}

/** The learned kind, when both texts have the learned shape. */
function learnedKind(recorded: string, actual: string, learned: VolatileLeaf | undefined): ValueKind | null {
  if (learned?.shape === undefined) return null;
  const pattern = shapePattern(learned.shape);
  return pattern.test(recorded) && pattern.test(actual) ? learned.kind : null;
}

function numberKind(recorded: Scalar, actual: Scalar): ValueKind | null {
  return kindOf(recorded) !== null && kindOf(recorded) === kindOf(actual) ? kindOf(recorded) : null;
}

/** `null` is a type of its own: a value that vanished is not a changed value. */
function typeOf(value: Scalar): string {
  return value === null ? 'null' : typeof value;
}

function print(value: Scalar): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function byPath(leaves: Leaf[]): Map<string, Leaf> {
  return new Map(leaves.map((leaf) => [leaf.path, leaf]));
}

/** When the status differs the rest follows from it: only the status is named. */
function withoutEchoes(differences: Difference[]): Difference[] {
  const status = differences.find((difference) => difference.path === 'status');
  return status ? [status] : differences;
}
