// The control plane's front door: `serve`, `worker` or `init`. The only place that reads the environment.
import { runMain, systemClock } from '@echoplane/runtime';
import { InitConfig, ServeConfig, WorkerConfig } from './config.ts';
import { runInit } from './init.ts';
import { serve, work } from './serve.ts';

const { env } = process;

switch (process.argv[2]) {
  case 'serve':
    await runMain('cloud', ServeConfig, env, serve);
    break;
  case 'worker':
    await runMain('cloud-worker', WorkerConfig, env, work);
    break;
  case 'init':
    // Its one line on stdout is its result: a program reads it.
    await runMain('cloud-init', InitConfig, { ...env, ECHOPLANE_LOG_LEVEL: 'error' }, async (config) => {
      process.stdout.write(`${JSON.stringify(await runInit(config, systemClock()))}\n`);
    });
    break;
  default:
    process.stderr.write('Say what to run: serve, worker or init.\n');
    process.exit(64);
}
