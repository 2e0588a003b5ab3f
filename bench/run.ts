// Benchmarks, side by side with programs people know. They are no tests: `node bench/run.ts NAME [OPTION …]` measures,
// prints tables as it goes, and closes with one line of JSON, { bench, metrics, targets }.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { benchAnalyzer } from './analyzer/index.ts';
import { benchForwarder } from './forwarder/index.ts';
import { benchGenerator } from './generator/index.ts';
import { benchKubernetes } from './kubernetes/index.ts';
import { benchResponder } from './responder/index.ts';
import { benchSidecar, NothingToMeasure } from './sidecar/index.ts';
import { MissingPrograms } from './sidecar/processes.ts';

/** How long and how much; what is not given is the benchmark's own choice. */
export interface BenchOptions {
  /** Only scenarios whose name contains this. */
  only: string;
  /** How often every peer is measured in each scenario. */
  rounds: number;
  /** Length of one measurement. */
  seconds: number;
  /** One short round of everything: shows that it works, not how fast. */
  isQuick: boolean;
  /** A bundle that exists already, to measure instead of the sources as they are. */
  bundle: string | undefined;
  /** Where recordings of others are kept, for what can be tried on them too. */
  recordings: string | undefined;
  /** Where CPU profiles of what is ours are written; they cost time themselves. */
  profileFolder: string | undefined;
}

const BENCHES: Record<string, (options: BenchOptions) => Promise<object>> = {
  analyzer: benchAnalyzer,
  sidecar: benchSidecar,
  forwarder: benchForwarder,
  kubernetes: benchKubernetes,
  generator: benchGenerator,
  responder: benchResponder,
};
const EXIT_USAGE = 64;
const EXIT_UNAVAILABLE = 69;

const USAGE = `usage: npm run bench -- NAME [--only FILTER] [--rounds N] [--seconds S] [--quick] [--bundle FILE] [--profile FOLDER] [--recordings FOLDER]
  NAME: ${Object.keys(BENCHES).join(', ')}`;

function usage(problem: string): never {
  process.stderr.write(`${problem}\n${USAGE}\n`);
  process.exit(EXIT_USAGE);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        only: { type: 'string', default: '' },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        bundle: { type: 'string' },
        profile: { type: 'string' },
        recordings: { type: 'string' },
      },
    });
  } catch (error) {
    usage((error as Error).message);
  }
}

function positive(text: string, option: string): number {
  const value = Number(text);
  if (!(value > 0)) usage(`--${option} wants a number above 0, not ${text}.`);
  return value;
}

const { values, positionals } = readArguments();
const bench = BENCHES[positionals[0] ?? ''];
if (!bench || positionals.length > 1) usage(`There is no benchmark "${positionals.join(' ')}".`);
const isQuick = values.quick;
try {
  const result = await bench({
    only: values.only,
    rounds: Math.ceil(positive(values.rounds ?? (isQuick ? '1' : '5'), 'rounds')),
    seconds: positive(values.seconds ?? (isQuick ? '1' : '2'), 'seconds'),
    isQuick,
    bundle: values.bundle && resolve(values.bundle),
    recordings: values.recordings && resolve(values.recordings),
    profileFolder: values.profile && resolve(values.profile),
  });
  console.log(JSON.stringify(result));
  process.exit(0);
} catch (error) {
  if (error instanceof NothingToMeasure) usage(error.message);
  if (!(error instanceof MissingPrograms)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(EXIT_UNAVAILABLE);
}
