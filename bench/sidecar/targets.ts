// The figures that the sidecar must reach, each with its limit. A figure that was not measured is not met.
import { type Outcome, ratio } from './measure.ts';
import type { PeerName } from './peers.ts';
import type { AddedLatency, Loss, Rest } from './quiet.ts';
import type { Spread } from './statistics.ts';

/** Everything that was measured; null or absent where it was not. */
export interface Results {
  outcomes: ReadonlyMap<string, Outcome>;
  latency: AddedLatency | null;
  rest: Rest | null;
  loss: Loss | null;
  restartSeconds: Spread | null;
}

export interface Target {
  value: number | null;
  /** Over the rounds, where there were several. */
  min?: number;
  max?: number;
  atMost?: number;
  atLeast?: number;
  met: boolean;
  /** Why there is no value, where that is known. */
  because?: string;
}

interface Rule {
  atMost?: number;
  atLeast?: number;
  value: (results: Results) => Spread | number | { because: string } | null | undefined;
}

/** CPU for each request, `a` over `b` in the same round. */
function cpu(scenario: string, a: PeerName, b: PeerName): Rule['value'] {
  return ({ outcomes }) => {
    const outcome = outcomes.get(scenario);
    if (!outcome) return null;
    const why = [a, b].map((name) => outcome.missing.get(name) ?? outcome.discounted.get(name)).find(Boolean);
    return why ? { because: why } : ratio(outcome, a, b);
  };
}

const RULES: Record<string, Rule> = {
  'cpu 300 B vs nginx': { atMost: 1.25, value: cpu('300b', 'ours', 'nginx') },
  'cpu POST 2 KB vs nginx': { atMost: 1.15, value: cpu('post-2kb', 'ours', 'nginx') },
  'cpu 10 KB vs nginx': { atMost: 1.3, value: cpu('10kb', 'ours', 'nginx') },
  'cpu 1 MB, body limit 64 KiB, vs nginx': { atMost: 1.5, value: cpu('1mb', 'ours', 'nginx') },
  'cpu 1 MB, captured whole, vs nginx': { atMost: 2.2, value: cpu('1mb-whole', 'ours-whole', 'nginx') },
  'cpu TLS towards the client vs nginx': { atMost: 1.4, value: cpu('tls-in', 'ours-tls', 'nginx') },
  'cpu TLS on both legs vs nginx': { atMost: 1.5, value: cpu('interception', 'ours-intercept', 'nginx') },
  'cpu 300 B vs go': { atMost: 0.35, value: cpu('300b', 'ours', 'go') },
  'cpu 1 MB, captured whole, vs go': { atMost: 0.65, value: cpu('1mb-whole', 'ours-whole', 'go') },
  'cpu new connection vs go': { atMost: 1.9, value: cpu('new-connection', 'ours', 'go') },
  'cpu new connection vs go (stretch)': { atMost: 1.3, value: cpu('new-connection', 'ours', 'go') },
  // Per second of CPU: the client's handshakes saturate the core of the load before Go does its own.
  'new TLS connections per second vs go': {
    atLeast: 0.6,
    value: cpu('new-tls-connection', 'go-tls', 'ours-tls'),
  },
  'added latency p50, ms': { atMost: 0.2, value: ({ latency }) => latency?.added.p50Ms },
  'added latency p99, ms': { atMost: 1, value: ({ latency }) => latency?.added.p99Ms },
  'percent of a core at 0 req/s': { atMost: 0.2, value: ({ rest }) => rest?.corePercent[0] },
  'percent of a core at 100 req/s': { atMost: 1.5, value: ({ rest }) => rest?.corePercent[100] },
  'percent of a core at 1,000 req/s': { atMost: 6, value: ({ rest }) => rest?.corePercent[1000] },
  'anonymous memory idle, MiB': { atMost: 45, value: ({ rest }) => rest?.idleAnonymousMib },
  'anonymous memory loaded, MiB': { atMost: 160, value: ({ outcomes }) => loadedMib(outcomes) },
  'RRPairs lost at 80 % of saturation': { atMost: 0, value: ({ loss }) => loss?.lost },
  'kill -9 to listening, s': { atMost: 1, value: ({ restartSeconds }) => restartSeconds },
};

/** The worst of all sizes: a peak, not a median. */
function loadedMib(outcomes: ReadonlyMap<string, Outcome>): number | null {
  const peaks = ['300b', 'post-2kb', '10kb', '1mb', '1mb-whole'].flatMap((name) =>
    (['ours', 'ours-whole'] as const).flatMap((peer) => outcomes.get(name)?.measured.get(peer) ?? []),
  );
  return peaks.length === 0 ? null : Math.round(Math.max(...peaks.map(({ anonymousMib }) => anonymousMib)));
}

/** Every target by its name, with what was measured for it. */
export function judge(results: Results): Record<string, Target> {
  const targets = Object.entries(RULES).map(([name, { value: measured, ...limit }]): [string, Target] => {
    const found = measured(results) ?? null;
    if (typeof found === 'object' && found && 'because' in found)
      return [name, { value: null, ...limit, met: false, because: found.because }];
    const value = typeof found === 'object' && found ? found.median : found;
    const span = typeof found === 'object' && found ? { min: found.min, max: found.max } : {};
    const met =
      value !== null &&
      (limit.atMost === undefined || value <= limit.atMost) &&
      (limit.atLeast === undefined || value >= limit.atLeast);
    return [name, { value, ...span, ...limit, met }];
  });
  return Object.fromEntries(targets);
}
