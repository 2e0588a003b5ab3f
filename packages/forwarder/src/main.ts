// The forwarder program: configuration, then the life in app.ts.
import { runMain } from '@echoplane/runtime';
import { runForwarder } from './app.ts';
import { ForwarderConfig } from './config.ts';

await runMain('forwarder', ForwarderConfig, process.env, (config, log, context) =>
  runForwarder(config, log, { ...context, environment: process.env }),
);
