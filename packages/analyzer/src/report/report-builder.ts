// The report of a replay, made in one pass over results: first every test is planned, then results and outbound exchanges are
// told in the order in which they ended, then tests without a result. Holds counts, bins and examples, never the results, so
// that their number does not matter. Pure: the same results can be analyzed again at any time, with other goals.
import { compareTest, messageDifferences } from '@echoplane/replay';
import {
  type Assertion,
  type AssertionResult,
  type Finding,
  type GeneratorRun,
  type Goals,
  type LeafCounts,
  REPORT_VERSION,
  type Report,
  type RRPair,
  TAG,
  type Test,
} from '@echoplane/traffic';
import { requestParts } from '../targets.ts';
import { Causes } from './causes.ts';
import { chainNotes, chainsOf } from './chain-notes.ts';
import { EndpointTallies, type EndpointTally, type TimedEndpoint } from './endpoint-tally.ts';
import { Expectations, strictFindings } from './expectations.ts';
import { FindingBook, MAX_EXAMPLES } from './finding-book.ts';
import { parseGoal } from './goal-language.ts';
import { goalResult } from './goal-values.ts';
import { type KnownFinding, KnownFindings } from './known-findings.ts';
import { LatencySketch, sketchOfHistogram } from './latency-sketch.ts';
import { Outbound } from './outbound.ts';
import { RunValues } from './run-values.ts';
import { shiftsOf, slowerFindings } from './slower.ts';
import { credentialFindings, notesOf, summaryOf } from './summary.ts';
import { judge } from './verdict.ts';

const MAX_SESSIONS = 100_000;
const MAX_UNRESOLVED = 1_000;
/** Answers that say that a credential was wrong. */
const REFUSALS = new Set([401, 403]);

export interface ReportOptions {
  replay: string;
  mode: 'full' | 'tests-only';
  run: GeneratorRun;
  goals: Goals;
  assertions?: readonly Assertion[] | undefined;
  /** Latencies of an earlier replay in the same environment. */
  baseline: readonly TimedEndpoint[] | null;
  /** Findings of the baseline, where `goals.allowKnown` is set. */
  known?: readonly KnownFinding[] | undefined;
  /** Whether there were stages of load: tests are sent many times over, or not at all. */
  isLoad?: boolean | undefined;
  /** Whether the assertions are others than those the generator made. */
  reassert?: boolean | undefined;
  /** Tokens that are switched off, or belong to a flow: the links of a test speak of those. */
  otherTokens?: ReadonlySet<string> | undefined;
}

export class ReportBuilder {
  readonly #options: ReportOptions;
  readonly #expectations: Expectations;
  readonly #rules: ReturnType<typeof parseGoal>[];
  readonly #endpoints = new EndpointTallies();
  readonly #outbound = new Outbound();
  readonly #causes = new Causes();
  readonly #known: KnownFindings | null;
  readonly #book: FindingBook;
  /** Findings of sessions that chaos touched. */
  readonly #chaosBook = new FindingBook();
  readonly #chaosSessions = new Set<string>();
  readonly #values: RunValues;
  readonly #leaves: LeafCounts = { strict: 0, time: 0, kind: 0, ignored: 0 };
  readonly #refused = { count: 0, examples: [] as string[] };
  readonly #unresolved = new Map<string, number>();
  #counts = { tests: 0, results: 0, passed: 0, failed: 0, headless: 0, missing: 0, missingHeadless: 0 };
  #chaosPassed = 0;

  /** Throws FilterError for a goal or an expression that cannot be used. */
  constructor(options: ReportOptions) {
    this.#options = options;
    this.#known = options.known ? new KnownFindings(options.known) : null;
    this.#book = new FindingBook(this.#known);
    this.#values = new RunValues(options.otherTokens);
    this.#expectations = new Expectations(options.assertions);
    this.#rules = (options.goals.rules ?? []).map(parseGoal);
  }

  /** A test of the snapshot; all of them, in any order, before the first result. */
  plan(test: Test): void {
    this.#counts.tests++;
    this.#endpoints.plan(test);
  }

  /** An exchange of the service under test with a dependency. */
  outbound(pair: RRPair): void {
    this.#outbound.add(pair);
  }

  /** A live answer; `pair` is the generator's. */
  result(test: Test, pair: RRPair): void {
    const during = this.#outbound.during(pair);
    const session = pair.tags[TAG.session] ?? test.session;
    const isChaos = this.#isTouched(
      session,
      during.some(({ kind }) => kind === 'chaos'),
    );
    const tally = this.#endpoints.of(test);
    this.#counts.results++;
    for (const name of pair.tags[TAG.unresolved]?.split(',') ?? []) this.#countUnresolved(name);
    const assertion = this.#compare(test, pair, session);
    const passed = assertion.differences.length === 0;
    if (isChaos) tally.apart++;
    else this.#endpoints.result(test, pair);
    if (test.headless) this.#counts.headless++;
    else if (isChaos) this.#judgeApart(assertion, passed);
    else if (passed) {
      this.#counts.passed++;
      tally.passed++;
    } else {
      this.#counts.failed++;
      tally.failed++;
      this.#countRefused(assertion);
      this.#book.add(assertion, this.#causes.ofFailure(test, assertion, during));
    }
    if (passed) this.#causes.passed(test);
  }

  /** A test that has no result. */
  missing(test: Test): void {
    if (test.headless) this.#counts.missingHeadless++;
    else this.#counts.missing++;
  }

  finish(): Report {
    const { run, goals, mode, replay, baseline } = this.#options;
    const endpoints = this.#endpoints;
    if (baseline) endpoints.addBaseline(baseline);
    this.#addHistograms();
    const shifts = shiftsOf(endpoints.timed());
    const lost = this.#lost();
    const findings = this.#findings(slowerFindings(shifts));
    const counts = this.#exactCounts(lost, findings);
    const counted = counts.passed + counts.failed;
    const successRate = counted === 0 ? null : counts.passed / counted;
    const { matchRate } = this.#outbound;
    const seconds = Math.max(1, run.finishedAt - run.startedAt) / 1e6;
    const figures = { endpoints: endpoints.all(), seconds, matchRate };
    const ruled = this.#rules.map((goal) => goalResult(goal, figures));
    const evidence = {
      mode,
      goals,
      ruled,
      run,
      successRate,
      matchRate,
      findings,
      counted,
      timed: shifts.size,
    };
    const replayed = LatencySketch.merged(endpoints.all().map((tally) => tally.replayed));
    const chains = chainsOf(run, this.#outbound.chains);
    const report: Omit<Report, 'summary'> = {
      ...{ v: REPORT_VERSION, replay },
      ...judge({ ...evidence, missing: lost.unknown }),
      ...{ successRate, matchRate, counts },
      recorded: LatencySketch.merged(endpoints.all().map((tally) => tally.recorded)).toLatency(),
      replayed: replayed.toLatency(),
      requestsPerSecond: Math.round((replayed.count / seconds) * 10) / 10,
      endpoints: endpoints.all().map((tally) => endpointReport(tally, shifts)),
      findings,
      failures: [...this.#book.failures],
      failuresOmitted: Math.max(0, counts.failed + (counts.known ?? 0) - this.#book.failures.length),
      ...{ run, leaves: this.#leaves },
      ...this.#chaosReport(),
      ...(chains ? { chains } : {}),
      notes: [...this.#notes(lost), ...chainNotes(chains, run.sent)],
    };
    return { ...report, summary: summaryOf(report) };
  }

  #isTouched(session: string, now: boolean): boolean {
    if (now && this.#chaosSessions.size < MAX_SESSIONS) this.#chaosSessions.add(session);
    return now || this.#chaosSessions.has(session);
  }

  #judgeApart(assertion: AssertionResult, passed: boolean): void {
    if (passed) this.#chaosPassed++;
    else this.#chaosBook.add(assertion, null);
  }

  #compare(test: Test, pair: RRPair, session: string): AssertionResult {
    const base = {
      ...{ test: test.id, result: pair.id, session: test.session, headless: test.headless },
      ...{ method: test.request.method, endpoint: test.endpoint, target: test.request.target },
      ...{ expectedStatus: test.response.status, actualStatus: pair.response?.status ?? null },
    };
    const { response } = pair;
    if (!response) {
      const expected = String(test.response.status);
      const actual = pair.error ?? 'no response';
      return {
        ...base,
        differences: [{ path: 'status', problem: 'no-response', expected, actual }],
        volatile: [],
      };
    }
    const values = this.#values.of(test, pair, session);
    const { rules, differences: unmet } = this.#expectations.judge(test, pair);
    if (test.ownTimes && pair.request) values.noteSent(test, requestParts(pair));
    const requestUs = pair.ts + Number(pair.tags[TAG.lateUs] ?? 0);
    const times = { requestUs, endUs: pair.ts + pair.durationUs };
    const { differences, volatile, leaves } = compareTest(test, response, { values, times, rules });
    values.learn(test, response);
    const said = (pair.messages ?? []).map(({ from, kind, offsetUs: _, ...body }) => {
      return { from, kind, body: () => ({ encoding: 'identity', ...body }) };
    });
    const unsaid = messageDifferences(test, said, (one, answer) => {
      const compared = compareTest(one, answer, { values, times, rules });
      values.learn(one, answer);
      // The status is that of the upgrade, and counted there.
      const { strict } = compared.leaves;
      if (!test.headless) this.#countLeaves({ ...compared.leaves, strict: strict - (rules.status ? 1 : 0) });
      return compared.differences;
    });
    if (!test.headless) this.#countLeaves(leaves);
    const all = [...differences, ...unsaid, ...unmet, ...strictFindings(pair)];
    return { ...base, differences: this.#believed(pair) ? [] : all, volatile };
  }

  #countLeaves({ strict, time, kind, ignored }: LeafCounts): void {
    this.#leaves.strict += strict;
    this.#leaves.time += time;
    this.#leaves.kind += kind;
    this.#leaves.ignored += ignored;
  }

  /** Of a sample, and of users side by side, only the generator knows all values and counts, unless something else is asked now than it was. */
  #areGeneratorsCounts(): boolean {
    const { run, assertions = [], reassert, isLoad } = this.#options;
    const isOther = reassert || assertions.some(({ type }) => type === 'expect');
    return (isSampled(run) || isLoad === true) && run.asserted !== undefined && !isOther;
  }

  /** Where results were dropped, values they would have taught are not known here: the generator's word counts. */
  #believed(pair: RRPair): boolean {
    return this.#areGeneratorsCounts() && pair.tags[TAG.verdict] === 'passed';
  }

  #countUnresolved(name: string): void {
    const before = this.#unresolved.get(name) ?? 0;
    if (before > 0 || this.#unresolved.size < MAX_UNRESOLVED) this.#unresolved.set(name, before + 1);
  }

  #countRefused({ actualStatus, test }: AssertionResult): void {
    if (!REFUSALS.has(actualStatus ?? 0)) return;
    this.#refused.count++;
    if (this.#refused.examples.length < MAX_EXAMPLES) this.#refused.examples.push(test);
  }

  #addHistograms(): void {
    const { histograms = [] } = this.#options.run;
    const byName = Map.groupBy(this.#endpoints.all(), ({ name }) => name);
    // Each generator of a run has its own.
    for (const [name, parts] of Map.groupBy(histograms, ({ method, endpoint }) => `${method} ${endpoint}`)) {
      const [tally, ...others] = byName.get(name) ?? [];
      // Two services with the same endpoint share a histogram: then only what was kept tells them apart.
      // And the generator cannot know what chaos touched.
      if (!tally || others.length > 0 || tally.apart > 0) continue;
      const sketch = LatencySketch.merged(parts.map(({ encoded }) => sketchOfHistogram(encoded)));
      if (sketch.count <= tally.replayed.count) continue;
      tally.measured = sketch;
      tally.sent = Math.max(tally.sent, sketch.count);
    }
  }

  /** Tests without a result: not sent for a reason (dead letters, tokens that never came), or unknown. */
  #lost(): { unknown: number; failed: number; deadLetters: Record<string, number> } {
    const { run, isLoad } = this.#options;
    const { missing, missingHeadless } = this.#counts;
    const {
      cancelled = 0,
      'unresolved-token': unresolved = 0,
      'transform-failed': untransformed = 0,
      ...deadLetters
    } = run.notSent;
    // A user asked that these be held back rather than sent with anything: they did not pass.
    const failed = unresolved + untransformed;
    if (isSampled(run) || isLoad) return { unknown: 0, failed, deadLetters };
    const explained = Object.values(deadLetters).reduce((sum, count) => sum + count, 0) + failed;
    const unknown = Math.max(0, missing - Math.max(0, explained - missingHeadless));
    return { unknown: Math.max(unknown, Math.min(cancelled, missing)), failed, deadLetters };
  }

  #exactCounts(
    { unknown, failed: unsent }: { unknown: number; failed: number },
    findings: readonly Finding[],
  ): Report['counts'] {
    const { run } = this.#options;
    const { passed, failed, headless, tests, missingHeadless } = this.#counts;
    const others = { missing: unknown, ...this.#outbound.counts };
    if (this.#areGeneratorsCounts()) return { tests, ...run.asserted!, ...others };
    const known = this.#known?.testsOf(new Set(findings.flatMap((one) => (one.known ? [one.id!] : []))));
    const own = {
      passed,
      failed: failed - (known ?? 0) + unsent + unknown,
      headless: headless + missingHeadless,
    };
    return { tests, ...own, ...others, ...(known === undefined ? {} : { known }) };
  }

  #findings(slower: readonly Finding[]): Finding[] {
    const misses = this.#outbound.findings();
    for (const { id, sentence } of misses) this.#causes.name(id!, sentence);
    const asserted = new Map<string, number>();
    for (const { name, passed, failed } of this.#endpoints.all())
      asserted.set(name, (asserted.get(name) ?? 0) + passed + failed);
    const of = ({ method, endpoint }: Finding) => asserted.get(`${method} ${endpoint}`) ?? 0;
    const found = this.#book.findings(of, (key) => this.#causes.wordsOf(key));
    const standing = found.filter(({ cause }) => cause === undefined);
    const following = found.filter(({ cause }) => cause !== undefined);
    const explainedBy = (finding: Finding) =>
      following.filter(({ cause }) => cause === finding.sentence).reduce((sum, { count }) => sum + count, 0);
    const rules = Object.keys(this.#outbound.chaos).join(', ');
    return [
      ...credentialFindings(this.#options.run, this.#refused),
      ...misses
        .filter((miss) => explainedBy(miss) > 0)
        .map((miss) => ({ ...miss, explains: explainedBy(miss) })),
      ...standing,
      ...slower,
      ...misses.filter((miss) => explainedBy(miss) === 0),
      ...following,
      ...this.#chaosBook
        .findings(
          ({ count }) => count,
          () => null,
        )
        .map((finding) => ({ ...finding, cause: `chaos touched these sessions: ${rules}` })),
    ];
  }

  #chaosReport(): Pick<Report, 'chaos' | 'chaosTests'> {
    const { chaos } = this.#outbound;
    if (Object.keys(chaos).length === 0) return {};
    return { chaos, chaosTests: { passed: this.#chaosPassed, failed: this.#chaosBook.failed } };
  }

  #notes({ deadLetters }: { deadLetters: Record<string, number> }): string[] {
    const { headless, missingHeadless } = this.#counts;
    return notesOf({
      ...{ run: this.#options.run, headless: headless + missingHeadless, chaos: this.#outbound.chaos },
      ...{ chaosTests: { passed: this.#chaosPassed, failed: this.#chaosBook.failed } },
      ...{ deadLetters, unresolved: this.#unresolved, beyond: this.#book.beyond },
      otherAnswers: this.#outbound.counts.mockOther ?? {},
      isKnownUnused: this.#known !== null && this.#areGeneratorsCounts(),
    });
  }
}

function isSampled({ sampled }: GeneratorRun): boolean {
  return sampled !== undefined && sampled.kept < sampled.of;
}

function endpointReport(
  tally: EndpointTally,
  shifts: ReturnType<typeof shiftsOf>,
): Report['endpoints'][number] {
  const shift = shifts.get(tally);
  if (!shift) return tally.toReport();
  const { byUs, expectedUs, against, confidence } = shift;
  return { ...tally.toReport(), shift: { byUs, expectedUs, against, confidence } };
}
