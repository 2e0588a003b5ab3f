// From many failed assertions to few faults: all failures at the same endpoint, leaf and problem are one finding, with one
// sentence a person can act on and what it most likely follows from. Holds examples, never all failures. Pure.
import {
  type AssertionResult,
  type Difference,
  type Finding,
  leafPattern,
  MAX_FAILURES,
} from '@echoplane/traffic';
import type { KnownFinding, KnownFindings } from './known-findings.ts';

/** Differences that are no leaf's. */
const SAID: ReadonlySet<string> = new Set(['expect', 'transform']);

export const MAX_EXAMPLES = 5;
export const MAX_FINDINGS = 2_000;
/** Failures kept in full of one finding, so that a frequent one leaves room for the others. */
const FAILURES_OF_ONE = 50;
/** A finding has the cause that this share of its failures have. */
const MOST = 0.8;
const MAX_SHOWN = 80;

interface Entry {
  finding: Finding;
  /** How often each cause was found, by its key. */
  causes: Map<string, number>;
  kept: number;
}

export class FindingBook {
  readonly #entries = new Map<string, Entry>();
  readonly #known: KnownFindings | null;
  readonly #failures: AssertionResult[] = [];
  #failed = 0;
  #beyond = 0;

  /** `known`: what the baseline found, where that is to count. */
  constructor(known: KnownFindings | null = null) {
    this.#known = known;
  }

  /** Failures kept in full. */
  get failures(): readonly AssertionResult[] {
    return this.#failures;
  }
  get failed(): number {
    return this.#failed;
  }
  /** Findings that had no room. */
  get beyond(): number {
    return this.#beyond;
  }

  /** `cause`: the key of what it follows from. */
  add(assertion: AssertionResult, cause: string | null): void {
    this.#failed++;
    const seen = new Set<string>();
    let isKept = false;
    for (const difference of assertion.differences) {
      const id = idOf(assertion, difference);
      if (seen.has(id)) continue;
      seen.add(id);
      const entry = this.#entries.get(id) ?? this.#open(id, assertion, difference);
      if (!entry) continue;
      entry.finding.count++;
      if (entry.finding.examples.length < MAX_EXAMPLES) entry.finding.examples.push(assertion.test);
      if (cause !== null && cause !== id) entry.causes.set(cause, (entry.causes.get(cause) ?? 0) + 1);
      if (entry.kept < FAILURES_OF_ONE) isKept = true;
      entry.kept++;
    }
    this.#known?.failed(seen);
    if (isKept && this.#failures.length < MAX_FAILURES) this.#failures.push(assertion);
  }

  /**
   * The findings: what stands for itself first, then what follows from something or is known of the baseline, each the most
   * frequent first. `asserted`: assertions of an endpoint; `wordsOf`: the sentence of a cause, null when it turned out to be none.
   */
  findings(asserted: (finding: Finding) => number, wordsOf: (cause: string) => string | null): Finding[] {
    const findings: Finding[] = [];
    const explained = new Map<string, number>();
    for (const { finding, causes } of this.#entries.values()) {
      const [key, count] = [...causes].sort(([, a], [, b]) => b - a)[0] ?? ['', 0];
      const cause = count >= finding.count * MOST ? wordsOf(key) : null;
      if (cause !== null) explained.set(key, (explained.get(key) ?? 0) + finding.count);
      const found = { ...finding, of: asserted(finding), ...(cause === null ? {} : { cause }) };
      findings.push(withKnown(found, this.#known?.of(found) ?? null));
    }
    return findings
      .map((finding) => withExplained(finding, explained.get(finding.id!) ?? 0))
      .sort((a, b) => Number(a.cause !== undefined) - Number(b.cause !== undefined) || weight(b) - weight(a));
  }

  #open(id: string, assertion: AssertionResult, difference: Difference): Entry | null {
    if (this.#entries.size >= MAX_FINDINGS) {
      this.#beyond++;
      return null;
    }
    const { method, endpoint } = assertion;
    const path = leafPattern(difference.path);
    const finding: Finding = {
      ...{ id, kind: 'assertion', method, endpoint, path, problem: difference.problem },
      sentence: `${method} ${endpoint}: ${describe(path, difference)}`,
      ...{ count: 0, of: 0, examples: [] },
    };
    const entry = { finding, causes: new Map<string, number>(), kept: 0 };
    this.#entries.set(id, entry);
    return entry;
  }
}

/** Adds to a finding what follows from it. */
export function withExplained(finding: Finding, explains: number): Finding {
  return explains === 0 ? finding : { ...finding, explains };
}

/** What the baseline had of a finding is its likely cause. */
function withKnown(finding: Finding, before: KnownFinding | null): Finding {
  if (!before) return finding;
  const { count, of } = before;
  const cause = `the baseline has it too (${count} of ${of})`;
  return { ...finding, cause, known: { count, of } };
}

function weight({ count, explains = 0 }: Finding): number {
  return count + explains;
}

/** Stays the same over replays: reports are compared by it. */
export function findingId(
  finding: Pick<Finding, 'kind' | 'method' | 'endpoint' | 'path' | 'problem'>,
): string {
  const { kind, method, endpoint, path, problem } = finding;
  return [kind, method, endpoint, ...(path === null ? [] : [path]), problem].join(' ');
}

/** The finding a difference belongs to. */
export function idOf(
  { method, endpoint }: Pick<AssertionResult, 'method' | 'endpoint'>,
  { path, problem }: Pick<Difference, 'path' | 'problem'>,
): string {
  return findingId({ kind: 'assertion', method, endpoint, path: leafPattern(path), problem });
}

/** What changed, from what to what. */
export function describe(path: string, { problem, expected, actual }: Difference): string {
  const was = shown(expected);
  const is = shown(actual);
  switch (problem) {
    case 'missing':
      return `${path} is missing (was ${was})`;
    case 'unexpected':
      return `${path} is new (${is})`;
    case 'type':
      return `${path} changed its type, ${typeName(expected)} ${was} became ${typeName(actual)} ${is}`;
    case 'order':
      return `${path} is in another order (was ${was}, is ${is})`;
    case 'no-response':
      return `no response (${actual}), ${expected} was recorded`;
    case 'value':
      return SAID.has(path) ? `${expected}: ${actual}` : `${path} was ${was}, is ${is}`;
  }
}

function shown(text: string | null): string | null {
  return text !== null && text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

const TYPE_BY_FIRST: Record<string, string> = { '"': 'string', '{': 'object', '[': 'array' };

/** The JSON type of a printed value. */
function typeName(printed: string | null): string {
  if (printed === null || printed === 'null') return 'null';
  if (printed === 'true' || printed === 'false') return 'boolean';
  return TYPE_BY_FIRST[printed[0]!] ?? 'number';
}
