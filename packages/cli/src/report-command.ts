// The command line of `echoplane report`. What it does is told in report.ts.
import { EXIT } from '@echoplane/analyzer';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { printReportCommand } from './report.ts';

interface ReportFlags {
  home: string;
  junit?: boolean;
  markdown?: boolean;
  json?: boolean;
  compare?: string;
  analyze?: string;
}

/** Adds the command; `home` makes the option that every command on a plane has, `end` ends the process. */
export function addReportCommand(
  program: Command,
  { home, end }: { home: () => Option; end: (code: Promise<number>) => Promise<void> },
): void {
  program
    .command('report')
    .exitOverride(endUnreported)
    .description('show the report of a replay of a running plane, the newest one by default')
    .argument('[id]', 'id of the replay', parseId)
    .addOption(home())
    .addOption(new Option('--junit', 'as JUnit XML').conflicts(['markdown', 'json']))
    .addOption(new Option('--markdown', 'as Markdown, for a pull request').conflicts('json'))
    .option('--json', 'as JSON')
    .option('--compare <id>', 'what changed since this replay', parseId)
    .option('--analyze <file>', 'test config as JSON: judges the same results with its assertions and goals')
    .addHelpText(
      'after',
      '\nEnds with 0: passed, 1: goals missed, or with --compare: worse, 2: the figures cannot be trusted, 3: no report.',
    )
    .action(
      (id: string | undefined, { home: homeDir, junit, markdown, json, compare, analyze }: ReportFlags) => {
        const format = junit ? 'junit' : markdown ? 'markdown' : json ? 'json' : 'text';
        const command = { homeDir, id, compare, format, analyzeFile: analyze } as const;
        return end(printReportCommand(command, (text) => process.stdout.write(`${text}\n`)));
      },
    );
}

/** A command line that cannot be run has no report; 1 would say that goals were missed. */
export function endUnreported({ exitCode }: { exitCode: number }): never {
  process.exit(exitCode === 0 ? 0 : EXIT.noReport);
}

function parseId(text: string): string {
  if (!/^[0-9a-f-]{36}$/i.test(text))
    throw new InvalidArgumentError('It must be the id of a replay, as in the address of its report.');
  return text.toLowerCase();
}
