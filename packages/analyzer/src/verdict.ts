// The verdict: void before failed before missed goals before passed, with the goals that decided it. Pure.
import type { Finding, GeneratorRun, Goals, Report, Verdict } from '@echoplane/traffic';

export interface Evidence {
  mode: 'full' | 'tests-only';
  goals: Goals;
  run: GeneratorRun;
  successRate: number | null;
  matchRate: number | null;
  findings: readonly Finding[];
  /** Assertions without any result. */
  missing: number;
  /** Assertions that count. */
  counted: number;
  baseline: readonly unknown[] | null;
}

const MAX_REASONS = 3;

/** Verdict, goals and the three most likely reasons. */
export function judge(evidence: Evidence): Pick<Report, 'verdict' | 'goals' | 'reasons'> {
  const goals = goalResults(evidence);
  const voids = voidReasons(evidence);
  const verdict = verdictOf(
    evidence,
    voids,
    goals.every((goal) => goal.met),
  );
  return { verdict, goals, reasons: reasonsFor(verdict, voids, evidence) };
}

function verdictOf(evidence: Evidence, voids: readonly string[], goalsMet: boolean): Verdict {
  if (voids.length > 0) return 'void';
  if (evidence.counted === 0) return 'failed';
  return goalsMet ? 'passed' : 'missed-goals';
}

function voidReasons({ run, missing }: Evidence): string[] {
  const reasons = [...run.voidReasons];
  if (missing > 0) reasons.push(`${missing} tests have no result, so nothing is known of them`);
  return reasons;
}

function goalResults({ goals, mode, successRate, matchRate, findings, baseline }: Evidence): Report['goals'] {
  const results = [
    {
      name: 'success rate',
      wanted: `≥ ${percent(goals.successRate)}`,
      actual: successRate === null ? 'no assertions' : percent(successRate),
      met: successRate !== null && successRate >= goals.successRate,
    },
  ];
  if (mode === 'full') {
    const actual = matchRate === null ? 'no outbound requests' : percent(matchRate);
    results.push({
      name: 'match rate',
      wanted: `≥ ${percent(goals.matchRate)}`,
      actual,
      met: (matchRate ?? 1) >= goals.matchRate,
    });
  }
  if (goals.noSlowerEndpoint && baseline) {
    const slower = findings.filter((finding) => finding.kind === 'slower').length;
    results.push({
      name: 'slower endpoints',
      wanted: 'none',
      actual: slower === 0 ? 'none' : String(slower),
      met: slower === 0,
    });
  }
  return results;
}

function reasonsFor(verdict: Verdict, voids: readonly string[], { findings, counted }: Evidence): string[] {
  if (verdict === 'void') return voids.slice(0, MAX_REASONS);
  if (verdict === 'passed') return [`All ${counted} assertions hold.`];
  if (counted === 0)
    return [
      'No test could be asserted: the snapshot holds none, or every session began before the recording.',
    ];
  return findings
    .slice(0, MAX_REASONS)
    .map((finding) => `${finding.sentence} (${finding.count} of ${finding.of})`);
}

/** 99.96 % is not 100 %: rounded down (and 0.569 × 1000 is 568.999…, not 568). */
function percent(rate: number): string {
  return `${Math.floor(rate * 1000 + 1e-9) / 10} %`;
}
