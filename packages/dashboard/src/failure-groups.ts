// Which failed assertions belong to which finding of a report. Pure; the same rule by which findings are made: same
// endpoint, same leaf pattern, same problem.
import type { AssertionResult, Finding, Report } from '@echoplane/traffic';
import { leafPattern } from '@echoplane/traffic';

export interface FailureGroup {
  finding: Finding;
  failures: AssertionResult[];
}

export interface GroupedFailures {
  groups: FailureGroup[];
  /** Failures no finding speaks of. */
  others: AssertionResult[];
}

/** Failures under each finding they are an instance of; one with two faults is under both. */
export function groupFailures(report: Pick<Report, 'findings' | 'failures'>): GroupedFailures {
  const groups = report.findings.map((finding) => ({
    finding,
    failures:
      finding.kind === 'assertion' ? report.failures.filter((failure) => isInstance(failure, finding)) : [],
  }));
  const grouped = new Set(groups.flatMap((group) => group.failures));
  return { groups, others: report.failures.filter((failure) => !grouped.has(failure)) };
}

function isInstance(failure: AssertionResult, finding: Finding): boolean {
  if (failure.method !== finding.method || failure.endpoint !== finding.endpoint) return false;
  return failure.differences.some(
    ({ path, problem }) => problem === finding.problem && leafPattern(path) === finding.path,
  );
}
