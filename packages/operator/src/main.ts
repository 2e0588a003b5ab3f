// The operator program: configuration, then the life in app.ts; with `uninstall` it puts everything back instead.
import { runMain } from '@echoplane/runtime';
import { runOperator } from './app.ts';
import { operatorConfig } from './config.ts';
import { runUninstall, uninstallConfig } from './uninstall.ts';

const environment = process.env;
if (process.argv[2] === 'uninstall')
  await runMain('operator', uninstallConfig, environment, (config, log, program) =>
    runUninstall(config, { environment, log, program }),
  );
else
  await runMain('operator', operatorConfig, environment, (config, log, program) =>
    runOperator(config, { environment, log, program }),
  );
