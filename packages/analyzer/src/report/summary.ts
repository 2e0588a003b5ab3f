// A report in three lines, computed from its figures: what came out, how strictly that was found out, how fast it was. And
// what a reader must know of how it was found out, as notes. Pure.
import type { Finding, GeneratorRun, Report } from '@echoplane/traffic';
import { percent } from './verdict.ts';

const VERDICTS: Record<Report['verdict'], string> = {
  passed: 'Passed',
  'missed-goals': 'Missed its goals',
  failed: 'Failed',
  void: 'Void',
};

/** Outcome, strictness, speed: one sentence each. */
export function summaryOf(report: Omit<Report, 'summary'>): string[] {
  return [outcome(report), strictness(report), speed(report)];
}

function outcome({ verdict, counts, findings, reasons, successRate }: Omit<Report, 'summary'>): string {
  const asserted = counts.passed + counts.failed;
  const rate = successRate === null ? '' : ` (${percent(successRate)})`;
  const known = counts.known ? `, ${counts.known} more differ as they did in the baseline` : '';
  const held = `${counts.passed} of ${asserted} assertions hold${rate}${known}`;
  if (verdict === 'passed') return `${VERDICTS.passed}: ${held}.`;
  if (verdict === 'void' || verdict === 'failed')
    return `${VERDICTS[verdict]}: ${reasons[0] ?? held}.`.replace('..', '.');
  const roots = findings.filter(({ cause }) => cause === undefined);
  const first = roots[0] ? `; first ${roots[0].sentence}` : '';
  const faults = roots.length === 1 ? '1 fault' : `${roots.length} faults`;
  return `${VERDICTS[verdict]}: ${held}, ${faults}${first}.`;
}

function strictness({ leaves, matchRate, counts }: Omit<Report, 'summary'>): string {
  const mocks = matchRate === null ? '' : ` ${mockSentence(counts, matchRate)}`;
  const all = leaves ? leaves.strict + leaves.time + leaves.kind : 0;
  if (!leaves || all === 0) return `Nothing of the answers was compared.${mocks}`;
  const strict = percent(leaves.strict / all);
  const times = leaves.time > 0 ? `, ${leaves.time} as times` : '';
  const ignored = leaves.ignored > 0 ? `; ${leaves.ignored} were ignored` : '';
  return `${strict} of ${all} recorded values were compared by value${times}, ${leaves.kind} by kind${ignored}.${mocks}`;
}

function mockSentence({ mockExact, mockVolatile, mockMiss }: Report['counts'], matchRate: number): string {
  return `${percent(matchRate)} of ${mockExact + mockVolatile + mockMiss} outbound requests found a mock.`;
}

function speed({ replayed, recorded, requestsPerSecond, findings }: Omit<Report, 'summary'>): string {
  const slower = findings.filter(({ kind }) => kind === 'slower').length;
  const verdict = slower === 0 ? 'no endpoint is slower beyond noise' : `${slower} endpoints are slower`;
  if (replayed.p95Us === null) return 'No request was answered.';
  const was = recorded.p95Us === null ? '' : ` (recorded ${ms(recorded.p95Us)})`;
  return `p95 ${ms(replayed.p95Us)}${was} at ${requestsPerSecond} requests/s; ${slower === 1 ? '1 endpoint is slower' : verdict}.`;
}

function ms(us: number): string {
  return us < 10_000 ? `${Math.round(us / 100) / 10} ms` : `${Math.round(us / 1000)} ms`;
}

export interface Remarks {
  run: GeneratorRun;
  headless: number;
  chaos: Readonly<Record<string, number>>;
  chaosTests: { passed: number; failed: number };
  /** Tests that were never meant to be sent again, by reason. */
  deadLetters: Readonly<Record<string, number>>;
  unresolved: ReadonlyMap<string, number>;
  /** Findings that had no room. */
  beyond: number;
  /** Why what the baseline found is not taken off, if it was to be. */
  isKnownUnused: boolean;
  otherAnswers: Readonly<Record<string, number>>;
}

const MAX_NAMED = 10;
/** Reasons that a user asked for: such tests did not pass. */
const HELD_BACK: ReadonlySet<string> = new Set(['unresolved-token', 'transform-failed']);

/** Sentences on everything that stood apart from the verdict. */
export function notesOf(remarks: Remarks): string[] {
  const { run, headless, chaosTests, beyond } = remarks;
  const notes: string[] = [];
  if (run.sampled && run.sampled.kept < run.sampled.of)
    notes.push(
      `${run.sampled.kept} of ${run.sampled.of} results were kept: counts are those of the generator and latencies those of its histograms, of every request; differences are shown of the kept ones.`,
    );
  if (headless > 0)
    notes.push(
      `${headless} tests belong to sessions that began before the recording: sent and shown, outside the verdict.`,
    );
  const held = Object.entries(run.notSent).filter(([reason]) => HELD_BACK.has(reason));
  if (held.length > 0) notes.push(`Not sent, and failed: ${listed(Object.fromEntries(held))}.`);
  if (Object.keys(remarks.deadLetters).length > 0)
    notes.push(`Not sent, and outside the verdict: ${listed(remarks.deadLetters)}.`);
  for (const why of (run.notSentWhy ?? []).slice(0, MAX_NAMED)) notes.push(`Not sent: ${why}.`);
  if (remarks.unresolved.size > 0)
    notes.push(
      `Values that were not known when they were needed, and were sent as recorded: ${listed(Object.fromEntries(remarks.unresolved))}.`,
    );
  if (Object.keys(remarks.chaos).length > 0)
    notes.push(
      `Chaos touched ${listed(remarks.chaos)} outbound requests; ${chaosTests.passed + chaosTests.failed} tests of the sessions concerned are judged apart, ${chaosTests.failed} of them failed.`,
    );
  for (const secret of run.missingSecrets ?? [])
    notes.push(
      `Transforms name the secret ${secret}, which nobody gave: requests that need it were sent without it.`,
    );
  if (run.retries && Object.keys(run.retries).length > 0)
    notes.push(`Requests were sent again: ${listed(run.retries)}.`);
  if (Object.keys(remarks.otherAnswers).length > 0)
    notes.push(
      `Outbound requests answered otherwise than by a mock of their own: ${listed(remarks.otherAnswers)}.`,
    );
  if (remarks.isKnownUnused)
    notes.push(
      'What the baseline found counts as failed: of a load only the generator counts every answer, and it does not know the baseline.',
    );
  if (beyond > 0) notes.push(`${beyond} more differences had no room in the findings.`);
  return notes;
}

function listed(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  const named = sorted.slice(0, MAX_NAMED).map(([name, times]) => `${times} × ${name}`);
  return [...named, ...(sorted.length > MAX_NAMED ? [`${sorted.length - MAX_NAMED} more`] : [])].join(', ');
}

/** When requests were refused: the redacted credentials whose values the vault did not give, one finding for each place. */
export function credentialFindings(
  run: GeneratorRun,
  refused: { count: number; examples: string[] },
): Finding[] {
  if (refused.count === 0) return [];
  return Object.entries(run.credentials?.missing ?? {}).map(([place, times]) => ({
    ...{ kind: 'run' as const, method: '', endpoint: '', path: place, problem: 'missing-credential' },
    sentence: `${place} was redacted and the vault has no value for it: requests were sent with tokens, and ${refused.count} were refused`,
    ...{ count: times, of: run.sent, examples: refused.examples, id: `run ${place} missing-credential` },
  }));
}
