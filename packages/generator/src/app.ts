// A run from its artifacts to its summary: artifacts here ─▶ threads ready ─▶ check the target ─▶ common start ─▶ tests played,
// in this thread or in several workers ─▶ GeneratorRun. It must not read the environment, and it prints nothing but progress.
import { availableParallelism } from 'node:os';
import type { CaptureSender, Clock, Logger } from '@echoplane/runtime';
import { podAccessOf } from '@echoplane/runtime';
import type { GeneratorRun } from '@echoplane/traffic';
import { awaitStart } from './agreed-start.ts';
import { awaitTarget } from './await-target.ts';
import type { GeneratorConfig } from './config.ts';
import { writeLetters } from './dead-letters.ts';
import { JointCounters } from './joint-counters.ts';
import { runPlan } from './load-plan.ts';
import { artifactsOf } from './run-artifacts.ts';
import { type PartContext, type PlayedPart, playPart } from './run-part.ts';
import { tlsOptionsOf, withParts } from './target.ts';
import { workersOf } from './worker-count.ts';
import { playInWorkers } from './workers.ts';

export interface GeneratorContext {
  /** Where results go of what is played in this thread. */
  newSender: () => CaptureSender;
  clock: Clock;
  log: Logger;
  /** Aborting it cancels the run: no further request leaves, what is under way is given up, results are drained. */
  signal: AbortSignal;
  /** The variables that transforms may ask for. */
  environment: Readonly<Record<string, string | undefined>>;
}

/** Replays the tests. Throws OperatingError when artifacts cannot be read or the target cannot be reached at all. */
export async function generate(asked: GeneratorConfig, context: GeneratorContext): Promise<GeneratorRun> {
  const config = { ...asked, targetUrl: withParts(asked.targetUrl, asked.load?.target) };
  const files = await artifactsOf(config, context).catch((err) => {
    if (context.signal.aborted) return null;
    throw err;
  });
  if (!files) return cancelledEarly(context);
  const workers = workersOf(config, availableParallelism());
  const counters = new JointCounters(config.shard);
  const shared = { ...context, begin: () => begin(config, context), progress: progressOf(context) };
  const play = (): Promise<PlayedPart> => {
    if (workers > 1) return playInWorkers(config, { files, workers }, { ...shared, counters });
    return playPart(config, { files }, { ...shared, counters, sender: context.newSender() });
  };
  const { run, notSent } = await play();
  if (config.notSentFile !== undefined) await writeLetters(config.notSentFile, notSent);
  return run;
}

/** Resolves when the target takes connections and the common start is there. */
async function begin(config: GeneratorConfig, context: GeneratorContext): Promise<number | null> {
  const { targetUrl: target } = config;
  const tls = target.scheme === 'https' ? tlsOptionsOf(target, config) : null;
  await awaitTarget(config, { ...context, tls, timeoutMs: runPlan(config).timeoutMs });
  return commonStart(config, context);
}

function progressOf({ log }: GeneratorContext): PartContext['progress'] {
  return (sent, planned) => log.info({ event: 'progress', sent, planned }, 'progress');
}

/** The summary of a run that was cancelled before its tests were known. */
function cancelledEarly({ clock }: GeneratorContext): GeneratorRun {
  const at = clock.nowUs();
  return {
    ...{ startedAt: at, finishedAt: at, testsPlanned: 0, sent: 0, resultsDelivered: 0, notSent: {} },
    maxEventLoopLagMs: 0,
    voidReasons: ['the run was cancelled before its artifacts were here'],
  };
}

/** µs since the epoch; null without one. */
async function commonStart(config: GeneratorConfig, { clock, log, signal }: GeneratorContext) {
  const { startUrl, startDeadlineMs } = config;
  if (startUrl === undefined || signal.aborted) return null;
  const asked = { url: startUrl, access: podAccessOf(config), deadlineMs: startDeadlineMs };
  return awaitStart({ ...asked, clock, log, signal });
}
