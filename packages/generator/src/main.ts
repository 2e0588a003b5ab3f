// The generator: replays a snapshot's tests against the service under test, once, and says how the run went.
// The life: config (exit 64 if wrong) ─▶ run, results to the forwarder ─▶ summary to a file and to stdout ─▶ exit 0.
// SIGTERM cancels: the summary then counts what was not sent.
import { rename, writeFile } from 'node:fs/promises';
import {
  CaptureSender,
  createLogger,
  exitCodeOf,
  loadConfig,
  runProgram,
  systemClock,
} from '@echoplane/runtime';
import type { GeneratorRun } from '@echoplane/traffic';
import { generate } from './app.ts';
import { type GeneratorConfig, generatorConfig } from './config.ts';

const config = readConfig();
const log = createLogger('generator', config.logLevel);
const supervised = process.env.ECHOPLANE_SUPERVISED === 'true';

await runProgram(log, { supervised }, async ({ signal, stopper }) => {
  const clock = systemClock();
  const { forwarderHost: host, forwarderPort: port, cluster, namespace, workload, workloadKind } = config;
  const hello = {
    hop: 'generator' as const,
    cluster,
    namespace,
    workload,
    workloadKind,
    pod: workload,
    container: 'generator',
  };
  const sender = new CaptureSender({ host, port, hello, log, clock });
  // Not the program's signal: after a SIGTERM the results so far are still delivered.
  const sent = sender.run(new AbortController().signal);
  stopper.add('results', () => {
    sender.close();
    return sent;
  });
  const run = await generate(config, { sender, clock, log, signal });
  if (config.resultFile) await writeResult(config.resultFile, run);
  process.stdout.write(`${JSON.stringify({ event: 'run', run })}\n`);
});

/** Whole or not at all: a reader that polls for the file must not see half of it. */
async function writeResult(path: string, run: GeneratorRun): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  await writeFile(partial, `${JSON.stringify(run)}\n`);
  await rename(partial, path);
}

function readConfig(): GeneratorConfig {
  try {
    return loadConfig(generatorConfig, process.env);
  } catch (error) {
    process.exit(exitCodeOf(error, createLogger('generator')));
  }
}
