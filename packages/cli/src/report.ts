// `echoplane report`: the report of a replay of a running plane, for people or for a pipeline; compared with another one; made
// anew from the same results with other assertions or goals.
import { EXIT, exitCodeOf, isWorse, reportJunit, reportMarkdown } from '@echoplane/analyzer';
import { ApiError, type ReportDetail } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import type { ReportComparison, TestConfig } from '@echoplane/traffic';
import { pollUntil } from './poll.ts';
import { comparisonText, reportText } from './report-text.ts';
import { openPlane, type RunningPlane } from './running-plane.ts';
import { readTestConfig } from './test-config-file.ts';

const ANALYSIS_DEADLINE_MS = 600_000;

export interface ReportCommand {
  homeDir: string;
  /** Id of the replay; the newest one that has a report without it. */
  id: string | undefined;
  format: 'text' | 'junit' | 'markdown' | 'json';
  /** Id of an earlier replay. */
  compare: string | undefined;
  /** A test config: its assertions and goals are asked of the results now. */
  analyzeFile: string | undefined;
}

/** Prints the report, or what changed since another one; the exit code of its verdict, or 1 when it is worse than the other. */
export async function printReportCommand(
  command: ReportCommand,
  print: (text: string) => void,
): Promise<number> {
  try {
    return await printIt(command, print);
  } catch (err) {
    if (!(err instanceof OperatingError || err instanceof ApiError)) throw err;
    process.stderr.write(`${err.message}\n`);
    return EXIT.noReport;
  }
}

async function printIt(command: ReportCommand, print: (text: string) => void): Promise<number> {
  const plane = await openPlane(command.homeDir);
  const id = command.id ?? (await newestReport(plane));
  if (id === null) {
    print('No replay has a report yet; run one with "echoplane replay".');
    return EXIT.noReport;
  }
  if (command.analyzeFile !== undefined)
    await analyzeAnew(plane, id, await readTestConfig(command.analyzeFile));
  const detail = await reportOf(plane, id);
  const comparison = command.compare === undefined ? undefined : await compared(plane, id, command.compare);
  print(printed(detail, comparison, { format: command.format, link: `${plane.url}/reports/${id}` }));
  if (comparison) return isWorse(comparison) ? EXIT.missedGoals : EXIT.passed;
  return exitCodeOf(detail.report);
}

async function newestReport({ client }: RunningPlane): Promise<string | null> {
  const { items } = await client.call('replays', {});
  return items.find(({ verdict }) => verdict !== null)?.id ?? null;
}

async function analyzeAnew({ client }: RunningPlane, id: string, config: TestConfig): Promise<void> {
  const { goals, assertions } = config;
  const body = { ...(goals ? { goals } : {}), assertions: assertions ?? [] };
  await client.call('reanalyzeReplay', { params: { id }, body });
  const replay = await pollUntil(
    () => client.call('replay', { params: { id } }),
    ({ phase }) => phase !== 'analyzing',
    {
      deadlineMs: ANALYSIS_DEADLINE_MS,
      what: 'the report',
      signal: AbortSignal.timeout(ANALYSIS_DEADLINE_MS),
    },
  );
  if (replay.phase !== 'succeeded')
    throw new OperatingError(
      'no_report',
      `The results could not be judged anew: ${replay.message ?? replay.phase}.`,
    );
}

async function reportOf({ client }: RunningPlane, id: string): Promise<ReportDetail> {
  return client.call('report', { params: { id } }).catch((cause) => {
    if (!(cause instanceof ApiError && cause.status === 404)) throw cause;
    throw new OperatingError('no_report', cause.problem?.detail ?? 'There is no such report.', { cause });
  });
}

async function compared({ client }: RunningPlane, id: string, before: string): Promise<ReportComparison> {
  return client.call('compareReports', { params: { id, before } });
}

function printed(
  { replay: { name }, report }: ReportDetail,
  comparison: ReportComparison | undefined,
  { format, link }: { format: ReportCommand['format']; link: string },
): string {
  switch (format) {
    case 'junit':
      return reportJunit(report, { name }).trimEnd();
    case 'markdown':
      return reportMarkdown(report, { name, link, comparison }).trimEnd();
    case 'json':
      return JSON.stringify(comparison ?? report, null, 2);
    case 'text':
      return comparison ? comparisonText(comparison) : reportText(name, report);
  }
}
