// The report of a replay: tests and the live answers in, verdict and findings out. Pure: the same results can be
// analyzed again at any time.
import {
  type AssertionResult,
  compareResponses,
  type EndpointReport,
  type GeneratorRun,
  type Goals,
  leafAt,
  MAX_FAILURES,
  REPORT_VERSION,
  type Report,
  type RRPair,
  Substitution,
  TAG,
  type Test,
} from '@echoplane/traffic';
import { assertionFindings, credentialFindings, missFindings } from './findings.ts';
import { slowerFindings, type TimedEndpoint } from './slower.ts';
import { latencyOf } from './statistics.ts';
import { judge } from './verdict.ts';

export interface ReportInput {
  replay: string;
  mode: 'full' | 'tests-only';
  tests: readonly Test[];
  /** The generator's RRPairs, tagged with their test. */
  results: readonly RRPair[];
  /** The responder's RRPairs, tagged with how they matched. */
  mockResults: readonly RRPair[];
  run: GeneratorRun;
  goals: Goals;
  /** Latencies of an earlier replay in the same environment. */
  baseline: readonly TimedEndpoint[] | null;
}

/** The report of one replay. */
export function buildReport(input: ReportInput): Report {
  const resultOf = new Map(input.results.map((pair) => [pair.tags[TAG.test], pair]));
  const assertions = assertAll(input.tests, resultOf);
  const counted = assertions.filter((assertion) => !assertion.headless);
  const failures = counted.filter((assertion) => assertion.differences.length > 0);
  const missing = counted.filter((assertion) => assertion.result === null).length;
  const mocks = mockCounts(input.mockResults);
  const answered = mocks.mockExact + mocks.mockVolatile + mocks.mockMiss;
  const slower = input.baseline ? slowerFindings(timed(input.tests, resultOf), input.baseline) : [];
  const findings = [
    ...credentialFindings(input.run, failures),
    ...assertionFindings(counted),
    ...slower,
    ...missFindings(input.mockResults),
  ];
  const successRate = counted.length === 0 ? null : (counted.length - failures.length) / counted.length;
  const matchRate = answered === 0 ? null : (answered - mocks.mockMiss) / answered;
  const judged = judge({ ...input, successRate, matchRate, findings, missing, counted: counted.length });
  const durations = [...resultOf.values()].filter((pair) => pair.response).map((pair) => pair.durationUs);
  const seconds = Math.max(1, input.run.finishedAt - input.run.startedAt) / 1e6;
  return {
    v: REPORT_VERSION,
    replay: input.replay,
    ...judged,
    successRate,
    matchRate,
    counts: {
      ...{ tests: assertions.length, passed: counted.length - failures.length, failed: failures.length },
      ...{ headless: assertions.length - counted.length, missing, ...mocks },
    },
    recorded: latencyOf(input.tests.map((test) => test.durationUs)),
    replayed: latencyOf(durations),
    requestsPerSecond: Math.round((durations.length / seconds) * 10) / 10,
    endpoints: endpointReports(input, assertions, resultOf),
    findings,
    failures: failures.slice(0, MAX_FAILURES),
    failuresOmitted: Math.max(0, failures.length - MAX_FAILURES),
    run: input.run,
  };
}

/** Every test against its answer, session by session in order, so that tokens are known where they are used. */
function assertAll(
  tests: readonly Test[],
  resultOf: ReadonlyMap<string | undefined, RRPair>,
): AssertionResult[] {
  const values = recordedTokenValues(tests);
  const assertions: AssertionResult[] = [];
  for (const session of Map.groupBy(tests, (test) => test.session).values()) {
    const known = new Substitution();
    for (const test of session.sort((a, b) => a.order - b.order)) {
      const result = resultOf.get(test.id);
      for (const { token, path } of result?.response ? test.produces : []) {
        const live = leafAt(result!.response!, path);
        const recorded = values.get(token);
        if (live !== undefined && recorded !== undefined) known.set(recorded, live);
      }
      assertions.push(assertOne(test, result, known));
    }
  }
  return assertions;
}

/** The recorded value of each token, read from the recorded response of the test that produces it. */
function recordedTokenValues(tests: readonly Test[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const test of tests) {
    for (const { token, path } of test.produces) {
      const value = leafAt(test.response, path);
      if (value !== undefined) values.set(token, value);
    }
  }
  return values;
}

function assertOne(test: Test, result: RRPair | undefined, known: Substitution): AssertionResult {
  const base = {
    ...{ test: test.id, result: result?.id ?? null, session: test.session, headless: test.headless },
    ...{ method: test.request.method, endpoint: test.endpoint, target: test.request.target },
    ...{ expectedStatus: test.response.status, actualStatus: result?.response?.status ?? null },
  };
  if (!result?.response) {
    const actual = result ? (result.error ?? 'no response') : 'no result';
    const difference = {
      path: 'status',
      problem: 'no-response' as const,
      expected: String(test.response.status),
      actual,
    };
    return { ...base, differences: [difference], volatile: [] };
  }
  return { ...base, ...compareResponses(test.response, result.response, { volatile: test.volatile, known }) };
}

function mockCounts(mockResults: readonly RRPair[]): {
  mockExact: number;
  mockVolatile: number;
  mockMiss: number;
} {
  const count = (kind: string) => mockResults.filter((pair) => pair.tags[TAG.match] === kind).length;
  return { mockExact: count('exact'), mockVolatile: count('volatile'), mockMiss: count('miss') };
}

function timed(tests: readonly Test[], resultOf: ReadonlyMap<string | undefined, RRPair>): TimedEndpoint[] {
  return tests.flatMap((test) => {
    const result = resultOf.get(test.id);
    return result?.response
      ? [{ method: test.request.method, endpoint: test.endpoint, latencyUs: result.durationUs }]
      : [];
  });
}

function endpointReports(
  input: ReportInput,
  assertions: readonly AssertionResult[],
  resultOf: ReadonlyMap<string | undefined, RRPair>,
): EndpointReport[] {
  const key = (method: string, endpoint: string) => `${method} ${endpoint}`;
  const results = Map.groupBy(assertions, (assertion) => key(assertion.method, assertion.endpoint));
  const live = Map.groupBy(timed(input.tests, resultOf), (sample) => key(sample.method, sample.endpoint));
  const before = Map.groupBy(input.baseline ?? [], (sample) => key(sample.method, sample.endpoint));
  const groups = Map.groupBy(input.tests, (test) => key(test.request.method, test.endpoint));
  const latencies = (samples: readonly TimedEndpoint[] | undefined) =>
    latencyOf((samples ?? []).map((s) => s.latencyUs));
  return [...groups].map(([name, tests]) => ({
    method: tests[0]!.request.method,
    endpoint: tests[0]!.endpoint,
    tests: tests.length,
    passed: results.get(name)!.filter((assertion) => assertion.differences.length === 0).length,
    recorded: latencyOf(tests.map((test) => test.durationUs)),
    replayed: latencies(live.get(name)),
    baseline: input.baseline ? latencies(before.get(name)) : null,
  }));
}
