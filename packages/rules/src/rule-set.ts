// The filter rules of a data plane, compiled: for each pair the first rule that holds decides whether it is kept, dropped
// or sampled; standard rules come after those of the user. It counts what every rule met and withheld, or would have.
// Pairs of a replay pass untouched: a result that does not arrive is a wrong report.
import type { RRPair } from '@echoplane/traffic';
import { compileExpression, type Expression } from './filter-language/compile.ts';
import { type ExpressionView, exprViewOf } from './filter-language/view.ts';
import { HASH_RANGE, hashText } from './hash.ts';
import type { FilterRule, FilterRules } from './rules-document.ts';
import { STANDARD_PREFIX, STANDARD_RULES, standardRuleOf } from './standard-rules.ts';

export interface FilterDecision {
  fate: 'keep' | 'filtered' | 'sampled';
  /** Name of the rule that decided, `standard:…` for a standard one; null when none did. */
  rule: string | null;
}

export interface RuleCount {
  rule: string;
  action: FilterRule['action'];
  dryRun: boolean;
  /** Pairs the rule was asked about and held for. */
  matched: number;
  /** Pairs it withheld; with `dryRun`, that it would have. */
  withheld: number;
  /** Pairs on which it could not be evaluated: an error or too high a cost. It does not hold for them. */
  failed: number;
}

interface Compiled {
  rule: FilterRule;
  when: Expression;
  count: RuleCount;
  failed: () => void;
}

const KEPT: FilterDecision = { fate: 'keep', rule: null };
/** Apart from the hash of other samplers, so that two in a row are independent. */
const SAMPLE_SEED = 0x5eed;

export class RuleSet {
  readonly #rules: readonly Compiled[];
  readonly #standard: ReadonlyMap<string, RuleCount>;
  readonly #standardDryRun: boolean;

  private constructor({ rules, standard, standardDryRun }: FilterRules) {
    this.#rules = rules.map(compileRule);
    const names = standard ? STANDARD_RULES.map(({ name }) => name) : [];
    this.#standard = new Map(
      names.map((name) => [name, countOf(STANDARD_PREFIX + name, 'drop', standardDryRun)]),
    );
    this.#standardDryRun = standardDryRun;
  }

  /** Throws FilterError when a rule's expression cannot be used. */
  static compile(rules: FilterRules): RuleSet {
    return new RuleSet(rules);
  }

  /** What becomes of a pair. */
  decide(pair: RRPair, view: ExpressionView = exprViewOf(pair)): FilterDecision {
    if (pair.tags.replay !== undefined) return KEPT;
    for (const { rule, when, count, failed } of this.#rules) {
      if (!when.test(view, failed)) continue;
      count.matched++;
      const fate = fateOf(rule, pair);
      if (fate !== 'keep') count.withheld++;
      if (!rule.dryRun) return { fate, rule: rule.name };
    }
    return this.#standardDecision(view);
  }

  /** Since the rules were compiled; the user's rules first, in their order. */
  counts(): RuleCount[] {
    return [...this.#rules.map(({ count }) => count), ...this.#standard.values()].map((count) => ({
      ...count,
    }));
  }

  #standardDecision(view: ExpressionView): FilterDecision {
    const name = this.#standard.size === 0 ? null : standardRuleOf(view);
    const count = name === null ? undefined : this.#standard.get(name);
    if (!count) return KEPT;
    count.matched++;
    count.withheld++;
    return this.#standardDryRun ? KEPT : { fate: 'filtered', rule: count.rule };
  }
}

function compileRule(rule: FilterRule): Compiled {
  const count = countOf(rule.name, rule.action, rule.dryRun ?? false);
  const failed = () => {
    count.failed++;
  };
  return { rule, when: compileExpression(rule.when), count, failed };
}

function countOf(rule: string, action: FilterRule['action'], dryRun: boolean): RuleCount {
  return { rule, action, dryRun, matched: 0, withheld: 0, failed: 0 };
}

function fateOf({ action, share = 1 }: FilterRule, pair: RRPair): FilterDecision['fate'] {
  if (action === 'drop') return 'filtered';
  if (action === 'keep') return 'keep';
  return isSampled(pair.session ?? pair.connection.id, share) ? 'keep' : 'sampled';
}

/** Whether a session is in the share: by hash, so that all processes decide alike, and a larger share keeps what a smaller one kept. */
function isSampled(session: string, share: number): boolean {
  return hashText(session, SAMPLE_SEED) < share * HASH_RANGE;
}
