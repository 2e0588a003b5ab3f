// The forwarder program: configuration, then the life in app.ts.
import { createLogger, exitCodeOf, loadConfig, runProgram } from '@echoplane/runtime';
import { runForwarder } from './app.ts';
import { ForwarderConfig } from './config.ts';

try {
  const config = loadConfig(ForwarderConfig, process.env);
  const log = createLogger('forwarder', config.logLevel);
  const supervised = process.env.ECHOPLANE_SUPERVISED === 'true';
  await runProgram(log, { supervised }, (context) => runForwarder(config, log, context));
} catch (err) {
  process.exit(exitCodeOf(err, createLogger('forwarder')));
}
