// The exam: services that were not written for it are recorded and replayed on an empty database, with no configuration.
// Everything that is then called a difference is a mistake of ours. docs/exam.md says how to run it and to add a service.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { ReportDetail } from '@echoplane/api';
import type { TrafficQuery } from '@echoplane/traffic';
import { startPlane } from '../../packages/cli/src/plane.ts';
import { runSession } from '../../packages/cli/src/session.ts';
import { type KeyFigures, keyFigures } from './faults/answer-key.ts';
import { answerKeyOf, examineFaults, FAULT_SECONDS, type FaultOutcome } from './faults/fault-exam.ts';
import { describeFaults, describeKey, faultFigures, faultTable } from './faults/fault-table.ts';
import type { PlantedCounts } from './faults/plan.ts';
import { installer } from './install.ts';
import { keepFaults, keepQuery, keepReplay, keptPlanted, keptQueries } from './kept.ts';
import { launch } from './launch.ts';
import { describe, lastLine, type Outcome, outcomeOf, targetsOf } from './outcome.ts';
import type { ExamService } from './service.ts';
import { analyze, type Exam, record, replay, type Wrap } from './take.ts';

const SEGMENT_MAX_AGE_MS = 5_000;

const { values: options } = parseArgs({
  allowNegative: true,
  options: {
    /** One of the services; may be repeated. */
    only: { type: 'string', multiple: true },
    /** A folder with services, instead of ours. */
    services: { type: 'string' },
    /** Keeps everything in a folder. */
    keep: { type: 'boolean', default: false },
    /** A kept folder: what was recorded there is analyzed and replayed again. */
    again: { type: 'string' },
    /** Replays with faults, too; `--no-faults` where the script says otherwise. */
    faults: { type: 'boolean', default: false },
    /** How long a service may be given new faults. */
    seconds: { type: 'string', default: String(FAULT_SECONDS) },
    /** Replays twice. */
    twice: { type: 'boolean', default: false },
    /** Starts and uses the services only, without us: for writing one. */
    drive: { type: 'boolean', default: false },
    /** A module whose `wrap` puts something between generator and service. */
    wrap: { type: 'string' },
  },
});

/** What is asked of single replays leaves faults out. */
const withFaults = options.faults && !options.twice && options.wrap === undefined;
const say = (line: string) => void process.stdout.write(`${line}\n`);

async function loadServices(folder: string): Promise<ExamService[]> {
  const names = (await readdir(folder)).sort().filter((name) => !options.only || options.only.includes(name));
  const services: ExamService[] = [];
  for (const name of names) {
    const file = ['service.ts', 'service.mjs', 'service.js']
      .map((one) => join(folder, name, one))
      .find(existsSync);
    if (!file) continue;
    const module = (await import(pathToFileURL(file).href)) as { service: ExamService };
    services.push(module.service);
  }
  if (services.length === 0) throw new Error(`There is no service to examine in ${folder}.`);
  return services;
}

async function examine(exam: Exam, service: ExamService, kept: string | null): Promise<Outcome> {
  const { terminal } = exam.session;
  const { name } = service;
  await service.install(join(exam.cacheDir, name), installer(say));
  let query: TrafficQuery | undefined = options.again ? (await keptQueries(kept!))[name] : undefined;
  query ??= await terminal.step(`record ${name} (${service.kind})`, (note) => record(exam, service, note));
  if (kept) await keepQuery(kept, name, query);
  const selection = query;
  const snapshot = await terminal.step(
    `snapshot ${name}`,
    () => analyze(exam, `exam ${name}`, selection),
    ({ manifest }) => {
      const { pairs, tests, sessions, tokens } = manifest!.counts;
      return `${pairs} RRPairs, ${tests} tests, ${sessions} sessions, ${tokens} tokens`;
    },
  );
  if (withFaults) {
    const faulty = await terminal.step(`faults in ${name}`, (note) =>
      examineFaults(exam, service, snapshot, {
        ...{ planted, note, seconds: Number(options.seconds) },
        keep: async (suffix, detail) => {
          if (kept) await keepReplay(exam, { folder: kept, name, suffix }, snapshot, detail);
        },
      }),
    );
    if (kept) {
      await keepReplay(exam, { folder: kept, name, suffix: '' }, snapshot, faulty.unchanged);
      await keepFaults(join(kept, name), faulty);
    }
    const outcome = outcomeOf(faulty.unchanged, snapshot);
    for (const line of [...describe(outcome, faulty.unchanged.report), ...describeFaults(faulty)])
      terminal.line(line);
    faultOutcomes.push(faulty);
    keys[name] = keyFigures(faulty.key);
    return outcome;
  }
  let last: Outcome | undefined;
  const details: ReportDetail[] = [];
  for (const suffix of options.twice ? ['', '-2'] : ['']) {
    const detail = await terminal.step(`replay ${name}`, (note) => replay(exam, service, snapshot.id, note));
    if (kept) await keepReplay(exam, { folder: kept, name, suffix }, snapshot, detail);
    details.push(detail);
    last = outcomeOf(detail, snapshot);
    for (const line of describe(last, detail.report)) terminal.line(line);
  }
  const [one, two] = details;
  if (one && two) {
    const key = await answerKeyOf(exam, snapshot, one, two);
    for (const line of describeKey(key)) terminal.line(line);
    keys[name] = keyFigures(key);
  }
  return last!;
}

/** Start and use, nothing else. */
async function tryOut(services: ExamService[], cacheDir: string, workDir: string): Promise<void> {
  for (const service of services) {
    const cache = join(cacheDir, service.name);
    await service.install(cache, installer(say));
    const [port, dir] = [await launch.freePort(), join(workDir, service.name)];
    await mkdir(dir, { recursive: true });
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
    const running = await service.start({ port, dir, cache, tools: launch });
    say(`${service.name} started after ${seconds()} s`);
    try {
      await service.drive(`http://127.0.0.1:${port}`, (text) => say(`  ${seconds()} s ${text}`), cache);
    } finally {
      await running.stop();
    }
    say(`${service.name} driven after ${seconds()} s`);
  }
}

async function keptFolder(): Promise<string | null> {
  if (options.again) return resolve(options.again);
  return options.keep ? mkdtemp(join(tmpdir(), 'echoplane-exam-')) : null;
}

const services = await loadServices(resolve(options.services ?? join(import.meta.dirname, 'services')));
const wrap = options.wrap
  ? ((await import(pathToFileURL(resolve(options.wrap)).href)) as { wrap: Wrap }).wrap
  : null;
const kept = await keptFolder();
const workDir = await mkdtemp(join(tmpdir(), 'echoplane-exam-work-'));
const cacheDir = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'echoplane-exam');
await mkdir(cacheDir, { recursive: true });
if (options.drive) {
  await tryOut(services, cacheDir, workDir).finally(() => rm(workDir, { recursive: true, force: true }));
  process.exit(0);
}
const outcomes: Record<string, Outcome | null> = {};
const faultOutcomes: FaultOutcome[] = [];
const names = services.map(({ name }) => name);
const planted: PlantedCounts = kept ? await keptPlanted(kept, names) : new Map();
const keys: Record<string, KeyFigures> = {};

process.exitCode = await runSession(kept && join(kept, 'home'), process.env, async (session) => {
  const plane = await startPlane({
    ...session,
    ...{ databaseUrl: null, port: null, temporary: kept === null, extraDatabases: [] },
    ...{ segmentMaxAgeMs: SEGMENT_MAX_AGE_MS, isPrivate: false },
  });
  const exam: Exam = { session, plane, cacheDir, workDir, wrap };
  for (const service of services) {
    outcomes[service.name] = null;
    await examine(exam, service, kept).then(
      (outcome) => {
        outcomes[service.name] = outcome;
      },
      (err: Error) => {
        if (session.signal.aborted) throw err;
        session.terminal.line(`  ${service.name} could not be examined: ${err.stack ?? err.message}`);
      },
    );
  }
  return 0;
});
await rm(workDir, { recursive: true, force: true });
if (kept) say(`Kept: ${kept}`);
for (const line of faultOutcomes.length > 0 ? faultTable(faultOutcomes) : []) say(line);
const faults = withFaults ? faultFigures(faultOutcomes) : null;
say(lastLine(outcomes, { faults, keys }));
if (process.exitCode === 0 && !Object.values(targetsOf(outcomes, faults)).every(({ met }) => met))
  process.exitCode = 1;
