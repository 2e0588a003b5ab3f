// The command line of `echoplane transform`. What it does is told in transform.ts.
import { systemClock } from '@echoplane/runtime';
import { type Command, InvalidArgumentError } from 'commander';
import { transformList, transformPreview } from './transform.ts';

const MAX_SEED = 2 ** 32 - 1;

interface TransformFlags {
  pair: string;
  chain: string;
  param: Record<string, string>;
  secrets?: string;
  data: Record<string, string>;
  seed: number;
  json: boolean;
}

/** Adds the commands; `environment` is what `${{env:…}}` reads, `end` ends the process. */
export function addTransformCommand(
  program: Command,
  { environment, end }: { environment: NodeJS.ProcessEnv; end: (code: Promise<number>) => Promise<void> },
): void {
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const transform = program.command('transform').description('try out transforms on recorded traffic');
  transform
    .command('preview')
    .description('show what transforms would do to a recorded RRPair')
    .requiredOption('--pair <file>', 'the RRPair, JSON; of JSON lines the first')
    .requiredOption('--chain <file>', 'the transforms document, or a template')
    .option('--param <name=value>', 'parameter of a template; may be repeated', addNamed, {})
    .option('--secrets <folder>', 'folder with the secrets, one file NAME/KEY each')
    .option('--data <name=file>', 'data set, CSV with a header line; may be repeated', addNamed, {})
    .option('--seed <number>', 'what random values come from', parseSeed, 1)
    .option('--json', 'print the result as JSON', false)
    .action(({ param: parameters, secrets, ...rest }: TransformFlags) => {
      const options = { ...rest, parameters, secrets: secrets ?? null };
      return end(transformPreview(options, environment, systemClock(), print));
    });
  transform
    .command('list')
    .description('list the extractors and functions of transforms')
    .action(() => end(Promise.resolve(transformList(print))));
}

function addNamed(text: string, before: Record<string, string>): Record<string, string> {
  const equals = text.indexOf('=');
  if (equals <= 0) throw new InvalidArgumentError('It must be name=value.');
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) };
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED)
    throw new InvalidArgumentError(`It must be a whole number from 0 to ${MAX_SEED}.`);
  return seed;
}
