// A document, compiled once: expressions, patterns, templates, keys of paths. What cannot be used is said all at once, with
// its place.
import { compileExpression, type Expression, LinearPattern } from '@echoplane/rules';
import { DataTables } from './data-tables.ts';
import {
  CHAIN_POINTS,
  type Chain,
  type ChainPoint,
  type TransformsDocument,
  type Variable,
} from './document.ts';
import { compileExtractor } from './extract/registry.ts';
import type { Place } from './extractor-kind.ts';
import type { Compiling } from './function-kind.ts';
import { compileFunction } from './functions/registry.ts';
import { Draft, type Side } from './message.ts';
import type { Next, Run, Step } from './run.ts';
import { Template } from './template.ts';
import { TransformError } from './transform-error.ts';
import { Miss, type Value } from './value.ts';

export interface CompiledChain {
  id: string;
  when: Expression | null;
  strict: boolean;
  place: Place;
  steps: readonly Step[];
  /** Of a variable: where the value goes instead of back to its place. */
  variable: string | null;
}

/** Documents that can be run; `atStart` fills the variables of a new virtual user. */
export interface CompiledTransforms {
  atStart: readonly CompiledChain[];
  at: Readonly<Record<ChainPoint, readonly CompiledChain[]>>;
  tables: DataTables;
}

/** Throws TransformError, which names every chain that cannot be used. */
export function compileTransforms(document: TransformsDocument): CompiledTransforms {
  const problems: string[] = [];
  const at = Object.fromEntries(CHAIN_POINTS.map((point) => [point, [] as CompiledChain[]])) as Record<
    ChainPoint,
    CompiledChain[]
  >;
  const atStart: CompiledChain[] = [];
  const ids = new Set<string>();
  for (const [i, chain] of document.chains.entries()) {
    if (ids.has(chain.id)) problems.push(`chains[${i}]: another chain has the id ${chain.id}`);
    ids.add(chain.id);
    if (!chain.active) continue;
    const place = `chains[${i}] (${chain.id})`;
    at[chain.at].push(compileChain({ ...chain, side: sideOf(chain.at), variable: null }, place, problems));
  }
  for (const [i, variable] of document.variables.entries()) {
    const of = { ...variable, id: `variable.${variable.name}`, strict: false, side: sideOf(variable.at) };
    const compiled = compileChain(
      { ...of, variable: variable.name },
      `variables[${i}] (${variable.name})`,
      problems,
    );
    (variable.at === 'start' ? atStart : at[variable.at]).push(compiled);
  }
  if (problems.length > 0) throw new TransformError('bad-chain', problems);
  return { atStart, at, tables: new DataTables() };
}

function sideOf(at: ChainPoint | 'start'): Side {
  return at.endsWith('-response') ? 'response' : 'request';
}

type Source = Pick<Chain, 'id' | 'when' | 'strict' | 'extract' | 'functions'> &
  Partial<Pick<Variable, 'name'>> & { side: Side; variable: string | null };

function compileChain(chain: Source, place: string, problems: string[]): CompiledChain {
  const attempt = <T>(part: string, make: () => T, otherwise: T): T => {
    try {
      return make();
    } catch (error) {
      problems.push(`${place}${part}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  const setting = { side: chain.side, first: chain.functions[0]?.name };
  const extractor = attempt('.extract', () => compileExtractor(chain.extract, setting), NOWHERE);
  const steps = [...(extractor.steps ?? [])];
  for (const [i, config] of chain.functions.entries()) {
    const at = compilingAt(chain.side, extractor, steps.slice());
    steps.push(attempt(`.functions[${i}]`, () => compileFunction(config, at), PASS));
  }
  const when = chain.when === undefined ? null : attempt('.when', () => compileExpression(chain.when!), null);
  return { id: chain.id, when, strict: chain.strict, place: extractor, steps, variable: chain.variable };
}

const NOWHERE: Place = { path: '', read: () => undefined, write: () => {} };
const PASS: Step = (value, _, next) => next(value);

function compilingAt(side: Side, place: Place, before: readonly Step[]): Compiling {
  return {
    side,
    text: (source) => new Template(source),
    pattern: (source) => new LinearPattern(source),
    recordedValues: (run) => valuesIn(place, before, run),
  };
}

/** What the steps find in the recorded exchange; nothing is changed there. */
function valuesIn(place: Place, steps: readonly Step[], run: Run): Value[] {
  const { recorded, direction } = run.draft.message;
  if (!recorded) return [];
  const found: Value[] = [];
  const probe = run.over(new Draft({ direction, ...recorded }));
  try {
    const value = place.read(probe.draft, probe);
    if (value !== undefined)
      applySteps(steps, value, probe, (inner) => {
        found.push(inner);
        return inner;
      });
  } catch (error) {
    if (!(error instanceof Miss)) throw error;
  }
  return found;
}

/** The value after all steps, each around those that follow it. */
export function applySteps(steps: readonly Step[], value: Value, run: Run, last: Next): Value {
  const from = (index: number): Next => {
    const step = steps[index];
    return step === undefined ? last : (inner) => step(inner, run, from(index + 1));
  };
  return from(0)(value);
}
