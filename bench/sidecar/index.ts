// The sidecar side by side with nginx, haproxy, Go and Node on one machine:
//
//   core 0: load client ─▶                          ─▶ upstream nginx, sink, this process
//   core 1:                the process under test
//
// CPU per request is the user and system time of the process tree over the requests done. Peers are measured in turn
// and compared within a round; what is reported is the median of the rounds with its spread.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import type { BenchOptions } from '../run.ts';
import { NGINX_BUFFERING } from './configurations.ts';
import { CONNECTIONS } from './load.ts';
import { figure, measureScenario, type Outcome, type Pace } from './measure.ts';
import { addedLatency, atRest, lossBelowSaturation, restart } from './quiet.ts';
import { metricsOf, table, verdict } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import { type Stage, withStage } from './stage.ts';
import { judge, type Results } from './targets.ts';

const QUIET = ['rest', 'latency', 'loss', 'restart'];

/** `only` selects nothing; the message names what there is. */
export class NothingToMeasure extends Error {}

/** Runs everything that `only` selects and gives the closing line. */
export async function benchSidecar(options: BenchOptions): Promise<object> {
  const { only, rounds, seconds, isQuick } = options;
  const names = [...SCENARIOS.map(({ name }) => name), ...QUIET];
  if (!names.some((name) => name.includes(only)))
    throw new NothingToMeasure(`Nothing is named like "${only}"; there are ${names.join(', ')}.`);
  const pace: Pace = { rounds, seconds, warmUpSeconds: isQuick ? 0.1 : 0.5 };
  return withStage(options, async (stage) => {
    const started = performance.now();
    const results = await runAll(stage, pace, (name) => name.includes(only));
    const targets = judge(results);
    console.log(verdict(targets));
    const took = Math.round((performance.now() - started) / 1000);
    return { bench: 'sidecar', metrics: metrics(results, pace, took), targets };
  });
}

async function runAll(stage: Stage, pace: Pace, isWanted: (name: string) => boolean): Promise<Results> {
  const quiet = async <T>(name: string, run: () => Promise<T>): Promise<T | null> => {
    if (!isWanted(name)) return null;
    const result = await run();
    console.log(`\n${name}: ${JSON.stringify(result)}`);
    return result;
  };
  // First: a sidecar at rest shares its core with nobody.
  const rest = await quiet('rest', () => atRest(stage, pace));
  const outcomes = new Map<string, Outcome>();
  for (const scenario of SCENARIOS.filter(({ name }) => isWanted(name))) {
    const outcome = await measureScenario(stage, scenario, pace);
    console.log(table(outcome));
    outcomes.set(scenario.name, outcome);
  }
  const keepAlive = outcomes.get('300b');
  const saturation = keepAlive ? (figure(keepAlive, 'ours', 'requestsPerSecond')?.median ?? null) : null;
  return {
    outcomes,
    rest,
    latency: await quiet('latency', () => addedLatency(stage, pace)),
    loss: await quiet('loss', () => lossBelowSaturation(stage, pace, saturation)),
    restartSeconds: await quiet('restart', () => restart(stage, pace)),
  };
}

function metrics({ outcomes, ...quiet }: Results, pace: Pace, tookSeconds: number): object {
  const first = (command: string, ...args: string[]) =>
    execFileSync('sh', ['-c', `${[command, ...args].join(' ')} 2>&1`], { encoding: 'utf8' }).split('\n')[0];
  return {
    conditions: {
      ...pace,
      connections: CONNECTIONS,
      tookSeconds,
      processor: cpus()[0]?.model,
      node: process.version,
      nginx: first('nginx', '-v'),
      haproxy: first('haproxy', '-v'),
      go: first('go', 'version'),
      nginxBuffering: NGINX_BUFFERING,
    },
    scenarios: Object.fromEntries([...outcomes].map(([name, outcome]) => [name, metricsOf(outcome)])),
    ...quiet,
  };
}
