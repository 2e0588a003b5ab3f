// The generator: replays a snapshot's tests against the service under test, once, and says how the run went.
// The life: config (exit 64 if wrong) ─▶ run, results to the forwarder ─▶ summary to a file and to stdout ─▶ exit 0.
// SIGTERM cancels: the summary then counts what was not sent, and is void.
import { rename, rm, writeFile } from 'node:fs/promises';
import { runMain, startCaptureSender, systemClock } from '@echoplane/runtime';
import type { GeneratorRun } from '@echoplane/traffic';
import { generate } from './app.ts';
import { compactRun } from './compact-run.ts';
import { generatorConfig } from './config.ts';

await runMain('generator', generatorConfig, process.env, async (config, log, { signal, stopper }) => {
  const clock = systemClock();
  const newSender = () => startCaptureSender('generator', config, { log, clock, stopper });
  const run = await generate(config, { newSender, clock, log, signal, environment: process.env });
  if (config.resultFile) await writeResult(config.resultFile, run);
  process.stdout.write(`${JSON.stringify({ event: 'run', run })}\n`);
});

/**
 * Whole or not at all: a reader that polls for the file must not see half of it. A pod's termination log cannot be replaced,
 * because it is mounted; it is read when the container has ended, so that it is written in place, and compact: without
 * histograms, in at most 4,000 bytes.
 */
async function writeResult(path: string, run: GeneratorRun): Promise<void> {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, `${JSON.stringify(run)}\n`);
    await rename(partial, path);
  } catch {
    await rm(partial, { force: true });
    await writeFile(path, `${JSON.stringify(compactRun(run))}\n`);
  }
}
