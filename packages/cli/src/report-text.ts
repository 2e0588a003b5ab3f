// A report for the terminal, its last word, and the check that the demo's seeded faults, and nothing else, were found.
import type { ReportDetail } from '@echoplane/api';
import type { Finding, Report } from '@echoplane/traffic';
import { duration, type Terminal, table } from './terminal.ts';

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
  const what = findings.length > 0 ? findings.map((finding) => finding.sentence) : report.reasons;
  return `${name}: ${verdict} (${what.length}): ${what.join(' | ')}`;
}

/** Verdict, goals, endpoints and findings as tables. */
export function printReport(terminal: Terminal, { replay, report }: ReportDetail): void {
  terminal.line();
  terminal.line(`${replay.name}: ${report.verdict.replace('-', ' ')}`);
  terminal.line(
    table([
      ['goal', 'wanted', 'actual', 'met'],
      ...report.goals.map((goal) => [goal.name, goal.wanted, goal.actual, goal.met ? 'yes' : 'NO']),
    ]),
  );
  terminal.line();
  const rows = report.endpoints.map((endpoint) => [
    endpoint.method,
    endpoint.endpoint,
    String(endpoint.tests),
    String(endpoint.passed),
    duration(endpoint.recorded.p50Us),
    duration(endpoint.baseline ? endpoint.baseline.p50Us : null),
    duration(endpoint.replayed.p50Us),
    duration(endpoint.replayed.p95Us),
  ]);
  terminal.line(
    table([
      ['', 'endpoint', 'tests', 'passed', 'recorded p50', 'baseline p50', 'replayed p50', 'p95'],
      ...rows,
    ]),
  );
  for (const finding of report.findings)
    terminal.line(`  ✗ ${finding.sentence} (${finding.count} of ${finding.of})`);
}
