// The command lines of `echoplane snapshot` and `echoplane replay`. What they do is told in snapshot.ts and replay.ts.
import type { Command, Option } from 'commander';
import { runReplayCommand } from './replay.ts';
import { endUnreported } from './report-command.ts';
import { runSession } from './session.ts';
import { runSnapshot, type SnapshotOptions } from './snapshot.ts';
import { editSnapshot, showRecommendations } from './snapshot-edits.ts';
import { addFilter, FILTER_HELP, parseTime } from './snapshot-flags.ts';
import type { Environment } from './supervisor.ts';

interface SnapshotFlags {
  home: string;
  name?: string;
  service?: string;
  from?: number;
  to?: number;
  filter: SnapshotOptions['query'];
}

interface ReplayFlags {
  home: string;
  snapshot: string;
  target: string;
  mocksPort?: number;
  testsOnly?: boolean;
  build?: string;
  baseline?: string;
  allowKnown?: boolean;
  config?: string;
  junit?: string;
  markdown?: string;
  json?: string;
  secrets?: string;
  data?: string;
}

/** What the command lines of all commands have in common. */
export interface CommandKit {
  /** The option that every command on a plane has. */
  home(): Option;
  /** Ends the process. */
  end(code: Promise<number>): Promise<void>;
  integer(min: number, max: number): (text: string) => number;
  environment: Environment;
}

/** Adds both commands. */
export function addReplayCommands(program: Command, kit: CommandKit): void {
  addSnapshotCommands(program, kit);
  addReplayCommand(program, kit);
}

function addSnapshotCommands(program: Command, { home, end }: CommandKit): void {
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const snapshot = program
    .command('snapshot')
    .description('turn what a running plane recorded into tests and mocks')
    .addOption(home())
    .option('--name <name>', 'name of the snapshot')
    .option('--service <name>', 'only this service, as "record" was told its name')
    .option('--from <time>', 'recorded since: 2026-05-04T10:00:00Z, or how long ago: 30m, 2h, 1d', parseTime)
    .option('--to <time>', 'recorded until', parseTime)
    .option('--filter <name=value>', FILTER_HELP, addFilter, {})
    .action(({ home: homeDir, name, filter, ...times }: SnapshotFlags) => {
      if (name === undefined) program.error("error: required option '--name <name>' not specified");
      return end(runSnapshot({ homeDir, name, query: { ...filter, ...times } }, print));
    });
  snapshot
    .command('edit')
    .description('change what a snapshot holds, and analyze its recording anew')
    .argument('<snapshot>', 'name or id of the snapshot')
    .requiredOption(
      '--file <file>',
      'edits.json: tokens, flows, what is compared how, transforms, what is left out',
    )
    .action((snapshot: string, _: unknown, command: Command) => {
      const { home: homeDir, file } = command.optsWithGlobals<{ home: string; file: string }>();
      return end(editSnapshot({ homeDir, snapshot, file }, print));
    });
  snapshot
    .command('recommendations')
    .description('what the recording needs to be replayed, and with --apply: apply it')
    .argument('<snapshot>', 'name or id of the snapshot')
    .option('--apply <id...>', 'ids of recommendations; the recording is analyzed anew with them')
    .option('--all', 'every one, not only the first 20')
    .action((snapshot: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<{ home: string; apply?: string[]; all?: boolean }>();
      const { home: homeDir, apply = [], all: isAll = false } = flags;
      return end(showRecommendations({ homeDir, snapshot, apply, isAll }, print));
    });
}

function addReplayCommand(program: Command, { home, end, integer, environment }: CommandKit): void {
  const replay = program
    .command('replay')
    .exitOverride(endUnreported)
    .description('send the tests of a snapshot to a service on this machine and report what differs')
    .addOption(home())
    .requiredOption('--snapshot <name>', 'name or id of the snapshot')
    .requiredOption('--target <url>', 'where the service listens, http://127.0.0.1:3000')
    .option(
      '--mocks-port <port>',
      'port of a proxy that answers for its dependencies as recorded; without it they are alive',
      integer(1, 65535),
    )
    .option('--tests-only', 'its dependencies are alive (as without --mocks-port)')
    .option('--build <tag>', 'build under test, as it shall stand in the report')
    .option('--baseline <id>', 'earlier replay, against which latency is judged')
    .option('--allow-known', 'what the baseline differs in as well is no failure')
    .option('--config <file>', 'test config as JSON: load, assertions, goals')
    .option('--secrets <dir>', 'secrets that transforms name, DIR/NAME/KEY; without it secrets of the home')
    .option('--data <dir>', 'files and data sets that transforms read; without it data of the home')
    .option('--junit <file>', 'writes the report as JUnit XML')
    .option('--markdown <file>', 'writes the report as Markdown')
    .option('--json <file>', 'writes the report as JSON')
    .addHelpText(
      'after',
      '\nEnds with 0: passed, 1: goals missed, 2: the figures cannot be trusted, 3: no report.',
    )
    .action((flags: ReplayFlags) => {
      const {
        home: homeDir,
        snapshot,
        target,
        mocksPort = null,
        testsOnly,
        build,
        baseline,
        allowKnown = false,
        ...files
      } = flags;
      if (allowKnown && baseline === undefined)
        replay.error(
          '--allow-known needs --baseline: an earlier replay of the build that is known to be good.',
        );
      if (testsOnly && mocksPort !== null) replay.error('--tests-only and --mocks-port exclude each other.');
      const { config: configFile, junit: junitFile, markdown: markdownFile, json: jsonFile } = files;
      const { secrets: secretsDir, data: dataDir } = files;
      const command = {
        ...{ homeDir, snapshot, target, mocksPort, build, baseline, allowKnown },
        ...{ configFile, junitFile, markdownFile, jsonFile, secretsDir, dataDir },
      };
      return end(runSession(null, environment, (session) => runReplayCommand(session, command)));
    });
}
