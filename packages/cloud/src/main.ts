// The control plane's front door: `serve`, `worker`, `init`, `tenant` or `release`. The only place that reads the environment.
import { runMain, systemClock } from '@echoplane/runtime';
import { InitConfig, ServeConfig, TenantConfig, WorkerConfig } from './config.ts';
import { runInit } from './init.ts';
import { releaseOf, setRelease } from './releases.ts';
import { serve, work } from './serve.ts';
import { setSuspended } from './suspension.ts';

const { env } = process;
const [, , command, verb, name] = process.argv;
const USAGE =
  'Say what to run: serve, worker, init, tenant suspend NAME, tenant resume NAME, or release CHANNEL VERSION IMAGE [FROM].\n';

function usage(): never {
  process.stderr.write(USAGE);
  process.exit(64);
}

switch (command) {
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
  case 'tenant': {
    if (!name || (verb !== 'suspend' && verb !== 'resume')) usage();
    const change = { name, suspend: verb === 'suspend' };
    await runMain('cloud-tenant', TenantConfig, { ...env, ECHOPLANE_LOG_LEVEL: 'error' }, (config) =>
      setSuspended(config, change, systemClock()),
    );
    break;
  }
  case 'release': {
    const words = process.argv.slice(3);
    await runMain('cloud-release', TenantConfig, { ...env, ECHOPLANE_LOG_LEVEL: 'error' }, (config) =>
      setRelease(config, releaseOf(words, systemClock().nowUs())),
    );
    break;
  }
  default:
    usage();
}
