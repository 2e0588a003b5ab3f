// The inspector program: configuration, then the life in app.ts.
import { runMain } from '@echoplane/runtime';
import { runInspector } from './app.ts';
import { inspectorConfig } from './config.ts';

await runMain('inspector', inspectorConfig, process.env, (config, log, context) =>
  runInspector(config, { environment: process.env, log, context }),
);
