// What a run says: a table for each scenario as it ends, and the metrics of the closing line.
import { figure, type Measurement, type Outcome, ratio } from './measure.ts';
import type { PeerName } from './peers.ts';
import { round, spread } from './statistics.ts';
import type { Target } from './targets.ts';

const COLUMNS: readonly [title: string, width: number][] = [
  ['peer', 17],
  ['CPU µs/request', 22],
  ['vs nginx', 18],
  ['req/s', 8],
  ['p50 ms', 8],
  ['p99 ms', 8],
  ['RSS MiB', 8],
  ['anon', 6],
  ['captured', 9],
];

/** A scenario as lines of text. */
export function table(outcome: Outcome): string {
  const { scenario, measured, missing, discounted } = outcome;
  const head = COLUMNS.map(([title, width]) => title.padEnd(width)).join(' ');
  const rows = [...measured].map(([name, of]) => {
    const cells = [
      name,
      withSpread(figure(outcome, name, 'cpuUs')),
      withSpread(ratio(outcome, name, 'nginx')),
      ...(['requestsPerSecond', 'p50Ms', 'p99Ms'] as const).map((key) =>
        short(figure(outcome, name, key)?.median),
      ),
      short(peak(of, 'rssMib')),
      short(peak(of, 'anonymousMib')),
      short(figure(outcome, name, 'capturedShare')?.min),
    ];
    return cells.map((cell, n) => cell.padEnd(COLUMNS[n]![1])).join(' ');
  });
  const absent = [...missing].map(([name, why]) => `${name}: not measured, ${why}`);
  const idle = [...discounted].map(([name, why]) => `${name}: does not count, ${why}`);
  return [`\n${scenario.name}: ${scenario.title}`, head, ...rows, ...absent, ...idle].join('\n');
}

/** Every figure of a scenario, by peer. */
export function metricsOf(outcome: Outcome): object {
  const peers = [...outcome.measured].map(([name, of]): [PeerName, object] => [
    name,
    {
      cpuUsPerRequest: figure(outcome, name, 'cpuUs'),
      cpuVsNginx: ratio(outcome, name, 'nginx'),
      cpuVsGo: ratio(outcome, name, outcome.measured.has('go') ? 'go' : 'go-tls'),
      requestsPerSecond: figure(outcome, name, 'requestsPerSecond'),
      p50Ms: figure(outcome, name, 'p50Ms')?.median ?? null,
      p99Ms: figure(outcome, name, 'p99Ms')?.median ?? null,
      rssMib: peak(of, 'rssMib'),
      anonymousMib: peak(of, 'anonymousMib'),
      capturedShare: figure(outcome, name, 'capturedShare'),
      bytesPerPair: figure(outcome, name, 'bytesPerPair')?.median ?? null,
      errors: of.reduce((sum, { errors }) => sum + errors, 0),
    },
  ]);
  return {
    ...Object.fromEntries(peers),
    notMeasured: Object.fromEntries(outcome.missing),
    notCounted: Object.fromEntries(outcome.discounted),
  };
}

/** The targets as lines of text. */
export function verdict(targets: Record<string, Target>): string {
  const lines = Object.entries(targets).map(([name, { value, min, max, atMost, atLeast, met, because }]) => {
    const limit = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`;
    const span = min === undefined || max === undefined ? '' : ` (${min}–${max})`;
    const measured = value === null ? `not measured${because ? ` (${because})` : ''}` : `${value}${span}`;
    const outcome = met ? 'met    ' : value === null ? '-      ' : 'NOT MET';
    return `${outcome} ${name.padEnd(42)} ${measured.padEnd(24)} ${limit}`;
  });
  return ['\nTargets', ...lines].join('\n');
}

function peak(of: readonly Measurement[], key: 'rssMib' | 'anonymousMib'): number {
  return round(spread(of.map((measurement) => measurement[key]))?.max ?? 0);
}

function withSpread(of: ReturnType<typeof spread>): string {
  return of ? `${short(of.median)} (${short(of.min)}–${short(of.max)})` : '–';
}

function short(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : String(Number(value.toPrecision(3)));
}
