// The verdict: void before failed before missed goals before passed, with the goals that decided it. Pure.
import type { Finding, GeneratorRun, Goals, Report, Verdict } from '@echoplane/traffic';

export interface Evidence {
  mode: 'full' | 'tests-only';
  goals: Goals;
  /** Results of the goals that are written as sentences. */
  ruled: Report['goals'];
  run: GeneratorRun;
  successRate: number | null;
  matchRate: number | null;
  findings: readonly Finding[];
  /** Tests of which nothing is known although they were to be sent. */
  missing: number;
  /** Assertions that count. */
  counted: number;
  /** Endpoints whose latency could be compared. */
  timed: number;
}

const MAX_REASONS = 3;

/** Verdict, goals and the three most likely reasons. */
export function judge(evidence: Evidence): Pick<Report, 'verdict' | 'goals' | 'reasons'> {
  const goals = [...standardGoals(evidence), ...evidence.ruled];
  const voids = voidReasons(evidence);
  const areMet = goals.every((goal) => goal.met);
  const verdict = verdictOf(evidence, voids, areMet);
  return { verdict, goals, reasons: reasonsFor(verdict, voids, goals, evidence) };
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

function standardGoals({ goals, mode, successRate, matchRate, findings, timed }: Evidence): Report['goals'] {
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
      ...{ name: 'match rate', wanted: `≥ ${percent(goals.matchRate)}`, actual },
      met: (matchRate ?? 1) >= goals.matchRate,
    });
  }
  if (goals.noSlowerEndpoint && timed > 0) {
    const slower = findings.filter((finding) => finding.kind === 'slower').length;
    const actual = slower === 0 ? 'none' : String(slower);
    results.push({ name: 'slower endpoints', wanted: 'none', actual, met: slower === 0 });
  }
  return results;
}

function reasonsFor(
  verdict: Verdict,
  voids: readonly string[],
  goals: Report['goals'],
  { findings, counted }: Evidence,
): string[] {
  if (verdict === 'void') return voids.slice(0, MAX_REASONS);
  if (verdict === 'passed') return [passedSentence(goals, counted)];
  if (counted === 0 && findings.some(({ known }) => known))
    return [
      'No assertion holds, and the baseline differs in the same: it is no replay of a build that is known to be good.',
    ];
  if (counted === 0)
    return [
      'No test could be asserted: the snapshot holds none, or every session began before the recording.',
    ];
  const found = findings
    .filter(({ known }) => !known)
    .map(
      ({ sentence, count, of, explains }) =>
        `${sentence} (${count} of ${of}${explains ? `, and ${explains} failures follow from it` : ''})`,
    );
  const missed = goals
    .filter(({ met, name }) => !met && !STANDARD.has(name))
    .map(({ name, wanted, actual }) => `the goal ${name} ${wanted} was missed: it is ${actual}`);
  return [...found.slice(0, MAX_REASONS - Math.min(1, missed.length)), ...missed].slice(0, MAX_REASONS);
}

/** Goals whose findings are reasons already. */
const STANDARD = new Set(['success rate', 'match rate', 'slower endpoints']);

function passedSentence(goals: Report['goals'], counted: number): string {
  const allHold = goals[0]?.actual === '100 %';
  return allHold
    ? `All ${counted} assertions hold.`
    : `All goals are met: ${goals[0]?.actual} of ${counted} assertions hold.`;
}

/** 99.96 % is not 100 %: rounded down (and 0.569 × 1000 is 568.999…, not 568). */
export function percent(rate: number): string {
  return `${Math.floor(rate * 1000 + 1e-9) / 10} %`;
}
