#!/usr/bin/env node
// `echoplane`: the laptop's front door. Reads the command line and the environment; everything else is told what to do.
import { INSTALL_NAMESPACE } from '@echoplane/resources';
import { Command, InvalidArgumentError, Option } from 'commander';
import manifest from '../package.json' with { type: 'json' };
import { runCheck } from './check.ts';
import { runDemo } from './demo.ts';
import { type ImportHarOptions, importHar } from './import-har.ts';
import { type InjectOptions, injectText, type Rewritten, readManifest, uninjectText } from './inject.ts';
import { runRecord } from './record.ts';
import { addReplayCommands } from './replay-commands.ts';
import { addReportCommand } from './report-command.ts';
import { runSession } from './session.ts';
import { listTraffic } from './traffic.ts';
import { addTransformCommand } from './transform-command.ts';
import { runUp } from './up.ts';

const DEFAULT_HOME = './.echoplane';
const VERSION = manifest.version;

const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  return value;
};
const home = () =>
  new Option('--home <folder>', 'where everything is kept')
    .env('ECHOPLANE_HOME')
    .argParser((text) => {
      if (text.trim() === '') throw new InvalidArgumentError('It must name a folder.');
      return text;
    })
    .default(DEFAULT_HOME);
const port = () =>
  new Option('--port <number>', 'port of the dashboard; a free one by default')
    .argParser(integer(1, 65535))
    .default(null, 'free');

const isPrivate = () =>
  new Option(
    '--private',
    'keep the control plane out of the object store: work on it is done by the forwarder',
  ).default(false);

const program = new Command('echoplane')
  .version(VERSION)
  .description('Record real API traffic, turn it into tests and mocks, replay it against the next version.')
  .addHelpText(
    'after',
    '\nDATABASE_URL, when set, names the PostgreSQL (15 or later) to use instead of the embedded one.',
  )
  .showHelpAfterError();

program
  .command('up')
  .description('start database, control plane, worker and forwarder, and stay up')
  .addOption(home())
  .addOption(port())
  .addOption(isPrivate())
  .action((options: { home: string; port: number | null; private: boolean }) =>
    end(
      runSession(options.home, process.env, (session) =>
        runUp(session, {
          databaseUrl: readDatabaseUrl(),
          port: options.port,
          isPrivate: options.private,
        }),
      ),
    ),
  );

program
  .command('demo')
  .description('record a demo shop, replay it against two builds, show both reports, and stay up')
  .option('--once', 'use a temporary home, check every outcome, remove everything and end')
  .addOption(home())
  .addOption(port())
  .addOption(isPrivate())
  .action((options: { home: string; port: number | null; private: boolean; once?: boolean }) => {
    const once = options.once === true;
    return end(
      runSession(once ? null : options.home, process.env, (session) =>
        runDemo(session, {
          ...{ once, isPrivate: options.private },
          ...{ databaseUrl: readDatabaseUrl(), port: options.port },
        }),
      ),
    );
  });

program
  .command('record')
  .description('record a service of your own into a running plane (see "up")')
  .addOption(home())
  .requiredOption('--name <name>', 'name under which the service is listed')
  .requiredOption('--target <port>', 'port on 127.0.0.1 where the service listens', integer(1, 65535))
  .option('--in-port <port>', 'port that takes its requests; a free one by default', integer(1, 65535))
  .option(
    '--out-port <port>',
    'port of the proxy for its outbound calls; a free one by default',
    integer(1, 65535),
  )
  .option('--upstream-ca <file...>', 'PEM files with further roots for verifying its HTTPS dependencies')
  .action((options: RecordFlags) => {
    const {
      home: homeDir,
      name,
      target: targetPort,
      inPort = null,
      outPort = null,
      upstreamCa = [],
    } = options;
    const record = { homeDir, name, targetPort, inPort, outPort, upstreamCaFiles: upstreamCa };
    return end(runSession(null, process.env, (session) => runRecord(session, record)));
  });

addReportCommand(program, { home, end });
addReplayCommands(program, { home, end, integer, environment: process.env });

program
  .command('import')
  .description('bring in traffic that something else recorded')
  .command('har')
  .description('import HAR files (1.2) from a browser or any tool into a running plane (see "up")')
  .argument('<file...>', 'the files')
  .addOption(home())
  .requiredOption('--service <name>', 'name of the service whose traffic it is')
  .option('--namespace <name>', 'namespace of that service', 'default')
  .addOption(
    new Option('--direction <direction>', 'IN: requests to the service; OUT: requests that it made')
      .choices(['IN', 'OUT'])
      .default('IN'),
  )
  .option('--host <host...>', 'only requests to these hosts', [])
  .option('--tag <name=value>', 'tag on every RRPair; may be repeated', addTag, {})
  .addOption(
    new Option('--times <how>', 'auto: as recorded, moved to now if too old; keep: as recorded; now: moved')
      .choices(['auto', 'keep', 'now'])
      .default('auto'),
  )
  .action((files: string[], { home: homeDir, host: hosts, tag: tags, ...rest }: ImportFlags) =>
    end(importHar({ homeDir, files, hosts, tags, ...rest }, (line) => process.stdout.write(`${line}\n`))),
  );

program
  .command('check')
  .description('look an installation in a cluster over: what is wrong, and what to do about it')
  .option('--kubeconfig <file>', 'kubeconfig of the cluster; without it KUBECONFIG or ~/.kube/config')
  .option('--context <name>', 'context in it; without it the current one')
  .option('-n, --namespace <name>', 'namespace of the installation', INSTALL_NAMESPACE)
  .option('--json', 'print each finding as one line of JSON', false)
  .action(({ kubeconfig, context, namespace, json }: CheckFlags) =>
    end(runCheck({ kubeconfig, context, namespace, json }, (line) => process.stdout.write(`${line}\n`))),
  );

program
  .command('traffic')
  .description('list the newest RRPairs of a running plane')
  .addOption(home())
  .addOption(new Option('--direction <direction>', 'IN or OUT').choices(['IN', 'OUT']))
  .option('--host <host>', 'host exactly as the client named it, with its port')
  .option('--method <method>', 'HTTP method', (text) => text.toUpperCase())
  .option('--path <prefix>', 'beginning of the path')
  .option('--status <from-to>', 'status or range: 404, 500-599', parseStatus)
  .option('--replay <id>', 'traffic of one replay instead of live traffic', parseReplay)
  .option('--limit <number>', 'how many at most', integer(1, 100_000), 50)
  .option('--json', 'one JSON object a line')
  .action((options) => end(trafficCommand(options)));

addTransformCommand(program, { environment: process.env, end });

const manifestFile = () =>
  new Option(
    '-f, --file <file>',
    'the manifest, YAML or JSON, one document or many; - for stdin',
  ).makeOptionMandatory();

program
  .command('inject')
  .description('put the sidecar into the workloads of a manifest, without a cluster; to stdout')
  .addOption(manifestFile())
  .addOption(
    new Option('--image <image>', 'image of the sidecar, as the installation has it')
      .env('ECHOPLANE_IMAGE')
      .makeOptionMandatory(),
  )
  .option('--cluster <name>', 'name of the cluster in recordings', 'default')
  .option('--install-namespace <name>', 'namespace of the installation', 'echoplane')
  .option('--forwarder <host:port>', 'where the forwarder is, when it is not the Service of the installation')
  .addOption(
    new Option(
      '--pod-security <level>',
      'what the namespace enforces: below privileged nothing is redirected',
    )
      .choices(['privileged', 'baseline', 'restricted'])
      .default('privileged'),
  )
  .addOption(
    new Option('--image-pull-policy <policy>', 'of the sidecar')
      .choices(['Always', 'IfNotPresent', 'Never'])
      .default('IfNotPresent'),
  )
  .action(({ file, ...options }: InjectOptions & { file: string }) =>
    end(rewriteManifest(file, (manifest) => injectText(manifest, options))),
  );

program
  .command('uninject')
  .description('take "inject" back, and keep everything that was edited since; to stdout')
  .addOption(manifestFile())
  .action(({ file }: { file: string }) => end(rewriteManifest(file, uninjectText)));

async function rewriteManifest(file: string, rewrite: (manifest: string) => Rewritten): Promise<number> {
  const { text, notes } = rewrite(await readManifest(file, process.stdin));
  for (const note of notes) process.stderr.write(`${note}\n`);
  process.stdout.write(text);
  return 0;
}

interface RecordFlags {
  home: string;
  name: string;
  target: number;
  inPort?: number;
  outPort?: number;
  upstreamCa?: string[];
}

interface CheckFlags {
  kubeconfig?: string;
  context?: string;
  namespace: string;
  json: boolean;
}

interface ImportFlags extends Pick<ImportHarOptions, 'service' | 'namespace' | 'direction' | 'times'> {
  home: string;
  host: string[];
  tag: Record<string, string>;
}

interface TrafficFlags {
  home: string;
  direction?: 'IN' | 'OUT';
  host?: string;
  method?: string;
  path?: string;
  status?: { statusMin: number; statusMax: number };
  replay?: string;
  limit: number;
  json?: boolean;
}

async function trafficCommand({
  home: homeDir,
  path,
  status,
  limit,
  json,
  ...rest
}: TrafficFlags): Promise<number> {
  const query = { ...rest, ...status, ...(path === undefined ? {} : { pathPrefix: path }) };
  await listTraffic({ homeDir, query, limit, json: json === true }, (line) =>
    process.stdout.write(`${line}\n`),
  );
  return 0;
}

function addTag(text: string, tags: Record<string, string>): Record<string, string> {
  const [, name, value] = /^([\w.-]{1,64})=(.{0,256})$/s.exec(text) ?? [];
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It must be name=value, such as build=42.');
  return { ...tags, [name]: value };
}

function parseReplay(text: string): string {
  if (!/^[0-9a-f-]{36}$/i.test(text))
    throw new InvalidArgumentError('It must be the id of a replay, as in the address of its report.');
  return text.toLowerCase();
}

function parseStatus(text: string): { statusMin: number; statusMax: number } {
  const match = /^(\d{3})(?:-(\d{3}))?$/.exec(text);
  if (!match) throw new InvalidArgumentError('It must be a status such as 404, or a range such as 500-599.');
  const [statusMin, statusMax] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (statusMin > statusMax) throw new InvalidArgumentError('The range must go upwards, such as 500-599.');
  return { statusMin, statusMax };
}

/** DATABASE_URL, or null without one. Never printed: it may hold a password. */
function readDatabaseUrl(): string | null {
  const text = process.env.DATABASE_URL;
  if (!text) return null;
  if (URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol)) return text;
  process.stderr.write(
    'DATABASE_URL is not a PostgreSQL address such as postgresql://user:password@host:5432/database.\n',
  );
  process.exit(64);
}

async function end(code: Promise<number>): Promise<void> {
  // A reader that has seen enough (`| head`) is no failure.
  process.stdout.on('error', () => process.exit(0));
  const ended = await code.catch((err: Error) => {
    process.stderr.write(`${err.message}\n`);
    return 1;
  });
  // Output into a pipe is still on its way: exiting now would cut it.
  process.stdout.write('', () => process.exit(ended));
}

await program.parseAsync();
