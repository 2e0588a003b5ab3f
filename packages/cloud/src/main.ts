// The control plane's front door: `serve`, `worker` or `init`. The only place that reads the environment.
import {
  createLogger,
  exitCodeOf,
  type LogLevel,
  loadConfig,
  runProgram,
  systemClock,
} from '@echoplane/runtime';
import type { z } from 'zod';
import { InitConfig, ServeConfig, WorkerConfig } from './config.ts';
import { runInit } from './init.ts';
import { serve, work } from './serve.ts';

const { env } = process;
const supervised = env.ECHOPLANE_SUPERVISED === 'true';

/** The configuration; what is wrong with it goes to stderr before anything is opened. */
function configure<S extends z.ZodObject>(schema: S): Readonly<z.output<S>> {
  try {
    return loadConfig(schema, env);
  } catch (err) {
    process.exit(exitCodeOf(err, createLogger('cloud')));
  }
}

const loggerOf = (program: string, level: LogLevel) => createLogger(program, level);

switch (process.argv[2]) {
  case 'serve': {
    const config = configure(ServeConfig);
    const log = loggerOf('cloud', config.logLevel);
    await runProgram(log, { supervised }, (context) => serve(config, log, context));
    break;
  }
  case 'worker': {
    const config = configure(WorkerConfig);
    const log = loggerOf('cloud-worker', config.logLevel);
    await runProgram(log, { supervised }, (context) => work(config, log, context));
    break;
  }
  case 'init': {
    const config = configure(InitConfig);
    await runProgram(loggerOf('cloud-init', 'error'), { supervised }, async () => {
      process.stdout.write(`${JSON.stringify(await runInit(config, systemClock()))}\n`);
    });
    break;
  }
  default:
    process.stderr.write('Say what to run: serve, worker or init.\n');
    process.exit(64);
}
