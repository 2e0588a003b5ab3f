// What an expression may cost. Before it runs: its length, nodes and nesting. While it runs: fuel, spent by everything that
// takes longer on longer data (loops, searching, patterns, deep comparison), so that no expression, whatever the traffic,
// takes longer than about 50 ms. A typical one spends next to none.
import type { ExpressionView } from './view.ts';

export const LIMITS = {
  /** Characters of an expression. */
  length: 4_096,
  /** Loops (`exists`, `map`, …) inside each other. */
  loopDepth: 2,
  /** Instructions of one compiled pattern. */
  patternSize: 2_000,
  /** Characters of a body that `text` shows and `json` parses. */
  bodyLength: 256 << 10,
  /** Per evaluation; a unit is about 10 ns. */
  fuel: 4_000_000,
  /** Handed to the parser. */
  parse: { maxAstNodes: 1_000, maxDepth: 32, maxListElements: 500, maxMapEntries: 1, maxCallArguments: 8 },
} as const;

/** What a running expression sees. */
export interface Scope {
  readonly view: ExpressionView;
  fuel: number;
  /** Variables of the loops around, the outermost first. */
  readonly locals: unknown[];
}

/** Thrown when the fuel is spent. One object: it is thrown often when it is thrown at all. */
export const OUT_OF_FUEL = new Error('the expression costs too much on this pair');

/** Spends `units` of fuel. Throws OUT_OF_FUEL. */
export function spend(scope: Scope, units: number): void {
  scope.fuel -= units;
  if (scope.fuel < 0) throw OUT_OF_FUEL;
}
