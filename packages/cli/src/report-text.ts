// A report for the terminal, its last word, and the check that the demo's seeded faults, and nothing else, were found.
import type { ReportDetail } from '@echoplane/api';
import type { Finding, Report, ReportComparison } from '@echoplane/traffic';
import { firstLines } from './first-lines.ts';
import { duration, type Terminal, table } from './terminal.ts';

/** Lines of one list that are printed. */
const MAX_FINDINGS = 20;
const MAX_NOTES = 20;
const MAX_ENDPOINTS = 50;
/** Faults in the last line. */
const MAX_LAST_WORDS = 5;

/** The faults that build v2 of the demo shop carries. */
const SEEDED: Pick<Finding, 'kind' | 'method' | 'endpoint' | 'path' | 'problem'>[] = [
  { kind: 'assertion', method: 'GET', endpoint: '/cart', path: 'body.total', problem: 'value' },
  { kind: 'assertion', method: 'GET', endpoint: '/orders/{id}', path: 'body.number', problem: 'type' },
  { kind: 'slower', method: 'GET', endpoint: '/me', path: null, problem: 'slower' },
];

/** What is wrong with a report on v2: verdict, seeded faults not named, findings that name none. Empty when all is right. */
export function faultsNotAsSeeded(report: Report): string[] {
  const problems =
    report.verdict === 'missed-goals'
      ? []
      : [`replay v2 must miss its goals, but its verdict is ${report.verdict}`];
  const names = (finding: Finding, seeded: (typeof SEEDED)[number]) =>
    Object.entries(seeded).every(([key, value]) => finding[key as keyof Finding] === value);
  for (const seeded of SEEDED) {
    if (report.findings.some((finding) => names(finding, seeded))) continue;
    problems.push(
      `replay v2 did not name the seeded fault at ${seeded.method} ${seeded.endpoint} (${seeded.problem})`,
    );
  }
  for (const finding of report.findings) {
    if (!SEEDED.some((seeded) => names(finding, seeded)))
      problems.push(`replay v2 named a fault that was not seeded: ${finding.sentence}`);
  }
  return problems;
}

/** One line: the verdict and what decided it. */
export function lastWord(name: string, report: Report): string {
  const { counts, findings } = report;
  const asserted = counts.passed + counts.failed;
  if (report.verdict === 'passed') {
    const mocks = counts.mockExact + counts.mockVolatile;
    return `${name}: passed ${counts.passed} of ${asserted} assertions, ${mocks} outbound requests answered by mocks, none missed`;
  }
  const verdict = report.verdict.replace('-', ' ');
  const found = findings.filter(({ known }) => !known).map(({ sentence }) => sentence);
  const what = found.length > 0 ? found : report.reasons;
  const more = what.length > MAX_LAST_WORDS ? [`… and ${what.length - MAX_LAST_WORDS} more`] : [];
  return `${name}: ${verdict} (${what.length}): ${[...what.slice(0, MAX_LAST_WORDS), ...more].join(' | ')}`;
}

/** Verdict, goals, endpoints and findings as tables. */
export function printReport(terminal: Terminal, { replay, report }: ReportDetail): void {
  terminal.line();
  terminal.line(reportText(replay.name, report));
}

/** The same as one text of several lines. */
export function reportText(name: string, report: Report): string {
  const goals = report.goals.map((goal) => [goal.name, goal.wanted, goal.actual, goal.met ? 'yes' : 'NO']);
  const all = `echoplane report ${report.replay} --json`;
  const unlisted = report.endpoints.length - MAX_ENDPOINTS;
  const rows = report.endpoints
    .slice(0, MAX_ENDPOINTS)
    .map((endpoint) => [
      endpoint.method,
      endpoint.endpoint,
      String(endpoint.tests),
      String(endpoint.passed),
      duration(endpoint.recorded.p50Us),
      duration(endpoint.baseline ? endpoint.baseline.p50Us : null),
      duration(endpoint.replayed.p50Us),
      duration(endpoint.replayed.p95Us),
    ]);
  return [
    `${name}: ${report.verdict.replace('-', ' ')}`,
    ...(report.summary ?? []).map((line) => `  ${line}`),
    table([['goal', 'wanted', 'actual', 'met'], ...goals]),
    '',
    table([
      ['', 'endpoint', 'tests', 'passed', 'recorded p50', 'baseline p50', 'replayed p50', 'p95'],
      ...rows,
    ]),
    ...(unlisted > 0 ? [`  … and ${unlisted} more: ${all}`] : []),
    ...firstLines(
      report.findings.map((finding) => `  ${finding.known ? '≈' : '✗'} ${withCause(finding)}`),
      MAX_FINDINGS,
      all,
    ),
    ...firstLines(
      (report.notes ?? []).map((note) => `  · ${note}`),
      MAX_NOTES,
      all,
    ),
  ].join('\n');
}

/** What changed between two reports. */
export function comparisonText({
  before: { replay: before },
  after: { replay },
  ...compared
}: ReportComparison): string {
  const { sentences, findings, leaves, latency } = compared;
  const all = `echoplane report ${replay} --compare ${before} --json`;
  const listed = (lines: readonly string[]) => firstLines(lines, MAX_FINDINGS, all);
  const more = findings.same.filter(({ isMore }) => isMore);
  const moved = latency.filter(({ isCalled }) => isCalled);
  return [
    ...sentences,
    ...listed(findings.new.map((finding) => `  + ${withCause(finding)}`)),
    ...listed(more.map(({ finding, before: was }) => `  + ${withCause(finding)}, ${was} before`)),
    ...listed(findings.gone.map(({ sentence }) => `  - ${sentence}`)),
    ...listed(
      leaves.map(
        ({ method, endpoint, path, before: was, after: is }) =>
          `  ~ ${method} ${endpoint}: ${path} was ${was}, is ${is}`,
      ),
    ),
    ...listed(
      moved.map(
        ({ method, endpoint, beforeUs, afterUs, confidence }) =>
          `  ~ ${method} ${endpoint}: ${duration(beforeUs)} became ${duration(afterUs)} (${surely(confidence)})`,
      ),
    ),
  ].join('\n');
}

function withCause({ sentence, count, of, cause, confidence, known }: Finding): string {
  const sure = confidence === undefined ? '' : `, ${surely(confidence)}`;
  if (known) return `${sentence} (${count} of ${of}); ${cause}`;
  return `${sentence} (${count} of ${of}${sure})${cause ? `; likely because ${cause}` : ''}`;
}

/** Never 100 %: chance is small, not none. */
function surely(confidence: number | null): string {
  if (confidence === null) return 'too few samples';
  return confidence > 0.999 ? '> 99.9 % sure' : `${Math.floor(confidence * 1000) / 10} % sure`;
}
