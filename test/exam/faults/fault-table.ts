// The faults of a run as text and figures: what was found by which sentence, what was not, and what was called without cause.
import { type AnswerKey, keyFigures } from './answer-key.ts';
import { FAMILIES } from './catalogue.ts';
import type { FaultOutcome } from './fault-exam.ts';
import type { SeededFault } from './judging.ts';

export const FAULT_TARGETS = {
  ...{ faults_found_pct: 95, faults_distinct: 60, false_alarms_per_1000: 2 },
} as const;
const MOST_ALARMS = 15;

export interface FaultFigures {
  faults_known: number;
  faults_distinct: number;
  faults_planted: number;
  faults_found: number;
  faults_found_pct: number | null;
  /** Drawn, but nothing on the wire changed: not among those planted. */
  faults_not_planted: number;
  /** Failed tests without a fault, in unchanged replays and beside faults, of so many tests. */
  false_alarms: number;
  false_alarms_of: number;
  false_alarms_per_1000: number | null;
  unchanged_alarms: number;
  /** Failed tests at endpoints without a fault which follow from one: not among false alarms. */
  faults_follow_ups: number;
}

const isFound = ({ foundBy }: SeededFault) => foundBy !== null;

/** One service, as lines. */
export function describeFaults(outcome: FaultOutcome): string[] {
  const { seeded, notPlanted, alarms, key } = outcome;
  const what = [...Map.groupBy(alarms, (one) => one)].sort((a, b) => b[1].length - a[1].length);
  return [
    `  faults: ${seeded.filter(isFound).length} of ${seeded.length} found in ${outcome.replays} replays of ${(outcome.seconds / outcome.replays).toFixed(0)} s; failed without a fault: ${outcome.unchangedAlarms} of ${outcome.unchangedTests} tests in unchanged replays, ${alarms.length} of ${outcome.beside} beside faults; ${outcome.follows} elsewhere follow from a fault`,
    ...seeded.map(
      (one) =>
        `  ${isFound(one) ? '✓' : '✗'} ${one.fault.padEnd(26)} ${one.place}  ${one.target}  (${one.touched} answers)  ${(one.foundBy ?? 'NOT FOUND').slice(0, 160)}`,
    ),
    ...notPlanted.map(
      (one) =>
        `  – ${one.fault.padEnd(26)} ${one.place}  ${one.target}  not planted: nothing on the wire changed`,
    ),
    ...what.slice(0, MOST_ALARMS).map(([one, all]) => `  ! ${all.length} × ${one}`),
    ...describeKey(key),
  ];
}

/** What was learned of one recording, against what truly varies. */
export function describeKey(key: AnswerKey): string[] {
  return [
    `  answer key: ${key.varying} of ${key.leaves} leaves truly vary; ${key.recallPct} % of them are never called a difference; of the leaves compared by kind or time ${key.precisionPct} % vary`,
    `  answer key: ${key.carried} leaves of requests carry what varies; ${key.carriedRecallPct} % were sent as they must be; of all that were not sent as recorded ${key.carriedPrecisionPct} % had to be`,
    ...key.missed.map((one) => `    varies, called a difference: ${one}`),
    ...key.needless.map((one) => `    steady, compared by kind or time: ${one}`),
    ...key.carriedMissed.map((one) => `    carried, not sent as it must be: ${one}`),
    ...key.carriedNeedless.map((one) => `    steady, not sent as recorded: ${one}`),
  ];
}

/** Every service: found and planted by kind of fault and service, then the answer keys. */
export function faultTable(outcomes: readonly FaultOutcome[]): string[] {
  const services = outcomes.map(({ service }) => service);
  const seeded = outcomes.flatMap((one) => one.seeded);
  const widths = services.map((one) => Math.max(one.length, 7));
  const row = (name: string, seeds: readonly SeededFault[]) => {
    const cells = services.map((service, i) => {
      const own = seeds.filter((one) => one.service === service);
      return shareOf(own).padStart(widths[i]!);
    });
    return `  ${name.padEnd(28)} ${shareOf(seeds).padStart(8)}  ${cells.join('  ')}`;
  };
  const lines = [
    '',
    `  ${'found of planted'.padEnd(28)} ${'all'.padStart(8)}  ${services.map((one, i) => one.padStart(widths[i]!)).join('  ')}`,
  ];
  for (const [family, faults] of FAMILIES) {
    const of = (name: string) => seeded.filter(({ fault }) => fault === name);
    const all = faults.flatMap(({ name }) => of(name));
    if (all.length === 0) continue;
    lines.push(row(family.toUpperCase(), all));
    for (const { name } of faults) if (of(name).length > 0) lines.push(row(`  ${name}`, of(name)));
  }
  return [...lines, row('ALL', seeded), '', ...alarmTable(outcomes)];
}

const shareOf = (seeds: readonly SeededFault[]) =>
  seeds.length === 0 ? '' : `${seeds.filter(isFound).length}/${seeds.length}`;

function alarmTable(outcomes: readonly FaultOutcome[]): string[] {
  return [
    '  service         false alarms: unchanged   beside faults   key: varying leaves, recall, precision   carried, recall, precision',
    ...outcomes.map((one) => {
      const key = keyFigures(one.key);
      return [
        `  ${one.service.padEnd(14)}`,
        `${one.unchangedAlarms} of ${one.unchangedTests}`.padStart(24),
        `${one.alarms.length} of ${one.beside}`.padStart(15),
        `${key.key_varying} of ${key.key_leaves}  ${key.key_recall_pct} %  ${key.key_precision_pct} %`.padStart(
          38,
        ),
        `${key.key_carried}  ${key.key_carried_recall_pct} %  ${key.key_carried_precision_pct} %`.padStart(
          29,
        ),
      ].join(' ');
    }),
  ];
}

export function faultFigures(outcomes: readonly FaultOutcome[]): FaultFigures {
  const seeded = outcomes.flatMap((one) => one.seeded);
  const found = seeded.filter(isFound).length;
  const sum = (of: (outcome: FaultOutcome) => number) =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0);
  const alarms = sum((one) => one.alarms.length + one.unchangedAlarms);
  const tests = sum((one) => one.beside + one.unchangedTests);
  return {
    faults_known: FAMILIES.reduce((total, [, faults]) => total + faults.length, 0),
    faults_distinct: new Set(seeded.map(({ fault }) => fault)).size,
    faults_planted: seeded.length,
    faults_found: found,
    faults_found_pct: seeded.length === 0 ? null : Math.floor((found / seeded.length) * 1000) / 10,
    faults_not_planted: sum((one) => one.notPlanted.length),
    false_alarms: alarms,
    false_alarms_of: tests,
    false_alarms_per_1000: tests === 0 ? null : Math.ceil((alarms / tests) * 10_000) / 10,
    unchanged_alarms: sum((one) => one.unchangedAlarms),
    faults_follow_ups: sum((one) => one.follows),
  };
}
