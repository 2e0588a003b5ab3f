// The first lines of every program: configuration, logger, life. What is wrong with the configuration is on stderr, all of
// it, and the exit code is 64, before anything is opened.
import { z } from 'zod';
import { type Environment, field, loadConfig } from './config.ts';
import { exitCodeOf, type ProgramContext, runProgram } from './lifecycle.ts';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from './log.ts';

/** Fields that every program's configuration has. */
export const programFields = {
  logLevel: z.enum(LOG_LEVELS).default('info').describe('least severe lines that are logged'),
  supervised: field.flag().default(false).describe('whether stdin is a pipe whose end stops the program'),
};

/** A name as Kubernetes bounds it; the forwarder refuses longer ones. */
const name = () => field.text().max(253);

const file = (what: string) => field.text().optional().describe(`path of ${what}`);

/** Fields of programs that ship captured pairs: where to, and whose traffic it is; see `checkForwarderAddress`. */
export const shippingFields = {
  forwarderHost: field.text().default('127.0.0.1').describe('host of the forwarder that takes the pairs'),
  forwarderPort: field
    .integer(1, 65_535)
    .default(4150)
    .describe('port of the forwarder that takes the pairs, 1 to 65535'),
  forwarderCaFile: file('PEM roots for the forwarder; with it the capture stream is TLS'),
  forwarderCertFile: file('our PEM certificate towards the forwarder (mTLS)'),
  forwarderKeyFile: file('the PEM private key of that certificate'),
  forwarderTokenFile: file(
    'the service-account token that says to the forwarder which pod we are; read anew for every connection',
  ),
  forwarderName: field
    .text()
    .optional()
    .describe('name in the certificate of the forwarder, when it is not its host'),
  cluster: name().default('local').describe('cluster of the workload'),
  namespace: name().default('default').describe('namespace of the workload'),
  workload: name().describe('name of the workload, the service the pairs belong to'),
  workloadKind: name().default('Process').describe('kind of the workload, as Kubernetes names it'),
};

type ProgramSchema = z.ZodObject & z.ZodType<{ logLevel: LogLevel; supervised: boolean }>;

/** Runs a program to its end and exits the process; see `runProgram` for what `main` may do. */
export function runMain<S extends ProgramSchema>(
  name: string,
  schema: S,
  environment: Environment,
  main: (config: Readonly<z.output<S>>, log: Logger, context: ProgramContext) => Promise<void>,
): Promise<never> {
  const config = configure(name, schema, environment);
  const { logLevel, supervised } = config as { logLevel: LogLevel; supervised: boolean };
  const log = createLogger(name, logLevel);
  // Recorded traffic is for the user who runs the program: no file is readable by others, whatever the shell's umask.
  process.umask(0o077);
  return runProgram(log, { supervised }, (context) => main(config, log, context));
}

function configure<S extends ProgramSchema>(
  name: string,
  schema: S,
  environment: Environment,
): Readonly<z.output<S>> {
  try {
    return loadConfig(schema, environment);
  } catch (err) {
    process.exit(exitCodeOf(err, createLogger(name)));
  }
}
