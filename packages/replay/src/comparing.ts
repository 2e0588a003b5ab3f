// The state of one comparison: what was found so far, and what was seen of live values, both of which can be taken back to a
// mark when elements of an array turn out to stand elsewhere. It must not know how leaves are compared.
import {
  type Difference,
  type HttpResponse,
  type LeafCounts,
  leafPattern,
  type Test,
  type ValueKind,
} from '@echoplane/traffic';
import type { CompareRules } from './compare-rules.ts';
import type { Holder } from './compare-serial.ts';
import type { Scalar } from './kinds.ts';
import type { LeafFilter } from './leaf-filter.ts';
import type { LiveValues } from './live-values.ts';
import type { Observation } from './observed.ts';
import type { Exchange } from './run-clock.ts';
import { type AnswerPlaces, answerPlaces } from './test-places.ts';
import { ExactNumber, Spot, type TreeNode } from './tree.ts';

/** Differences kept per answer; more would only repeat themselves. */
export const MAX_DIFFERENCES = 100;
const MAX_PRINTED_CHARS = 300;

/** How a leaf agrees, or `differs`. */
export type Judgement = 'strict' | 'time' | { kind: ValueKind } | 'differs';
/** Compares what stands at a path in both answers. */
export type CompareNodes = (comparing: Comparing, path: string, recorded: TreeNode, live: TreeNode) => void;

interface Mark {
  differences: number;
  volatile: number;
  seen: number;
  moves: number;
  leaves: LeafCounts;
}

export interface Comparands {
  test: Test;
  live: HttpResponse;
  values: LiveValues;
  /** Null: times are compared by kind. */
  own: Exchange | null;
  rules: CompareRules;
  /** For what is found inside a leaf. */
  nested: CompareNodes;
}

export class Comparing {
  readonly test: Test;
  readonly live: HttpResponse;
  readonly values: LiveValues;
  readonly own: Exchange | null;
  readonly rules: CompareRules;
  readonly nested: CompareNodes;
  readonly places: AnswerPlaces;
  readonly differences: Difference[] = [];
  readonly volatile: { path: string; kind: ValueKind }[] = [];
  readonly observations: Observation[] = [];
  /** Elements that stand elsewhere in the live answer. */
  readonly moves: [recorded: string, live: string][] = [];
  leaves: LeafCounts = { strict: 0, time: 0, kind: 0, ignored: 0 };
  /** Whether only types and presence are compared. */
  isShapeOnly = false;
  /** Whether names are written out, and several of one name are its array: XML, forms, protobuf. */
  isNamed = false;
  /** Whether the body is a text, taken line by line. */
  isLines = false;
  /** Whether it is an HTML page, or a line of one. */
  isPage = false;
  /** The recorded numbers by which the page names things. */
  named: ReadonlySet<string> | null = null;
  /** Null: every leaf is compared. */
  filter: LeafFilter | null = null;
  /** The innermost object around the leaf at hand; null where names are not fields. */
  holder: Holder | null = null;
  /** The innermost message around the leaf at hand, by the numbers or names of its fields. */
  message: { recorded: Map<string, TreeNode>; live: Map<string, TreeNode> } | null = null;
  readonly #seen = new Map<string, string>();

  constructor({ test, live, values, own, rules, nested }: Comparands) {
    this.nested = nested;
    this.test = test;
    this.live = live;
    this.values = values;
    this.own = own;
    this.rules = rules;
    this.places = answerPlaces(test);
  }

  differ(path: string, problem: Difference['problem'], expected: string | null, actual: string | null): void {
    if (this.differences.length <= MAX_DIFFERENCES)
      this.differences.push({ path, problem, expected, actual });
  }

  /** Whether the rules say that the order of an array means nothing. */
  isSaidFree(path: string): boolean {
    const free = this.rules.body?.unordered ?? [];
    return free.length > 0 && (free.includes(path) || free.includes(leafPattern(path)));
  }

  /** Leaves that are not asked for. */
  ignore(leaves: number): void {
    this.leaves.ignored += leaves;
  }

  /** A leaf that agrees as `kind` only. */
  loose(path: string, kind: ValueKind): void {
    this.volatile.push({ path, kind });
    this.leaves.kind++;
  }

  /** Notes that `live` stood where `recorded` did. */
  observe(space: Observation['space'], recorded: string, live: string): void {
    const first = this.observed(space, recorded);
    // Of one second or millisecond there may be several live ones.
    if (first !== undefined && (space !== 'time' || first === live)) return;
    this.observations.push({ space, recorded, live });
    if (first !== undefined) return;
    this.#seen.set(`${keyOf(space)}>${recorded}`, live);
    if (!this.#seen.has(`${keyOf(space)}<${live}`)) this.#seen.set(`${keyOf(space)}<${live}`, recorded);
  }

  /** What stood for a value earlier in this answer, and the value for which a live one stood. */
  observed(space: Observation['space'], recorded: string): string | undefined {
    return this.#seen.get(`${keyOf(space)}>${recorded}`);
  }
  observedOf(space: Observation['space'], live: string): string | undefined {
    return this.#seen.get(`${keyOf(space)}<${live}`);
  }

  mark(): Mark {
    const { differences, volatile, observations, moves, leaves } = this;
    return {
      ...{
        differences: differences.length,
        volatile: volatile.length,
        seen: observations.length,
        moves: moves.length,
      },
      leaves: { ...leaves },
    };
  }

  back(mark: Mark): void {
    this.differences.length = mark.differences;
    this.volatile.length = mark.volatile;
    this.moves.length = mark.moves;
    this.leaves = { ...mark.leaves };
    for (const { space, recorded, live } of this.observations.splice(mark.seen)) {
      if (this.observed(space, recorded) === live) this.#seen.delete(`${keyOf(space)}>${recorded}`);
      if (this.#seen.get(`${keyOf(space)}<${live}`) === recorded)
        this.#seen.delete(`${keyOf(space)}<${live}`);
    }
  }
}

function keyOf(space: Observation['space']): string {
  return typeof space === 'string' ? space : `flow ${space.flow}`;
}

/** A value as differences show it. */
export function print(node: TreeNode | undefined): string | null {
  if (node === undefined) return null;
  if (node instanceof ExactNumber) return node.source;
  if (node instanceof Spot) return print(node.value);
  const text = typeof node === 'object' && node !== null ? printTree(node) : printScalar(node);
  return text.length > MAX_PRINTED_CHARS ? `${text.slice(0, MAX_PRINTED_CHARS)}…` : text;
}

function printScalar(value: Scalar): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

function printTree(node: object): string {
  return JSON.stringify(node, (_key, value) =>
    value instanceof Map
      ? Object.fromEntries(value)
      : value instanceof Spot || value instanceof ExactNumber
        ? value.value
        : value,
  );
}
