// `echoplane replay`: sends a snapshot's tests to a service that runs on this machine, stands in for its dependencies when
// asked to, and ends with the report and the exit code of its verdict. The service is started by whoever asks.
import { access, constants, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EXIT, exitCodeOf, reportJunit, reportMarkdown } from '@echoplane/analyzer';
import { ApiError, type ReportDetail } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import { ARTIFACTS, type TestConfig } from '@echoplane/traffic';
import { choosePort } from './ports.ts';
import {
  finishReplay,
  generate,
  openReplay,
  type ReplayPlace,
  shipped,
  startResponder,
} from './replay-run.ts';
import { printReport } from './report-text.ts';
import { openPlane, type RunningPlane } from './running-plane.ts';
import type { Session } from './session.ts';
import { snapshotNamed } from './snapshot-named.ts';
import { readTestConfig } from './test-config-file.ts';

export interface ReplayCommand {
  homeDir: string;
  /** Name or id; the newest of that name. */
  snapshot: string;
  /** `http://127.0.0.1:3000`. */
  target: string;
  /** Port of the forward proxy that answers for the dependencies; null when they are alive. */
  mocksPort: number | null;
  build: string | undefined;
  baseline: string | undefined;
  /** What the baseline differs in as well is no failure. */
  allowKnown: boolean;
  configFile: string | undefined;
  junitFile: string | undefined;
  markdownFile: string | undefined;
  jsonFile: string | undefined;
  secretsDir: string | undefined;
  dataDir: string | undefined;
}

/** Runs the replay and gives the exit code, also when it could not be run. */
export async function runReplayCommand(session: Session, command: ReplayCommand): Promise<number> {
  try {
    const detail = await replayTarget(session, command);
    printReport(session.terminal, detail);
    await writeFiles(command, detail);
    return exitCodeOf(detail.report);
  } catch (err) {
    const isSaid = err instanceof OperatingError || err instanceof ApiError;
    if (!isSaid || session.signal.aborted) throw err;
    process.stderr.write(`${err.message}\n`);
    return EXIT.noReport;
  }
}

async function replayTarget(session: Session, command: ReplayCommand): Promise<ReportDetail> {
  const { supervisor, signal, terminal } = session;
  const config = await configOf(command);
  await checkPlaces(command);
  const plane = await openPlane(command.homeDir);
  const snapshot = await findSnapshot(plane, command.snapshot);
  const place: ReplayPlace = { homeDir: plane.homeDir, plane, supervisor, signal };
  const { build, baseline, mocksPort, secretsDir, dataDir } = command;
  const open = await openReplay(
    place,
    {
      ...{
        name: `${snapshot.name}${build === undefined ? '' : ` ${build}`}`.slice(0, 120),
        snapshot: snapshot.id,
      },
      ...(build === undefined ? {} : { buildTag: build }),
      ...(baseline === undefined ? {} : { baseline }),
      ...(config === undefined ? {} : { config }),
      places: { secretsDir, dataDir },
    },
    mocksPort === null ? 'tests-only' : 'full',
  );
  try {
    const port = mocksPort === null ? null : await choosePort(mocksPort, true, 'the stand-ins');
    const responder = port === null ? null : await startResponder(open, port);
    const run = await terminal.step(
      `replay ${snapshot.name} to ${command.target}`,
      (note) => generate(open, command.target, note),
      ({ sent, testsPlanned }) => `${sent} of ${testsPlanned} requests`,
    );
    if (responder) await supervisor.stop(responder);
    return await terminal.step('report', () => finishReplay(open, run, responder ? shipped(responder) : 0));
  } catch (err) {
    // Nobody else will end it.
    await open.lease.cancel();
    throw err;
  } finally {
    // Copies of the snapshot's files, which may be gigabytes; what was said of the run stays.
    for (const artifact of [ARTIFACTS.tests, ARTIFACTS.mocks, ARTIFACTS.tokens])
      await rm(join(open.folder, artifact), { force: true });
  }
}

/** That of the file, with what the command line asks. */
async function configOf({ configFile, allowKnown }: ReplayCommand): Promise<TestConfig | undefined> {
  const config = configFile === undefined ? undefined : await readTestConfig(configFile);
  return allowKnown ? { ...config, goals: { ...config?.goals, allowKnown } } : config;
}

async function findSnapshot({ client }: RunningPlane, wanted: string): Promise<{ id: string; name: string }> {
  const found = await snapshotNamed(client, wanted);
  if (found.state === 'succeeded') return found;
  throw new OperatingError(
    'snapshot_unusable',
    `The snapshot ${wanted} cannot be replayed: it is ${found.state}${found.message === null ? '' : ` (${found.message})`}.`,
  );
}

/** What would be noticed only when the replay is over, or never. */
async function checkPlaces({
  junitFile,
  markdownFile,
  jsonFile,
  secretsDir,
  dataDir,
}: ReplayCommand): Promise<void> {
  for (const [flag, file] of Object.entries({ junit: junitFile, markdown: markdownFile, json: jsonFile }))
    if (file !== undefined)
      await refuseUnless(`--${flag}`, dirname(resolve(file)), constants.W_OK, 'written to');
  for (const [flag, folder] of Object.entries({ secrets: secretsDir, data: dataDir }))
    if (folder !== undefined) await refuseUnless(`--${flag}`, resolve(folder), constants.R_OK, 'read');
}

async function refuseUnless(flag: string, folder: string, mode: number, done: string): Promise<void> {
  const problem = await access(folder, mode)
    .then(async () => ((await stat(folder)).isDirectory() ? null : 'it is no folder'))
    .catch((cause: NodeJS.ErrnoException) => cause.code ?? cause.message);
  if (problem === null) return;
  throw new OperatingError('bad_place', `The folder ${folder} of ${flag} cannot be ${done} (${problem}).`);
}

async function writeFiles(
  { junitFile, markdownFile, jsonFile }: ReplayCommand,
  { replay, report }: ReportDetail,
): Promise<void> {
  const { name } = replay;
  if (junitFile !== undefined) await writeFile(junitFile, reportJunit(report, { name }));
  if (markdownFile !== undefined) await writeFile(markdownFile, reportMarkdown(report, { name }));
  if (jsonFile !== undefined) await writeFile(jsonFile, `${JSON.stringify(report, null, 2)}\n`);
}
