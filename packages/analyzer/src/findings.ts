// From many failed assertions to few faults: all failures at the same endpoint, leaf and problem are one finding, with
// one sentence a person can act on. Pure.
import {
  type AssertionResult,
  endpointOf,
  type Finding,
  type GeneratorRun,
  leafPattern,
  type RRPair,
  requestLine,
  TAG,
} from '@echoplane/traffic';

const MAX_EXAMPLES = 5;

/** Findings of the failed assertions, the most frequent first. */
export function assertionFindings(assertions: readonly AssertionResult[]): Finding[] {
  const perEndpoint = new Map<string, number>();
  const findings = new Map<string, Finding>();
  for (const { method, endpoint } of assertions) {
    const name = `${method} ${endpoint}`;
    perEndpoint.set(name, (perEndpoint.get(name) ?? 0) + 1);
  }
  for (const assertion of assertions) {
    const { method, endpoint } = assertion;
    const seen = new Set<string>();
    for (const difference of assertion.differences) {
      const path = leafPattern(difference.path);
      const key = JSON.stringify([method, endpoint, path, difference.problem]);
      if (seen.has(key)) continue;
      seen.add(key);
      const finding =
        findings.get(key) ??
        newFinding(assertion, path, difference, perEndpoint.get(`${method} ${endpoint}`)!);
      findings.set(key, finding);
      finding.count++;
      if (finding.examples.length < MAX_EXAMPLES) finding.examples.push(assertion.test);
    }
  }
  return [...findings.values()].sort((a, b) => b.count - a.count);
}

type Change = AssertionResult['differences'][number];

function newFinding(assertion: AssertionResult, path: string, change: Change, of: number): Finding {
  const { method, endpoint } = assertion;
  const sentence = `${method} ${endpoint}: ${describe(path, change)}`;
  return {
    kind: 'assertion',
    method,
    endpoint,
    path,
    problem: change.problem,
    sentence,
    count: 0,
    of,
    examples: [],
  };
}

function describe(path: string, { problem, expected, actual }: Change): string {
  const shown = (text: string | null) => (text !== null && text.length > 80 ? `${text.slice(0, 80)}…` : text);
  switch (problem) {
    case 'missing':
      return `${path} is missing (was ${shown(expected)})`;
    case 'unexpected':
      return `${path} is new (${shown(actual)})`;
    case 'type':
      return `${path} changed its type, ${typeName(expected)} ${shown(expected)} became ${typeName(actual)} ${shown(actual)}`;
    case 'no-response':
      return `no response (${actual}), ${expected} was recorded`;
    default:
      return `${path} was ${shown(expected)}, is ${shown(actual)}`;
  }
}

/** The JSON type of a printed value. */
function typeName(printed: string | null): string {
  if (printed === null || printed === 'null') return 'null';
  if (printed === 'true' || printed === 'false') return 'boolean';
  return printed.startsWith('"') ? 'string' : 'number';
}

/** Answers that say that a credential was wrong. */
const REFUSALS = new Set([401, 403]);

/** When requests were refused: the redacted credentials whose values the vault did not give, one finding for each place. */
export function credentialFindings(run: GeneratorRun, failures: readonly AssertionResult[]): Finding[] {
  const refused = failures.filter(({ actualStatus }) => REFUSALS.has(actualStatus ?? 0));
  if (refused.length === 0) return [];
  return Object.entries(run.credentials?.missing ?? {}).map(([place, times]) => ({
    ...{ kind: 'run' as const, method: '', endpoint: '', path: place, problem: 'missing-credential' },
    sentence: `${place} was redacted and the vault has no value for it: requests were sent with tokens, and ${refused.length} were refused`,
    ...{ count: times, of: run.sent, examples: refused.slice(0, MAX_EXAMPLES).map(({ test }) => test) },
  }));
}

/** Findings of outbound requests that found no mock. */
export function missFindings(mockResults: readonly RRPair[]): Finding[] {
  const misses = mockResults.filter((pair) => pair.tags[TAG.match] === 'miss' && pair.request);
  const groups = Map.groupBy(misses, (pair) => {
    const { method, host, path } = requestLine(pair);
    return JSON.stringify([method, host, endpointOf(path)]);
  });
  return [...groups].map(([key, pairs]) => {
    const [method, host, endpoint] = JSON.parse(key) as [string, string, string];
    const difference = pairs[0]!.tags[TAG.difference];
    const why = difference
      ? `the nearest recording differs at ${difference}`
      : 'nothing was recorded for this host and method';
    return {
      ...{
        kind: 'mock-miss' as const,
        method,
        endpoint: `${host}${endpoint}`,
        path: difference?.split(':')[0] ?? null,
      },
      ...{ problem: 'miss', sentence: `${method} ${host}${endpoint} found no mock: ${why}` },
      ...{
        count: pairs.length,
        of: mockResults.length,
        examples: pairs.slice(0, MAX_EXAMPLES).map((pair) => pair.id),
      },
    };
  });
}
