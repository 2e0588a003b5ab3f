// What a replay of an unchanged service must come to, as figures and as text: which differences were called that are none.
import type { ReportDetail, Snapshot } from '@echoplane/api';
import type { Report } from '@echoplane/traffic';
import type { KeyFigures } from './faults/answer-key.ts';
import { FAULT_TARGETS, type FaultFigures } from './faults/fault-table.ts';

/** Percentages have one digit after the point; null where nothing was counted. */
export interface Outcome {
  tests: number;
  /** RRPairs of the recording that became no test, by reason. */
  skipped: Record<string, number>;
  headless: number;
  /** Tests that got no answer or were not sent. */
  missing: number;
  unchanged_pass_pct: number | null;
  strict_leaves_pct: number | null;
  time_leaves_pct: number | null;
  kind_leaves_pct: number | null;
  ignored_leaves: number;
  findings: number;
  verdict: string;
}

export const TARGETS = { unchanged_pass_pct: 99, strict_leaves_pct: 90 } as const;

export function outcomeOf({ report }: ReportDetail, snapshot: Snapshot): Outcome {
  const { counts, leaves } = report;
  const compared = leaves ? leaves.strict + leaves.time + leaves.kind : 0;
  return {
    tests: counts.tests,
    skipped: snapshot.manifest?.counts.skipped ?? {},
    headless: counts.headless,
    missing: counts.missing,
    unchanged_pass_pct: percent(counts.passed, counts.passed + counts.failed),
    strict_leaves_pct: leaves ? percent(leaves.strict, compared) : null,
    time_leaves_pct: leaves ? percent(leaves.time, compared) : null,
    kind_leaves_pct: leaves ? percent(leaves.kind, compared) : null,
    ignored_leaves: leaves?.ignored ?? 0,
    findings: report.findings.length,
    verdict: report.verdict,
  };
}

/** The figures and every distinct failure, as lines. */
export function describe(outcome: Outcome, report: Report): string[] {
  const show = (value: number | null) => (value === null ? 'unknown' : `${value} %`);
  const skipped = Object.entries(outcome.skipped).map(([reason, count]) => `${count} ${reason}`);
  const lines = [
    `  ${outcome.verdict}: ${report.counts.passed} of ${report.counts.passed + report.counts.failed} tests hold (${show(outcome.unchanged_pass_pct)}), ${outcome.missing} without an answer`,
    `  leaves: ${show(outcome.strict_leaves_pct)} by value, ${show(outcome.time_leaves_pct)} by time, ${show(outcome.kind_leaves_pct)} by kind, ${outcome.ignored_leaves} ignored`,
    `  headless: ${outcome.headless} tests; left out of the recording: ${skipped.join(', ') || 'none'}`,
    `  statuses: ${statuses(report)}`,
  ];
  if (report.verdict !== 'passed') for (const reason of report.reasons) lines.push(`  because: ${reason}`);
  for (const finding of report.findings)
    lines.push(`  ✗ ${finding.count} of ${finding.of}: ${finding.sentence}`);
  return lines;
}

/** How many failures were of the status, of all failed tests that are listed. */
function statuses({ counts, failures }: Report): string {
  const wrong = failures.filter(
    (failure) => failure.actualStatus !== failure.expectedStatus && !failure.headless,
  );
  const distinct = Map.groupBy(
    wrong,
    (one) => `${one.expectedStatus} became ${one.actualStatus ?? 'no answer'}`,
  );
  const words = [...distinct].map(([what, all]) => `${all.length} × ${what}`);
  return `${counts.passed + counts.failed} compared, ${wrong.length} differ${words.length > 0 ? ` (${words.join(', ')})` : ''}`;
}

export interface Target {
  value: number | null;
  atLeast?: number;
  atMost?: number;
  met: boolean;
}

/** Every target with what was reached; what was not counted meets none. */
export function targetsOf(
  outcomes: Record<string, Outcome | null>,
  faults: FaultFigures | null = null,
): Record<string, Target> {
  const targets: [string, Target][] = Object.entries(outcomes).flatMap(([name, outcome]) =>
    Object.entries(TARGETS).map(([metric, atLeast]): [string, Target] => [
      `${name}_${metric}`,
      atLeastOf(outcome?.[metric as keyof typeof TARGETS] ?? null, atLeast),
    ]),
  );
  if (!faults) return Object.fromEntries(targets);
  const { faults_found_pct, faults_distinct, false_alarms_per_1000: value } = faults;
  const atMost = FAULT_TARGETS.false_alarms_per_1000;
  // One service alone has no room for so many kinds.
  const isWhole = Object.keys(outcomes).length >= SERVICES_FOR_DISTINCT;
  return {
    ...Object.fromEntries(targets),
    faults_found_pct: atLeastOf(faults_found_pct, FAULT_TARGETS.faults_found_pct),
    ...(isWhole ? { faults_distinct: atLeastOf(faults_distinct, FAULT_TARGETS.faults_distinct) } : {}),
    false_alarms_per_1000: { value, atMost, met: value !== null && value <= atMost },
  };
}

const SERVICES_FOR_DISTINCT = 5;

const atLeastOf = (value: number | null, atLeast: number): Target => ({
  ...{ value, atLeast },
  met: value !== null && value >= atLeast,
});

/** One line of JSON for machines: figures by service, and which targets they meet. `keys`: answer keys by service. */
export function lastLine(
  outcomes: Record<string, Outcome | null>,
  { faults, keys }: { faults: FaultFigures | null; keys: Record<string, KeyFigures> },
): string {
  const services = Object.entries(outcomes).map(([name, outcome]): [string, unknown] => [
    name,
    outcome && { ...outcome, ...keys[name] },
  ]);
  const metrics = { ...Object.fromEntries(services), ...(faults ? { faults } : {}) };
  return JSON.stringify({ bench: 'exam', metrics, targets: targetsOf(outcomes, faults) });
}

function percent(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.floor((part / whole) * 1000) / 10;
}
